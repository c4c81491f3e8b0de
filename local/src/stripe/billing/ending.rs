//! Ends subscriptions, and sets their statuses.

use crate::stripe::state::State;
use crate::stripe::wire::Result;

/// Sets the status of a subscription to any word, and emits its event.
pub(crate) fn change_status(state: &mut State, id: &str, status: &str, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    if status == "canceled" {
        subscription.end(now, now);
    }
    status.clone_into(&mut subscription.status);
    let changed = subscription.to_json();
    state.emit("customer.subscription.updated", &changed, now);
    Ok(())
}

/// Ends a subscription at a moment, and emits its event. Its invoices are no longer collected.
/// <https://docs.stripe.com/billing/subscriptions/cancel>
pub(crate) fn cancel(state: &mut State, id: &str, at: i64, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    subscription.end(at, now);
    let ended = subscription.to_json();
    for invoice in state.invoices.values_mut() {
        if invoice.subscription.as_deref() == Some(id) {
            invoice.auto_advance = false;
            invoice.finalizes_at = None;
            invoice.next_attempt = None;
        }
    }
    state.emit("customer.subscription.deleted", &ended, now);
    Ok(())
}
