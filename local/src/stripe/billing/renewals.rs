//! Renews subscriptions. The period rolls over at once, and its invoice stays a draft for an hour.

use std::ops::Range;

use super::collection::{charge_card, collect, mark_uncollectible, void};
use super::ending::cancel;
use super::invoicing::{self, Bill, DRAFT_SECONDS};
use crate::stripe::objects::{
    Card, Item, Line, MeterEvent, Period, Price, Status, Subscription, aggregate,
};
use crate::stripe::state::State;
use crate::stripe::wire::json::text;
use crate::stripe::wire::{Error, Result};

/// The outcome of a renewal's payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The next period is paid.
    Paid,
    /// The next period begins, but its payment fails.
    Failed,
    /// The open invoice is paid, if there is one; otherwise as `Paid`.
    Settled,
}

/// Ends the period of a subscription. Returns the id of the next invoice, if there is one.
///
/// The clock does not move. With `skips_hour`, an existing draft is finalized and charged at once; without one, the
/// period rolls over, and its invoice is.
pub(crate) fn renew(
    state: &mut State,
    id: &str,
    outcome: Outcome,
    skips_hour: bool,
    now: i64,
) -> Result<Option<String>> {
    let subscription = state.subscription_mut(id)?;
    if subscription.has_ended() {
        let message = format!("The subscription {id} is {}.", subscription.status);
        return Err(Error::invalid(message));
    }
    subscription.card = if outcome == Outcome::Failed {
        Card::Declined
    } else {
        Card::Good
    };
    let latest = |status: &str| {
        let mut invoices = state.invoices.values().rev();
        let found = invoices.find(|one| {
            let waits = status == "open" || one.finalizes_at.is_some();
            one.subscription.as_deref() == Some(id) && one.status == status && waits
        });
        found.map(|one| one.id.clone())
    };
    let (open, draft) = (latest("open"), latest("draft"));
    if let (Outcome::Settled, Some(open)) = (outcome, open) {
        collect(state, &open, None, Status::Succeeded, now)?;
        return Ok(Some(open));
    }
    let invoice = match draft.filter(|_| skips_hour) {
        Some(draft) => Some(draft),
        None => roll_over(state, id, now)?,
    };
    if let Some(invoice) = invoice.as_deref().filter(|_| skips_hour) {
        advance(state, invoice, now)?;
    }
    Ok(invoice)
}

/// Finalizes a draft and charges it.
pub(crate) fn advance(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice(id)?;
    let advances = invoice.status == "draft" && invoice.auto_advance;
    if advances && invoicing::finalize(state, id, now)? {
        charge_card(state, id, now)?;
    }
    Ok(())
}

/// Begins the next period, with a draft as its invoice. Returns the draft's id, if there is one.
///
/// A subscription that is set to end with its period ends; a paused one is not billed.
pub(crate) fn roll_over(state: &mut State, id: &str, now: i64) -> Result<Option<String>> {
    let subscription = state.subscription(id)?.clone();
    let (start, end) = subscription.period().unwrap_or((now, now));
    if subscription.ends_with_period() {
        cancel(state, id, end, now)?;
        return Ok(None);
    }
    if subscription.status == "paused" {
        return Ok(None);
    }
    let mut lines = used(state, &subscription);
    let subscription = state.subscription_mut(id)?;
    lines.splice(0..0, std::mem::take(&mut subscription.pending));
    let anchor = subscription.anchor();
    for item in &mut subscription.items.data {
        item.advance(anchor);
    }
    if subscription.status == "trialing" {
        "active".clone_into(&mut subscription.status);
    }
    for item in subscription.items.data.clone() {
        if !item.price.is_metered() {
            lines.push(Line::of(state.next_id("il_"), &item));
        }
    }
    let invoice = state.next_id("in_");
    let subscription = state.subscription_mut(id)?;
    subscription.latest_invoice = Some(invoice.clone());
    let pause = subscription.pause_collection.clone();
    // Invoices of an unpaid subscription stay drafts.
    let advances = pause.is_none() && subscription.status != "unpaid";
    let updated = subscription.to_json();
    state.emit("customer.subscription.updated", &updated, now);
    let bill = Bill {
        // The invoice's period is the past one; only its lines have the period that they pay for.
        period: Period { start, end },
        finalizes_at: advances.then_some(now + DRAFT_SECONDS),
        ..Bill::at_once("subscription_cycle", lines, now)
    };
    invoicing::draft(state, id, &invoice, bill, now)?;
    let behavior = pause.map(|pause| pause.behavior);
    match behavior.as_deref() {
        Some("void") => {
            invoicing::finalize_unpaid(state, &invoice, now)?;
            void(state, &invoice, now)?;
        }
        Some("mark_uncollectible") => {
            invoicing::finalize_unpaid(state, &invoice, now)?;
            mark_uncollectible(state, &invoice, "subscription_paused", now)?;
        }
        _ => {}
    }
    Ok(Some(invoice))
}

/// Returns the usage of a customer in a period, for a metered price. It is a whole number, at least zero.
fn usage(state: &State, price: &Price, customer: &str, period: &Range<i64>) -> i64 {
    let meter = price.meter().and_then(|id| state.objects.get("meters", id));
    let Some(meter) = meter else { return 0 };
    let events = state.meter_events.iter().filter(|event| {
        let own = meter["event_name"] == event.event_name.as_str() && event.customer == customer;
        own && period.contains(&event.timestamp)
    });
    let events: Vec<&MeterEvent> = events.collect();
    let used = aggregate(text(&meter["default_aggregation"], "formula"), &events);
    used.as_i64().unwrap_or_default().max(0)
}

/// Returns the lines for the usage in the ending period.
fn used(state: &mut State, subscription: &Subscription) -> Vec<Line> {
    let items = subscription.items.data.iter();
    let metered = items.filter(|item| item.price.is_metered());
    let metered: Vec<Item> = metered.cloned().collect();
    let mut lines = Vec::new();
    for mut item in metered {
        let period = item.current_period_start..item.current_period_end;
        let customer = subscription.customer.as_deref().unwrap_or_default();
        item.quantity = usage(state, &item.price, customer, &period);
        lines.push(Line::of(state.next_id("il_"), &item));
    }
    lines
}
