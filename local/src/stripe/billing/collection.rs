//! Collects invoices: first charges, retries, partial payments, and endings without a payment.

use super::ending::{cancel, change_status};
use crate::stripe::money::customers::{Change, change_balance};
use crate::stripe::money::invoice_payments::{ask_default, default_payment, link};
use crate::stripe::money::payments::{Order, attempt};
use crate::stripe::objects::{DunningEnd, Invoice, Status};
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// The days between a failed attempt and the next one.
/// <https://docs.stripe.com/billing/revenue-recovery/smart-retries>
const RETRY_DAYS: [i64; 3] = [3, 5, 7];

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Tries to pay an open invoice with its default payment, or a new one. Returns the payment's id.
///
/// An invoice with nothing due is paid without a payment.
pub(crate) fn collect(
    state: &mut State,
    id: &str,
    payment: Option<&String>,
    status: Status,
    now: i64,
) -> Result<Option<String>> {
    let invoice = state.invoice(id)?.clone();
    let remaining = invoice.remaining();
    if remaining == 0 {
        settle(state, id, now)?;
        return Ok(None);
    }
    let known = default_payment(state, id).or_else(|| payment.cloned());
    let used = attempt(state, known, &order(&invoice, remaining), status, now);
    link(state, id, &used, true, status == Status::Succeeded, now);
    let invoice = state.invoice_mut(id)?;
    if status != Status::Processing {
        invoice.attempts = invoice.attempts.max(1);
    }
    match status {
        Status::Succeeded => {
            invoice.amount_paid += remaining;
            settle(state, id, now)?;
        }
        Status::RequiresPaymentMethod => fail(state, id, now)?,
        Status::RequiresAction => {
            let shown = invoice.to_json();
            state.emit("invoice.payment_action_required", &shown, now);
        }
        Status::Processing => {}
    }
    Ok(Some(used))
}

/// Returns the order for an amount of an invoice.
///
/// Metadata of a subscription does not reach its payments. <https://docs.stripe.com/metadata>
fn order(invoice: &Invoice, amount: i64) -> Order {
    Order {
        customer: invoice.customer.clone(),
        amount,
        currency: invoice.currency.clone(),
        ..Order::default()
    }
}

/// Marks an open invoice as paid in full.
fn settle(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    "paid".clone_into(&mut invoice.status);
    invoice.paid_at = Some(now);
    invoice.next_attempt = None;
    let shown = invoice.to_json();
    state.emit("invoice.paid", &shown, now);
    state.emit("invoice.payment_succeeded", &shown, now);
    follow(state, id, now)
}

/// Records a failed charge, and schedules its retry.
fn fail(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    let subscription = invoice.subscription.clone();
    // The first invoice of a subscription is not retried.
    let retried = invoice.billing_reason != "subscription_create";
    if retried && invoice.next_attempt.is_none() {
        let failed = usize::try_from(invoice.attempts - 1).unwrap_or_default();
        let days = RETRY_DAYS.get(failed);
        invoice.next_attempt = days.map(|days| now + days * DAY_SECONDS);
        invoice.auto_advance = days.is_some();
    }
    let shown = invoice.to_json();
    state.emit("invoice.payment_failed", &shown, now);
    let Some(subscription) = subscription.filter(|_| retried) else {
        return Ok(());
    };
    if ["active", "trialing"].contains(&state.subscription(&subscription)?.status.as_str()) {
        change_status(state, &subscription, "past_due", now)?;
    }
    Ok(())
}

/// Retries the charge of an open invoice; after the last attempt, dunning ends.
pub(crate) fn retry(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    invoice.next_attempt = None;
    invoice.attempts += 1;
    let of = invoice.subscription.clone();
    charge_card(state, id, now)?;
    let invoice = state.invoice(id)?;
    let over = invoice.status == "open" && invoice.next_attempt.is_none();
    let Some(of) = of.filter(|_| over) else {
        return Ok(());
    };
    if state.subscription(&of)?.has_ended() {
        return Ok(());
    }
    match state.settings.dunning_ends {
        DunningEnd::Cancel => cancel(state, &of, now, now),
        DunningEnd::Unpaid => change_status(state, &of, "unpaid", now),
        DunningEnd::PastDue => Ok(()),
    }
}

/// Charges an open invoice to its subscription's card.
pub(crate) fn charge_card(state: &mut State, id: &str, now: i64) -> Result<()> {
    let of = state.invoice(id)?.subscription.clone();
    let status = charged(state, of.as_deref());
    collect(state, id, None, status, now)?;
    Ok(())
}

/// Returns the outcome of a charge of a subscription's card.
pub(crate) fn charged(state: &State, subscription: Option<&str>) -> Status {
    let subscription = subscription.and_then(|id| state.subscriptions.get(id));
    subscription.map_or(Status::Succeeded, |known| known.card.outcome())
}

/// Brings the status of an invoice's subscription in line with its newest finalized invoice.
///
/// The subscription is active again when that invoice is paid or marked as uncollectible. A void one does not count.
/// <https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses>
fn follow(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice(id)?.clone();
    let Some(of) = invoice.subscription else {
        return Ok(());
    };
    let mut finalized = state.invoices.values().rev().filter(|one| {
        let counts = one.finalized_at.is_some() && one.status != "void";
        counts && one.subscription.as_ref() == Some(&of)
    });
    let newest_is_done = finalized.next().is_some_and(|one| one.status != "open");
    let subscription = state.subscription_mut(&of)?;
    let becomes = match subscription.status.as_str() {
        "incomplete" if invoice.status == "void" => "incomplete_expired",
        "past_due" | "unpaid" | "incomplete" if newest_is_done => "active",
        // A pause ends only with the invoice of the resumption.
        "paused"
            if subscription
                .paused_at
                .is_some_and(|at| at <= invoice.created)
                && subscription.latest_invoice.as_deref() == Some(id)
                && invoice.status != "void" =>
        {
            subscription.paused_at = None;
            "active"
        }
        _ => return Ok(()),
    };
    change_status(state, &of, becomes, now)
}

/// Pays a part of an open invoice with a separate payment; returns the payment's id.
pub(crate) fn pay_part(state: &mut State, id: &str, amount: i64, now: i64) -> Result<String> {
    let invoice = state.invoice(id)?.clone();
    if invoice.status != "open" || !(1..=invoice.remaining()).contains(&amount) {
        let remaining = invoice.remaining();
        let message = format!(
            "The invoice is {}, with {remaining} remaining.",
            invoice.status
        );
        return Err(Error::invalid(message));
    }
    let used = attempt(
        state,
        None,
        &order(&invoice, amount),
        Status::Succeeded,
        now,
    );
    link(state, id, &used, false, true, now);
    let invoice = state.invoice_mut(id)?;
    invoice.amount_paid += amount;
    let remaining = invoice.remaining();
    ask_default(state, id, remaining, now);
    if remaining == 0 {
        settle(state, id, now)?;
    }
    Ok(used)
}

/// Marks the rest of an invoice as paid outside of Stripe.
pub(crate) fn pay_off_stripe(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    let remaining = invoice.remaining();
    invoice.amount_paid += remaining;
    invoice.paid_off_stripe += remaining;
    "paid".clone_into(&mut invoice.status);
    invoice.paid_at = Some(now);
    invoice.next_attempt = None;
    let shown = invoice.to_json();
    ask_default(state, id, 0, now);
    // There was no attempt, so no `invoice.payment_succeeded`. https://docs.stripe.com/api/events/types
    state.emit("invoice.paid", &shown, now);
    follow(state, id, now)
}

/// Voids a finalized invoice, and restores the customer's balance that it used.
pub(crate) fn void(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    if !["open", "uncollectible"].contains(&invoice.status.as_str()) {
        return Err(not_open());
    }
    "void".clone_into(&mut invoice.status);
    invoice.voided_at = Some(now);
    invoice.next_attempt = None;
    let taken = invoice.ending_balance.unwrap_or_default() - invoice.starting_balance;
    let customer = invoice.customer.clone();
    let shown = invoice.to_json();
    ask_default(state, id, 0, now);
    state.emit("invoice.voided", &shown, now);
    if let Some(customer) = customer.filter(|_| taken != 0) {
        let change = Change::of(state.invoice(id)?, "unapplied_from_invoice", -taken);
        change_balance(state, &customer, &change, now)?;
    }
    follow(state, id, now)
}

/// Marks an open invoice as uncollectible, for one of Stripe's reasons.
pub(crate) fn mark_uncollectible(
    state: &mut State,
    id: &str,
    reason: &str,
    now: i64,
) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    if invoice.status != "open" {
        return Err(not_open());
    }
    "uncollectible".clone_into(&mut invoice.status);
    invoice.uncollectible_at = Some(now);
    invoice.uncollectible_reason = Some(reason.to_owned());
    invoice.next_attempt = None;
    let shown = invoice.to_json();
    state.emit("invoice.marked_uncollectible", &shown, now);
    follow(state, id, now)
}

fn not_open() -> Error {
    let message = "You can only pass in open invoices. This invoice isn't open.";
    Error::invalid(message).executed()
}
