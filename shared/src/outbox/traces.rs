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
use crate::delivery::{Mark, Waiting};
use crate::ledger::DeliveryState;
use crate::process::deadline::Deadline;
use crate::process::telemetry::chain;
use crate::providers::langfuse::{self, Content, Langfuse, Reads, Trace};
use crate::words::id::UsageId;

/// Maximum number of traces in one export.
const EXPORT: usize = 100;

/// Time from a claim until the outbox asks Langfuse for the trace: a run sends for up to 50 s after its claim, and
/// Langfuse shows a trace some seconds late.
const PROBED_AFTER: SignedDuration = SignedDuration::from_secs(150);

/// Time from a read that did not show a trace until another one proves that it is absent.
const ABSENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Time for which Langfuse may be unable to say whether it has a trace.
const UNCLEAR_FOR: SignedDuration = SignedDuration::from_hours(6);

/// The reason for which a trace is parked after that time.
pub(super) const UNCLEAR: &str =
    "langfuse did not say within 6 hours whether it has the trace; `sparks doctor` names the cause";

/// Longest time between usages that one query asks for.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Langfuse's answers about the traces that may have been sent.
pub(super) struct Probed {
    now: Timestamp,
    marks: HashMap<UsageId, Mark>,
    absent: HashSet<UsageId>,
}

impl Probed {
    /// Notes whether Langfuse shows a trace. It is absent if it was not shown 15 minutes ago either.
    fn note(&mut self, usage: &Waiting, there: bool) {
        let id = &usage.entry.id;
        if there {
            self.marks.insert(id.clone(), Mark::Confirmed);
        } else if absent_at(usage).is_some() {
            self.absent.insert(id.clone());
        } else {
            self.marks.insert(id.clone(), Mark::Absent(self.now));
        }
    }

    /// Notes that Langfuse cannot say whether it has a trace. After six hours, the trace is parked.
    fn unclear(&mut self, usage: &Waiting) {
        let id = &usage.entry.id;
        if self.marks.contains_key(id) || self.absent.contains(id) {
            return;
        }
        let since = usage.unclear_since.unwrap_or(self.now);
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
    pub(super) fn is_to_be_sent(&self, usage: &Waiting) -> bool {
        usage.entry.deliveries.langfuse == DeliveryState::Pending
            && (usage.unsent_to_langfuse || self.absent.contains(&usage.entry.id))
    }
}

/// Returns when Langfuse did not show a trace; None if that was not after it was last sent.
fn absent_at(usage: &Waiting) -> Option<Timestamp> {
    usage.absent_at_langfuse.filter(|at| *at > sent_at(usage))
}

/// Returns when a trace was last sent, or its usage recorded.
fn sent_at(usage: &Waiting) -> Timestamp {
    usage.traced_at.unwrap_or(usage.entry.recorded_at)
}

/// Returns the time from which the outbox asks Langfuse for a trace that may have been sent.
pub(super) fn asked_from(usage: &Waiting) -> Timestamp {
    match absent_at(usage) {
        Some(absent_at) => asked_again_from(absent_at),
        None => sent_at(usage)
            .saturating_add(PROBED_AFTER)
            .unwrap_or(Timestamp::MAX),
    }
}

/// Returns the time from which the outbox asks Langfuse again for a trace that it did not show.
pub(super) fn asked_again_from(absent_at: Timestamp) -> Timestamp {
    absent_at
        .saturating_add(ABSENT_AFTER)
        .unwrap_or(Timestamp::MAX)
}

/// Asks Langfuse for the traces that may have been sent, window by window. Traces that are too recent wait.
pub(super) async fn probe(
    outbox: &Outbox,
    usages: &[Waiting],
    reads: &Reads,
    deadline: &Deadline,
) -> Probed {
    let now = deadline.start();
    let mut probed = Probed {
        now,
        marks: HashMap::new(),
        absent: HashSet::new(),
    };
    let Some(langfuse) = &outbox.langfuse else {
        return probed;
    };
    let asked_for = usages.iter().filter(|usage| {
        usage.entry.deliveries.langfuse == DeliveryState::Pending
            && !usage.unsent_to_langfuse
            && now >= asked_from(usage)
    });
    let (shown, hidden): (Vec<&Waiting>, Vec<&Waiting>) =
        asked_for.partition(|usage| langfuse::is_shown(usage.entry.occurred_at, now));
    for usage in hidden {
        probed.unclear(usage);
    }
    let asking = Asking {
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
struct Asking<'a> {
    langfuse: &'a Langfuse,
    reads: &'a Reads,
    deadline: &'a Deadline,
}

impl Asking<'_> {
    fn may_go_on(&self) -> bool {
        self.reads.are_left() && has_time(self.deadline)
    }

    /// Asks for the windows, the earliest first.
    async fn ask(
        &self,
        windows: Vec<Vec<&Waiting>>,
        probed: &mut Probed,
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
fn windows(mut usages: Vec<&Waiting>) -> Vec<Vec<&Waiting>> {
    usages.sort_by_key(|usage| usage.entry.occurred_at);
    let mut windows: Vec<Vec<&Waiting>> = Vec::new();
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
    usages: &[&Waiting],
    deadline: &Deadline,
) -> HashMap<UsageId, Mark> {
    let mut marks = HashMap::new();
    let Some(langfuse) = &outbox.langfuse else {
        return marks;
    };
    for some in usages.chunks(EXPORT) {
        if !has_time(deadline) {
            // They were claimed but not tried, so it is still certain that they were never sent.
            marks.extend(untried(some));
            continue;
        }
        match export(langfuse, some, deadline).await {
            Err(langfuse::Error::Refused(_)) if some.len() > 1 => {
                // One of them is wrong, and Langfuse refuses all of them because of it.
                for one in some {
                    if !has_time(deadline) {
                        // The refused export proves that Langfuse does not have it.
                        marks.insert(one.entry.id.clone(), Mark::Unsent("refused_together"));
                        continue;
                    }
                    let outcome = export(langfuse, &[one], deadline).await;
                    marks.extend(mark(&outcome).map(|mark| (one.entry.id.clone(), mark)));
                }
            }
            outcome => {
                let mark = mark(&outcome);
                let ids = some.iter().map(|usage| usage.entry.id.clone());
                marks.extend(ids.filter_map(|id| Some((id, mark.clone()?))));
            }
        }
    }
    marks
}

async fn export(
    langfuse: &Langfuse,
    usages: &[&Waiting],
    deadline: &Deadline,
) -> Result<(), langfuse::Error> {
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
    outcome
}

/// Returns the mark that an export proves for a trace that was certainly not at Langfuse before.
fn mark(outcome: &Result<(), langfuse::Error>) -> Option<Mark> {
    match outcome {
        Ok(()) => Some(Mark::Confirmed),
        Err(langfuse::Error::Refused(status)) => {
            Some(Mark::Parked(format!("status {}", status.as_u16())))
        }
        Err(langfuse::Error::Skipped) => Some(Mark::Unsent("circuit")),
        Err(langfuse::Error::NotSent(_)) => Some(Mark::Unsent("not_connected")),
        Err(langfuse::Error::RateLimited) => Some(Mark::Unsent("rate_limited")),
        Err(langfuse::Error::Unauthorized(_)) => Some(Mark::Unsent("unauthorized")),
        Err(langfuse::Error::NotFound(_)) => Some(Mark::Unsent("not_found")),
        Err(
            langfuse::Error::Lost(_) | langfuse::Error::Failed(_) | langfuse::Error::Unreadable(_),
        ) => None,
    }
}

fn untried<'a>(usages: &'a [&Waiting]) -> impl Iterator<Item = (UsageId, Mark)> + 'a {
    let ids = usages.iter().map(|usage| usage.entry.id.clone());
    ids.map(|id| (id, Mark::Unsent("not_tried")))
}
