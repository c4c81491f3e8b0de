//! The time at which a pending usage is due again. Pure.
//!
//! A delivery that was sent but not confirmed is retried after pauses that grow with the attempts. One that could not
//! be sent is looked at again after about as long as it has waited, so that an outage costs few writes.

use jiff::{SignedDuration, Timestamp};

use super::{next_attempt, traces};
use crate::delivery::{Mark, Marks, Parts, Waiting};
use crate::ledger::DeliveryState;

/// Returns the time at which a usage is due again. `sent` has the parts that were sent.
pub(super) fn again(usage: &Waiting, marks: &Marks, sent: Parts, now: Timestamp) -> Timestamp {
    let after = marks.after(usage.entry.deliveries);
    let is_pending = |state| state == DeliveryState::Pending;
    let trace = is_pending(after.langfuse).then(|| trace(usage, marks, sent, now));
    let event = is_pending(after.stripe).then(|| {
        if sent.event {
            next_attempt(now, usage.claims)
        } else {
            next_look(now, usage.meter_age_from())
        }
    });
    let parts = [trace, event].into_iter().flatten();
    parts.min().unwrap_or(now)
}

fn trace(usage: &Waiting, marks: &Marks, sent: Parts, now: Timestamp) -> Timestamp {
    let is_unsent = matches!(marks.langfuse, Some(Mark::Unsent(_)));
    match (&marks.langfuse, sent.trace) {
        (Some(Mark::Absent(at)), _) => traces::asked_again_from(*at),
        // Langfuse may have it, and is read before the trace is sent again.
        (_, true) if !is_unsent => next_attempt(now, usage.claims).max(traces::asked_from(usage)),
        (_, true) => next_attempt(now, usage.claims),
        (_, false) if usage.unsent_to_langfuse => next_look(now, usage.entry.recorded_at),
        (_, false) => {
            let asked_from = traces::asked_from(usage);
            if asked_from > now {
                asked_from
            } else {
                next_look(now, usage.entry.recorded_at)
            }
        }
    }
}

/// Returns when to look again at a delivery that was not tried: after as long as it has waited, at most 15 minutes.
fn next_look(now: Timestamp, waits_since: Timestamp) -> Timestamp {
    let minutes = now
        .duration_since(waits_since)
        .max(SignedDuration::ZERO)
        .as_mins();
    let doublings = minutes.checked_ilog2().unwrap_or(0);
    next_attempt(now, i64::from(doublings) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untried_deliveries_are_looked_at_less_often_the_longer_they_wait() {
        let now: Timestamp = "2026-11-22T20:15:00Z".parse().unwrap();
        for (waited_min, most_s) in [(-1, 60), (0, 60), (1, 60), (3, 120), (4, 240), (15, 480)] {
            let since = now - SignedDuration::from_mins(waited_min);
            let pause = next_look(now, since).duration_since(now).as_millis();
            let expected = most_s * 500..=most_s * 1_000;
            assert!(expected.contains(&pause), "{waited_min}: {pause}");
        }
        let since = now - SignedDuration::from_hours(30);
        let pause = next_look(now, since).duration_since(now).as_secs();
        assert!((450..=900).contains(&pause), "{pause}");
    }
}
