//! Does what is due by the clock: drafts, retries, ends of trials, of pauses and of periods.

use super::collection::retry;
use super::renewals::{advance, roll_over};
use crate::stripe::error::Error;
use crate::stripe::settings::Periods;
use crate::stripe::state::State;
use crate::stripe::subscriptions::Subscription;

/// The most that happens in one step of the clock.
const MAX_STEPS: usize = 100_000;

/// An action, and the object that it is about.
#[derive(Debug)]
enum Action {
    ResumeCollection(String),
    Advance(String),
    Retry(String),
    RollOver(String),
}

/// Does everything that is due, in the order in which it was, as of when it was.
///
/// Returns whether anything was.
pub(in crate::stripe) fn pass_time(state: &mut State, now: i64) -> bool {
    let mut passed = false;
    for _ in 0..MAX_STEPS {
        let Some((due, action)) = next(state).filter(|(due, _)| *due <= now) else {
            return passed;
        };
        act(state, &action, due).expect("an object that has something due is there");
        passed = true;
    }
    panic!("more than {MAX_STEPS} things were due by {now}");
}

/// The action that is due first.
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

/// The end of a period that the clock ends: a trial's always, another one's if it is set so.
fn period_end(subscription: &Subscription, periods: Periods) -> Option<i64> {
    let by_clock = subscription.status == "trialing" || periods == Periods::Clock;
    let renews = ["trialing", "active", "past_due", "unpaid"];
    let renews = renews.contains(&subscription.status.as_str());
    let (_, end) = subscription.period().filter(|_| by_clock && renews)?;
    Some(end)
}

fn act(state: &mut State, action: &Action, now: i64) -> Result<(), Error> {
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
