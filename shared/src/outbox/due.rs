//! The time at which a pending usage is due again. Pure.
//!
//! A delivery that was sent but not confirmed is retried after pauses that grow with the attempts. One that could not
//! be sent is looked at again after about as long as it has waited, so that an outage costs few writes.

use jiff::{SignedDuration, Timestamp};

use super::{next_attempt, traces};
use crate::delivery::{Marks, Proof, SinkSet, UsageProgress};

/// Returns when a usage is due again after a run has sent some deliveries.
pub(super) fn again(
    usage: &UsageProgress,
    sent: SinkSet,
    marks: &Marks,
    now: Timestamp,
) -> Timestamp {
    let after = usage.after(sent, marks);
    let trace = after.langfuse.pending();
    let trace = trace.map(|proof| trace_due(usage, proof, sent.langfuse, now));
    let event = after.stripe.pending().map(|_| {
        if sent.stripe {
            next_attempt(now, usage.claims)
        } else {
            next_look(now, usage.event.age_from())
        }
    });
    [trace, event].into_iter().flatten().min().unwrap_or(now)
}

fn trace_due(usage: &UsageProgress, proof: Proof, is_sent: bool, now: Timestamp) -> Timestamp {
    let asked_from = traces::asked_from(usage, proof);
    match (proof.unsent, is_sent) {
        (true, true) => next_attempt(now, usage.claims),
        // Langfuse may have it, and is read before the trace is sent again.
        (false, true) => next_attempt(now, usage.claims).max(asked_from),
        (false, false) if asked_from > now => asked_from,
        (_, false) => next_look(now, usage.entry.recorded_at),
    }
}

/// Returns when to look again at an untried delivery. The delay is its wait so far, at most 15
/// minutes.
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
