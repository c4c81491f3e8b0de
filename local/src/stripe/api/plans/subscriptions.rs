//! Subscriptions: `/v1/subscriptions`, begun without a page and charged to the customer's card, and ended.

use super::update_subscription::trial_end;
use crate::stripe::api::orders::ordered;
use crate::stripe::billing::{self, Beginning, TrialEnd};
use crate::stripe::objects::Card;
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Result};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// `POST /v1/subscriptions`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let customer = form.required("customer", 255)?;
    // Without a known card, charges succeed.
    let declines = state.customer("customer", &customer)?["_card"] == "declined";
    let card = if declines { Card::Declined } else { Card::Good };
    let ordered = ordered(state, form, "items", None)?;
    let automatic_tax = form.truth("automatic_tax[enabled]")? == Some(true);
    let end = match trial_end(form, now)? {
        Some(TrialEnd::At(end)) => Some(end),
        Some(TrialEnd::Now) | None => None,
    };
    let days = form.integer("trial_period_days")?;
    let billing_mode = form.word("billing_mode[type]", &["classic", "flexible"])?;
    let metadata = form.metadata("metadata")?;
    form.finish()?;
    let prices: Vec<_> = ordered.iter().map(|one| &one.price).collect();
    if automatic_tax {
        state.settings.tax.require(&prices)?;
    }
    let beginning = Beginning {
        currency: prices[0].currency.clone(),
        customer: Some(customer),
        metadata,
        ordered,
        automatic_tax,
        discount: 0,
        trial_end: end.or(days.map(|days| now + days * DAY_SECONDS)),
        billing_mode: billing_mode.map(str::to_owned),
        card,
    };
    let begun = billing::subscribe(state, beginning, None, card.outcome(), now)?;
    Ok(state.subscription(&begun.subscription)?.to_json())
}

/// `DELETE /v1/subscriptions/{id}`, which ends it now.
pub(crate) fn cancel(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.truth("invoice_now")?;
    call.form.truth("prorate")?;
    call.form.finish()?;
    if state.subscription(id)?.status == "canceled" {
        return Err(Error::no_such("subscription", "id", id));
    }
    billing::cancel(state, id, call.now, call.now)?;
    Ok(state.subscription(id)?.to_json())
}
