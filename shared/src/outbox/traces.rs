//! Sends traces that Langfuse has not confirmed. Langfuse does not detect duplicates, so the outbox first reads whether
//! it has a trace that may have been sent.
//!
//! Langfuse shows a trace late, mostly after seconds and at times after many minutes. So a trace counts as absent only
//! if two reads 15 minutes apart did not show it: a late trace is better than a duplicate. If Langfuse cannot say
//! whether it has a trace, the outbox asks for six hours and then parks the trace.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::{Outbox, call_timeout, has_time};
use crate::delivery::proof::{self, Export};
use crate::delivery::{Mark, Proof, Unsent, UsageProgress};
use crate::process::deadline::Deadline;
use crate::process::telemetry::chain;
use crate::providers::langfuse::{self, Content, Langfuse, Reads, Trace};
use crate::words::id::UsageId;

/// Maximum number of traces in one export.
const EXPORT: usize = 100;

/// Time from a claim until the outbox asks Langfuse for the trace. A run sends for up to 50 s after its claim, and
/// Langfuse shows a trace some seconds late.
const PROBED_AFTER: SignedDuration = SignedDuration::from_secs(150);

/// Time from a read without a trace until another one proves that it is absent.
const ABSENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Time for which Langfuse may be unable to say whether it has a trace.
const UNCLEAR_FOR: SignedDuration = SignedDuration::from_hours(6);

/// The reason for which a trace is parked after that time.
pub(super) const UNCLEAR: &str =
    "langfuse did not say within 6 hours whether it has the trace; `sparks doctor` names the cause";

/// Longest time between usages that one query asks for.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Langfuse's answers about the traces that may have been sent.
pub(super) struct TraceProbe {
    now: Timestamp,
    marks: HashMap<UsageId, Mark>,
    absent: HashSet<UsageId>,
}

impl TraceProbe {
    /// Notes whether Langfuse shows a trace. It is absent if it was not shown 15 minutes ago either.
    fn note(&mut self, usage: &UsageProgress, there: bool) {
        let id = &usage.entry.id;
        if there {
            self.marks.insert(id.clone(), Mark::Confirmed);
        } else if absent_at(usage, proof_of(usage)).is_some() {
            self.absent.insert(id.clone());
        } else {
            self.marks.insert(id.clone(), Mark::Absent(self.now));
        }
    }

    /// Notes that Langfuse cannot say whether it has a trace. After six hours, the trace is parked.
    fn unclear(&mut self, usage: &UsageProgress) {
        let id = &usage.entry.id;
        if self.marks.contains_key(id) || self.absent.contains(id) {
            return;
        }
        let since = proof_of(usage).unclear_since.unwrap_or(self.now);
        let mark = if self.now.duration_since(since) < UNCLEAR_FOR {
            Mark::Unclear(since)
        } else {
            Mark::Parked(UNCLEAR.to_owned())
        };
        self.marks.insert(id.clone(), mark);
    }

    /// Returns the marks of the traces that are not sent now.
    pub(super) fn marks(&self) -> impl Iterator<Item = (UsageId, Mark)> + '_ {
        let marks = self.marks.iter();
        marks.map(|(id, mark)| (id.clone(), mark.clone()))
    }

    /// Returns whether a trace is pending and certainly not at Langfuse.
    pub(super) fn is_to_be_sent(&self, usage: &UsageProgress) -> bool {
        let trace = usage.deliveries.langfuse.pending();
        trace.is_some_and(|proof| proof.unsent || self.absent.contains(&usage.entry.id))
    }
}

/// Returns the proof about a trace; none if it is not pending.
fn proof_of(usage: &UsageProgress) -> Proof {
    usage.deliveries.langfuse.pending().unwrap_or_default()
}

/// Returns when Langfuse did not show a trace. None if that was not after it was last sent.
fn absent_at(usage: &UsageProgress, proof: Proof) -> Option<Timestamp> {
    proof.absent_at.filter(|at| *at > sent_at(usage))
}

/// Returns when a trace was last sent, or its usage recorded.
fn sent_at(usage: &UsageProgress) -> Timestamp {
    usage.traced_at.unwrap_or(usage.entry.recorded_at)
}

/// Returns the earliest time to ask Langfuse for a trace that may have been sent.
pub(super) fn asked_from(usage: &UsageProgress, proof: Proof) -> Timestamp {
    let asked_from = match absent_at(usage, proof) {
        Some(absent_at) => absent_at.saturating_add(ABSENT_AFTER),
        None => sent_at(usage).saturating_add(PROBED_AFTER),
    };
    asked_from.unwrap_or(Timestamp::MAX)
}

/// Asks Langfuse for the traces that may have been sent, window by window. Traces that are too recent wait.
pub(super) async fn probe(
    outbox: &Outbox,
    usages: &[UsageProgress],
    reads: &Reads,
    deadline: &Deadline,
) -> TraceProbe {
    let now = deadline.start();
    let mut probed = TraceProbe {
        now,
        marks: HashMap::new(),
        absent: HashSet::new(),
    };
    let Some(langfuse) = &outbox.langfuse else {
        return probed;
    };
    let asked_for = usages.iter().filter(|usage| {
        let trace = usage.deliveries.langfuse.pending();
        trace.is_some_and(|proof| !proof.unsent && now >= asked_from(usage, proof))
    });
    let (shown, hidden): (Vec<&UsageProgress>, Vec<&UsageProgress>) =
        asked_for.partition(|usage| langfuse::is_shown(usage.entry.occurred_at, now));
    for usage in hidden {
        probed.unclear(usage);
    }
    let asking = TraceQueries {
        langfuse,
        reads,
        deadline,
    };
    match asking.ask(windows(shown.clone()), &mut probed).await {
        Ok(()) | Err(langfuse::Error::Skipped) => {}
        Err(error) => {
            warn!(error = chain(&error), "langfuse did not say what it has");
            if let langfuse::Error::Unreadable(_) = error {
                for usage in shown {
                    probed.unclear(usage);
                }
            }
        }
    }
    probed
}

/// Queries of Langfuse, as long as reads and time are left.
struct TraceQueries<'a> {
    langfuse: &'a Langfuse,
    reads: &'a Reads,
    deadline: &'a Deadline,
}

impl TraceQueries<'_> {
    fn may_go_on(&self) -> bool {
        self.reads.are_left() && has_time(self.deadline)
    }

    /// Asks for the windows, the earliest first.
    async fn ask(
        &self,
        windows: Vec<Vec<&UsageProgress>>,
        probed: &mut TraceProbe,
    ) -> Result<(), langfuse::Error> {
        let mut windows: Vec<_> = windows.into_iter().rev().collect();
        let mut crowded = Vec::new();
        while let Some(window) = windows.pop() {
            let (Some(first), Some(last)) = (window.first(), window.last()) else {
                continue;
            };
            if !self.may_go_on() {
                return Ok(());
            }
            let (first, last) = (first.entry.occurred_at, last.entry.occurred_at);
            let timeout = call_timeout(self.deadline);
            let traced = self.langfuse.traced(first..=last, self.reads, timeout);
            let traced = traced.await?;
            let asked = window.len();
            let mut left = Vec::new();
            for usage in window {
                match traced.has(&usage.entry.id, usage.entry.occurred_at) {
                    Some(there) => probed.note(usage, there),
                    None => left.push(usage),
                }
            }
            if left.len() == asked {
                // Too many traces share the time of the last usage to read them all.
                let before = left.partition_point(|usage| usage.entry.occurred_at < last);
                crowded.extend(left.split_off(before));
            }
            // The result was truncated; query the rest of the window next.
            windows.push(left);
        }
        // These are queried one by one, so that they hold up no others.
        for usage in crowded {
            if !self.may_go_on() {
                return Ok(());
            }
            let (entry, timeout) = (&usage.entry, call_timeout(self.deadline));
            let asking = self
                .langfuse
                .has(&entry.id, entry.occurred_at, self.reads, timeout);
            probed.note(usage, asking.await?);
        }
        Ok(())
    }
}

/// Groups usages into windows by the time at which they occurred.
fn windows(mut usages: Vec<&UsageProgress>) -> Vec<Vec<&UsageProgress>> {
    usages.sort_by_key(|usage| usage.entry.occurred_at);
    let mut windows: Vec<Vec<&UsageProgress>> = Vec::new();
    for usage in usages {
        let begins = windows.last().and_then(|window| window.first());
        let fits = begins.is_some_and(|first| {
            usage
                .entry
                .occurred_at
                .duration_since(first.entry.occurred_at)
                <= WINDOW
        });
        match windows.last_mut() {
            Some(window) if fits => window.push(usage),
            _ => windows.push(vec![usage]),
        }
    }
    windows
}

/// Sends traces, many in one export. Returns the mark of each whose outcome is known.
pub(super) async fn send(
    outbox: &Outbox,
    usages: &[&UsageProgress],
    deadline: &Deadline,
) -> HashMap<UsageId, Mark> {
    let mut marks = HashMap::new();
    let Some(langfuse) = &outbox.langfuse else {
        return marks;
    };
    for some in usages.chunks(EXPORT) {
        // Traces that are not tried are claimed, but are still certainly unsent.
        let mark = if has_time(deadline) {
            export(langfuse, some, deadline).await
        } else {
            Some(Mark::Unsent(Unsent::NotTried))
        };
        let is_refused = mark == Some(Mark::Unsent(Unsent::RefusedTogether));
        for usage in some {
            // One of them is wrong, and Langfuse refuses all of them because of it.
            let mark = if is_refused && has_time(deadline) {
                export(langfuse, &[usage], deadline).await
            } else {
                mark.clone()
            };
            marks.extend(mark.map(|mark| (usage.entry.id.clone(), mark)));
        }
    }
    marks
}

/// Sends traces that are certainly not at Langfuse. Returns the mark of each; None if the outcome is unknown.
async fn export(
    langfuse: &Langfuse,
    usages: &[&UsageProgress],
    deadline: &Deadline,
) -> Option<Mark> {
    let traces: Vec<Trace<'_>> = usages
        .iter()
        .map(|usage| Trace {
            entry: &usage.entry,
            content: Content::default(),
        })
        .collect();
    let outcome = langfuse.record(&traces, call_timeout(deadline)).await;
    if let Err(error) = &outcome {
        warn!(
            error = chain(error),
            traces = traces.len(),
            "langfuse did not confirm"
        );
    }
    let export = Export {
        traces: traces.len(),
        has_content: false,
    };
    proof::of_export(&outcome, export)
}
