//! Checkout Sessions: `/v1/checkout/sessions`, pages where one order is paid.

use std::collections::BTreeMap;

use super::orders::ordered;
use crate::stripe::billing;
use crate::stripe::objects::Session;
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Form, Result};

/// The allowed lifetime of a session, in seconds: half an hour to a day.
const OPEN_SECONDS: std::ops::RangeInclusive<i64> = 1_800..=86_400;

/// `POST /v1/checkout/sessions`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let mut session = take(state, &mut call.form, call.now)?;
    call.form.finish()?;
    if !OPEN_SECONDS.contains(&(session.expires_at - call.now)) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours \
             from Checkout Session creation.";
        return Err(Error::param("parameter_invalid", "expires_at", message).executed());
    }
    session.id = state.next_id("cs_test_");
    session.url = format!("{}/c/pay/{}", state.base, session.id);
    let created = session.to_json();
    state.checkout_sessions.insert(session.id.clone(), session);
    Ok(created)
}

/// Takes the parameters of a session.
fn take(state: &mut State, form: &mut Form, now: i64) -> Result<Session> {
    if form.has("payment_method_types") {
        let message = "payment_method_types is no longer supported.";
        let code = "payment_method_types_no_longer_supported";
        return Err(Error::param(code, "payment_method_types", message));
    }
    let mode = form.required_word("mode", &["payment", "subscription"])?;
    let customer = form.text("customer", 255)?;
    if let Some(id) = &customer {
        state.customer("customer", id)?;
    }
    let mut lines = ordered(state, form, "line_items", Some(mode))?;
    for line in &mut lines {
        line.id = state.next_id("li_");
    }
    let automatic_tax = automatic_tax(form, customer.is_some())?;
    let prices: Vec<_> = lines.iter().map(|line| &line.price).collect();
    if automatic_tax {
        state.settings.tax.require(&prices)?;
    }
    let tax_behavior = state.settings.tax.behavior_of(prices[0]);
    let billing_mode = "subscription_data[billing_mode][type]";
    let session = Session {
        id: String::new(),
        url: String::new(),
        mode: mode.to_owned(),
        status: "open".to_owned(),
        payment_status: "unpaid".to_owned(),
        currency: prices[0].currency.clone(),
        customer,
        discount: 0,
        passed_on: passed_on(form, mode)?,
        payment_intent: None,
        subscription: None,
        invoice: None,
        automatic_tax,
        tax_behavior: tax_behavior.unwrap_or_default(),
        trial_end: trial_end(form, now)?,
        billing_mode: form
            .word(billing_mode, &["classic", "flexible"])?
            .map(str::to_owned),
        expires_at: form.integer("expires_at")?.unwrap_or(now + 86_400),
        client_reference_id: form.text("client_reference_id", 200)?,
        success_url: form.required("success_url", 5_000)?,
        cancel_url: form.text("cancel_url", 5_000)?,
        promotion_codes: form.truth("allow_promotion_codes")? == Some(true),
        metadata: form.metadata("metadata")?,
        lines,
        created: now,
        overrides: BTreeMap::new(),
    };
    form.word(
        "submit_type",
        &["auto", "book", "donate", "pay", "subscribe"],
    )?;
    form.text("locale", 20)?;
    Ok(session)
}

/// Takes whether the order has automatic tax, which needs the address of a known customer.
fn automatic_tax(form: &mut Form, is_known: bool) -> Result<bool> {
    let automatic_tax = form.truth("automatic_tax[enabled]")? == Some(true);
    let keeps_address = form.word("customer_update[address]", &["auto", "never"])? == Some("auto");
    if automatic_tax && is_known && !keeps_address {
        let message = "Automatic tax calculation in Checkout requires a valid address on the \
             Customer. Add a valid address to the Customer or set `customer_update[address]=auto`.";
        let code = "customer_tax_location_invalid";
        return Err(Error::param(code, "automatic_tax", message));
    }
    Ok(automatic_tax)
}

/// Reads the end of the trial that a plan begins with.
fn trial_end(form: &mut Form, now: i64) -> Result<Option<i64>> {
    let end = form.integer("subscription_data[trial_end]")?;
    let days = form.integer("subscription_data[trial_period_days]")?;
    Ok(end.or(days.map(|days| now + days * 86_400)))
}

/// Reads the metadata for the payment or the subscription. Each mode has its own parameter.
fn passed_on(form: &mut Form, mode: &str) -> Result<BTreeMap<String, String>> {
    let (own, other) = if mode == "payment" {
        ("payment_intent_data", "subscription_data")
    } else {
        ("subscription_data", "payment_intent_data")
    };
    if form.has(other) {
        let message = format!("You can not pass `{other}` in `{mode}` mode.");
        return Err(Error::param("parameter_invalid", other, message));
    }
    form.metadata(&format!("{own}[metadata]"))
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(crate) fn expire(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    billing::expire(state, id, call.now)
}
