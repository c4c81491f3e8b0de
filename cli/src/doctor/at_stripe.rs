//! Checks of what `sparks stripe-setup` creates at Stripe, compared with the catalogue.

use shared::pricing::catalog::OFFERS;
use shared::providers::stripe::API_VERSION;

use super::check::Check;
use crate::stripe_account::StripeAccount;
use crate::{Console, Error};

pub(super) async fn meter(account: &StripeAccount) -> Result<Check, Error> {
    let name = "meter";
    let Some(meter) = account.meter().await? else {
        return Ok(Check::bad(
            name,
            "Stripe has no meter; run `sparks stripe-setup`",
        ));
    };
    let charging = account.charging_for(&meter).await?;
    Ok(match charging {
        Some(price) => Check::bad(
            name,
            format!(
                "it must have no price, because Sparks are prepaid, but {price}: {}",
                price.advice()
            ),
        ),
        None if !meter.is_active() => Check::bad(name, "it is archived; run `sparks stripe-setup`"),
        None if !meter.counts_sparks() => Check::bad(name, "it does not sum `value` by customer"),
        None => Check::good(name, format!("{} is active, and has no price", meter.id)),
    })
}

pub(super) async fn prices(console: &Console<'_>, account: &StripeAccount) -> Result<Check, Error> {
    let name = "prices";
    let price_ids = console.environment.stripe_price_ids()?;
    for offer in &OFFERS {
        let id = &price_ids[offer.item];
        match account.price(id).await? {
            Some(price) if price.is_of(offer) => {}
            Some(_) => {
                let item = offer.item;
                let detail = format!("{id} of {item} is inactive, or differs from the catalogue");
                return Ok(Check::bad(name, detail));
            }
            None => return Ok(Check::bad(name, format!("Stripe has no price {id}"))),
        }
    }
    let mode = if account.livemode() { "live" } else { "test" };
    Ok(Check::good(
        name,
        format!("all {} match the catalogue, in {mode} mode", OFFERS.len()),
    ))
}

/// Checks the tax settings if the deployment has Stripe add taxes. Without a default, Stripe refuses every checkout.
pub(super) async fn tax(console: &Console<'_>, account: &StripeAccount) -> Result<Check, Error> {
    let name = "tax";
    if !console.environment.automatic_tax()? {
        return Ok(Check::good(name, "Stripe adds no taxes"));
    }
    let settings = account.tax_settings().await?;
    Ok(match settings.behavior() {
        None => Check::bad(
            name,
            "there is no default tax behaviour, so every checkout fails; run `sparks stripe-setup`",
        ),
        Some(_) if !settings.is_active() => Check::bad(
            name,
            "Stripe Tax is not active: set the address of the head office in the Dashboard",
        ),
        Some(behavior) => Check::good(name, format!("Stripe adds taxes, {behavior} by default")),
    })
}

pub(super) async fn webhooks(account: &StripeAccount) -> Result<Check, Error> {
    let name = "webhooks";
    let endpoints = account.endpoints().await?;
    let mut current = endpoints
        .iter()
        .filter(|endpoint| endpoint.api_version.as_deref() == Some(API_VERSION));
    let Some(endpoint) = current.next() else {
        let detail =
            format!("no endpoint has API version {API_VERSION}; run `sparks stripe-setup`");
        return Ok(Check::bad(name, detail));
    };
    let missing = endpoint.missing_events();
    if endpoint.status != "enabled" {
        return Ok(Check::bad(name, format!("{} is disabled", endpoint.id)));
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Ok(Check::bad(
            name,
            format!("events that are not sent: {missing}"),
        ));
    }
    Ok(Check::good(
        name,
        format!("{} receives all events", endpoint.id),
    ))
}

pub(super) async fn meter_errors(account: &StripeAccount) -> Result<Check, Error> {
    let name = "meter_errors";
    let Some(destination) = account.destination().await? else {
        let detail = "no event destination reports meter errors; run `sparks stripe-setup`";
        return Ok(Check::bad(name, detail));
    };
    let id = &destination.id;
    if !destination.sends_all() {
        let detail = format!("{id} is disabled or lacks events; run `sparks stripe-setup`");
        return Ok(Check::bad(name, detail));
    }
    Ok(Check::good(name, format!("{id} reports meter errors")))
}
