//! Changes subscriptions in the middle of a period: prices, anchors, trials and pauses.

use super::collection::charged;
use super::invoicing::{Bill, charge};
use crate::stripe::objects::{Item, Line, Parent, PauseCollection};
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// The end of a trial, as the caller gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrialEnd {
    Now,
    At(i64),
}

/// Changes the price of a subscription's item, from now on.
///
/// The difference until the end of the period is invoiced now (`always_invoice`), with the next invoice
/// (`create_prorations`), or not at all. Another interval begins a new period, which is always invoiced now.
/// <https://docs.stripe.com/billing/subscriptions/prorations>
pub(crate) fn change_price(
    state: &mut State,
    id: &str,
    item: &Item,
    prorate: &str,
    now: i64,
) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    let trialing = subscription.status == "trialing";
    let mut items = subscription.items.data.iter_mut();
    let Some(old) = items.find(|known| known.id == item.id) else {
        return Err(Error::no_such(
            "subscription item",
            "items[0][id]",
            &item.id,
        ));
    };
    let before = std::mem::replace(old, item.clone());
    if trialing {
        return Ok(());
    }
    if !before.price.has_interval_of(&item.price) {
        let credits = credits(state, &[before], prorate, now);
        return bill_afresh(state, id, credits, now);
    }
    if prorate == "none" {
        return Ok(());
    }
    let lines = vec![
        proration(state, &before, -before.amount(), now),
        proration(state, item, item.amount(), now),
    ];
    if prorate == "create_prorations" {
        return wait(state, id, lines);
    }
    let bill = Bill::at_once("subscription_update", lines, now);
    charge(state, id, bill, charged(state, Some(id)), now)?;
    Ok(())
}

/// Adds lines to the next invoice of a subscription, as pending invoice items.
pub(crate) fn wait(state: &mut State, id: &str, mut lines: Vec<Line>) -> Result<()> {
    for line in &mut lines {
        line.parent = Parent::InvoiceItem(state.next_id("ii_"));
    }
    state.subscription_mut(id)?.pending.extend(lines);
    Ok(())
}

/// Returns the credits for the unused rest of some items, unless prorations are turned off.
fn credits(state: &mut State, items: &[Item], prorate: &str, now: i64) -> Vec<Line> {
    let items = items.iter().filter(|item| !item.price.is_metered());
    let items = items.filter(|_| prorate != "none");
    items
        .map(|item| proration(state, item, -item.amount(), now))
        .collect()
}

/// Begins a period now and charges it at once. Subtracts the credits for the last one.
fn bill_afresh(state: &mut State, id: &str, credits: Vec<Line>, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    subscription.anchor = Some(now);
    if subscription.status == "trialing" {
        "active".clone_into(&mut subscription.status);
        subscription.trial_end = Some(now);
    }
    for item in &mut subscription.items.data {
        item.restart(now);
    }
    let items = subscription.items.data.clone();
    let mut lines = credits;
    for item in items.iter().filter(|item| !item.price.is_metered()) {
        lines.push(Line::of(state.next_id("il_"), item));
    }
    let bill = Bill::at_once("subscription_update", lines, now);
    charge(state, id, bill, charged(state, Some(id)), now)?;
    Ok(())
}

/// Begins a new period of a subscription now: `billing_cycle_anchor[type]=now`.
pub(crate) fn reset_anchor(state: &mut State, id: &str, prorate: &str, now: i64) -> Result<()> {
    let subscription = state.subscription(id)?;
    let trialing = subscription.status == "trialing";
    let items = subscription.items.data.clone();
    let prorate = if trialing { "none" } else { prorate };
    let credits = credits(state, &items, prorate, now);
    bill_afresh(state, id, credits, now)
}

/// Sets the end of a trial, or ends it now. A subscription without a trial begins one, with an invoice of zero.
pub(crate) fn set_trial_end(
    state: &mut State,
    id: &str,
    end: TrialEnd,
    prorate: &str,
    now: i64,
) -> Result<()> {
    let subscription = state.subscription(id)?;
    let trialing = subscription.status == "trialing";
    let items = subscription.items.data.clone();
    let end = match end {
        TrialEnd::At(end) => end,
        TrialEnd::Now if trialing => return bill_afresh(state, id, Vec::new(), now),
        TrialEnd::Now => return Ok(()),
    };
    if !trialing {
        let credits = credits(state, &items, prorate, now);
        wait(state, id, credits)?;
    }
    let subscription = state.subscription_mut(id)?;
    "trialing".clone_into(&mut subscription.status);
    subscription.trial_start.get_or_insert(now);
    subscription.trial_end = Some(end);
    subscription.anchor = Some(end);
    for item in &mut subscription.items.data {
        item.current_period_start = now;
        item.current_period_end = end;
    }
    let mut lines = Vec::new();
    for item in subscription.items.data.clone() {
        let mut line = Line::of(state.next_id("il_"), &item);
        line.amount = 0;
        line.description = format!("Trial period for {}", item.price.product);
        lines.push(line);
    }
    let bill = Bill::at_once("subscription_update", lines, now);
    charge(state, id, bill, charged(state, Some(id)), now)?;
    Ok(())
}

/// Pauses a subscription: it is not billed until it is resumed.
pub(crate) fn pause(state: &mut State, id: &str, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    if !["active", "trialing", "past_due"].contains(&subscription.status.as_str()) {
        let message = format!(
            "A subscription that is {} cannot be paused.",
            subscription.status
        );
        return Err(Error::invalid(message).executed());
    }
    "paused".clone_into(&mut subscription.status);
    subscription.paused_at = Some(now);
    let paused = subscription.to_json();
    state.emit("customer.subscription.paused", &paused, now);
    state.emit("customer.subscription.updated", &paused, now);
    Ok(())
}

/// Resumes a paused subscription. With a new anchor, it becomes active when its invoice is paid.
/// <https://docs.stripe.com/api/subscriptions/resume>
pub(crate) fn resume(state: &mut State, id: &str, resets_anchor: bool, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    if subscription.status != "paused" {
        let message = format!(
            "Only a paused subscription can be resumed. This one is {}.",
            subscription.status
        );
        return Err(Error::invalid(message).executed());
    }
    if resets_anchor {
        bill_afresh(state, id, Vec::new(), now)?;
    } else {
        "active".clone_into(&mut subscription.status);
        subscription.paused_at = None;
        let resumed = subscription.to_json();
        state.emit("customer.subscription.updated", &resumed, now);
    }
    let subscription = state.subscription(id)?;
    if subscription.status == "active" {
        let resumed = subscription.to_json();
        state.emit("customer.subscription.resumed", &resumed, now);
    }
    Ok(())
}

/// Pauses or resumes the collection of a subscription's invoices.
///
/// An invoice in its draft hour is not charged either: it stays a draft.
pub(crate) fn pause_collection(
    state: &mut State,
    id: &str,
    pause: Option<PauseCollection>,
) -> Result<()> {
    let paused = pause.is_some();
    state.subscription_mut(id)?.pause_collection = pause;
    let drafts = state.invoices.values_mut().filter(|one| {
        let waits = one.status == "draft" && one.subscription.as_deref() == Some(id);
        waits && paused
    });
    for draft in drafts {
        draft.auto_advance = false;
        draft.finalizes_at = None;
    }
    Ok(())
}

/// Returns a line for an amount's share of the period's rest, rounded towards zero.
fn proration(state: &mut State, item: &Item, amount: i64, now: i64) -> Line {
    let end = item.current_period_end;
    let whole = (end - item.current_period_start).max(1);
    let left = (end - now).clamp(0, whole);
    let mut line = Line::of(state.next_id("il_"), item);
    line.amount = amount * left / whole;
    line.proration = true;
    line.period.start = now.min(end);
    let what = if amount < 0 { "Unused" } else { "Remaining" };
    line.description = format!("{what} time on {}", line.description);
    line
}
