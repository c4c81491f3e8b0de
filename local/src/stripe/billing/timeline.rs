//! Acts by the clock: finalizes drafts, retries charges, and ends trials, pauses and periods.

use super::collection::retry;
use super::renewals::{advance, roll_over};
use crate::stripe::objects::{Periods, Subscription};
use crate::stripe::state::State;
use crate::stripe::wire::Result;

/// The most actions in one step of the clock.
const MAX_STEPS: usize = 100_000;

/// An action, with the id of its object.
#[derive(Debug)]
enum Action {
    ResumeCollection(String),
    Advance(String),
    Retry(String),
    RollOver(String),
}

/// Performs all due actions in order, each with the time at which it was due.
///
/// Returns whether there were any.
pub(crate) fn pass_time(state: &mut State, now: i64) -> bool {
    let mut passed = false;
    for _ in 0..MAX_STEPS {
        let Some((due, action)) = next(state).filter(|(due, _)| *due <= now) else {
            return passed;
        };
        act(state, &action, due).expect("the object of a due action exists");
        passed = true;
    }
    panic!("more than {MAX_STEPS} actions were due by {now}");
}

/// Returns the action that is due first, with its time.
fn next(state: &State) -> Option<(i64, Action)> {
    let subscriptions = state.subscriptions.values();
    let of_subscriptions = subscriptions.flat_map(|one| {
        let resumes = one.pause_collection.as_ref();
        let resumes = resumes.and_then(|pause| pause.resumes_at);
        let resumes = resumes.map(|at| (at, Action::ResumeCollection(one.id.clone())));
        let ends = period_end(one, state.settings.periods);
        let ends = ends.map(|at| (at, Action::RollOver(one.id.clone())));
        [resumes, ends]
    });
    let of_invoices = state.invoices.values().flat_map(|one| {
        let advances = one.finalizes_at;
        let advances = advances.map(|at| (at, Action::Advance(one.id.clone())));
        let retries = one.next_attempt;
        let retries = retries.map(|at| (at, Action::Retry(one.id.clone())));
        [advances, retries]
    });
    let due = of_subscriptions.chain(of_invoices).flatten();
    due.min_by_key(|(at, _)| *at)
}

/// Returns the end of the period if the clock ends it. That is always for a trial, else only with `Periods::Clock`.
fn period_end(subscription: &Subscription, periods: Periods) -> Option<i64> {
    let by_clock = subscription.status == "trialing" || periods == Periods::Clock;
    let renews = ["trialing", "active", "past_due", "unpaid"];
    let renews = renews.contains(&subscription.status.as_str());
    let (_, end) = subscription.period().filter(|_| by_clock && renews)?;
    Some(end)
}

fn act(state: &mut State, action: &Action, now: i64) -> Result<()> {
    match action {
        Action::ResumeCollection(id) => {
            let subscription = state.subscription_mut(id)?;
            subscription.pause_collection = None;
            let changed = subscription.to_json();
            state.emit("customer.subscription.updated", &changed, now);
            Ok(())
        }
        Action::Advance(id) => {
            state.invoice_mut(id)?.finalizes_at = None;
            advance(state, id, now)
        }
        Action::Retry(id) => retry(state, id, now),
        Action::RollOver(id) => roll_over(state, id, now).map(drop),
    }
}
