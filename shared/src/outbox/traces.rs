//! Traces that Langfuse has not confirmed. Langfuse does not tell a repetition apart, so it is asked first whether it has
//! what may have been sent.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::{Outbox, call_timeout, has_time};
use crate::id::UsageId;
use crate::langfuse::{self, Content, Langfuse, Trace};
use crate::ledger::{DeliveryState, Mark, Waiting};
use crate::patience::Patience;
use crate::telemetry::chain;

/// How many traces one export has.
const EXPORT: usize = 100;

/// How long after a usage was taken Langfuse is asked whether it has the trace: a run sends for up to 50 s after that, and
/// Langfuse answers with what it took some seconds ago.
const PROBED_AFTER: SignedDuration = SignedDuration::from_secs(150);

/// Usages that occurred at most so far apart are asked for together.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// How many questions are asked in one round: Langfuse takes 30 a minute at the least. What is not come to waits for the
/// next run.
const MAX_QUESTIONS: usize = 8;

/// What Langfuse said of the traces that may have been sent.
pub(super) struct Probed {
    present: HashSet<UsageId>,
    absent: HashSet<UsageId>,
}

impl Probed {
    fn note(&mut self, id: &UsageId, there: bool) {
        let known = if there {
            &mut self.present
        } else {
            &mut self.absent
        };
        known.insert(id.clone());
    }

    /// The usages whose traces are there.
    pub(super) fn confirmed(&self) -> impl Iterator<Item = (UsageId, Mark)> + '_ {
        self.present.iter().map(|id| (id.clone(), Mark::Confirmed))
    }

    /// Whether a trace is certainly not at Langfuse.
    pub(super) fn is_to_be_sent(&self, usage: &Waiting) -> bool {
        usage.entry.deliveries.langfuse == DeliveryState::Pending
            && (usage.unsent_to_langfuse || self.absent.contains(&usage.entry.id))
    }
}

/// Asks Langfuse for the traces that may have been sent, window by window. Those it is too early to ask for wait.
pub(super) async fn probe(
    outbox: &Outbox,
    usages: &[Waiting],
    now: Timestamp,
    patience: &Patience,
) -> Probed {
    let mut probed = Probed {
        present: HashSet::new(),
        absent: HashSet::new(),
    };
    let Some(langfuse) = &outbox.langfuse else {
        return probed;
    };
    let asked_for = usages.iter().filter(|usage| {
        let attempted = usage.traced_at.unwrap_or(usage.entry.recorded_at);
        usage.entry.deliveries.langfuse == DeliveryState::Pending
            && !usage.unsent_to_langfuse
            && now.duration_since(attempted) >= PROBED_AFTER
    });
    let asking = ask(
        langfuse,
        windows(asked_for.collect()),
        &mut probed,
        patience,
    );
    if let Err(error) = asking.await {
        warn!(error = chain(&error), "langfuse did not say what it has");
    }
    probed
}

/// Asks for windows, the earliest first, as long as there are questions and time.
async fn ask(
    langfuse: &Langfuse,
    windows: Vec<Vec<&Waiting>>,
    probed: &mut Probed,
    patience: &Patience,
) -> Result<(), langfuse::Error> {
    let mut questions = 0..MAX_QUESTIONS;
    let mut may_ask = || questions.next().is_some() && has_time(patience);
    let mut windows: Vec<_> = windows.into_iter().rev().collect();
    let mut crowded = Vec::new();
    while let Some(window) = windows.pop() {
        let (Some(first), Some(last)) = (window.first(), window.last()) else {
            continue;
        };
        if !may_ask() {
            break;
        }
        let (first, last) = (first.entry.occurred_at, last.entry.occurred_at);
        let traced = langfuse
            .traced(first..=last, call_timeout(patience))
            .await?;
        let asked = window.len();
        let mut left = Vec::new();
        for usage in window {
            match traced.has(&usage.entry.id, usage.entry.occurred_at) {
                Some(there) => probed.note(&usage.entry.id, there),
                None => left.push(usage),
            }
        }
        if left.len() == asked {
            // There are more of the last's time than are read through.
            let before = left.partition_point(|usage| usage.entry.occurred_at < last);
            crowded.extend(left.split_off(before));
        }
        // It had too much to tell all at once: what is before that is asked for next.
        windows.push(left);
    }
    // These are asked for one by one, and so hold up no other one.
    for Waiting { entry, .. } in crowded {
        if !may_ask() {
            break;
        }
        let asking = langfuse.has(&entry.id, entry.occurred_at, call_timeout(patience));
        probed.note(&entry.id, asking.await?);
    }
    Ok(())
}

/// Usages by the time at which they occurred, in windows.
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

/// Sends traces, many in one export; answers what is known of each then.
pub(super) async fn send(
    outbox: &Outbox,
    usages: &[&Waiting],
    patience: &Patience,
) -> HashMap<UsageId, Mark> {
    let mut marks = HashMap::new();
    let Some(langfuse) = &outbox.langfuse else {
        return marks;
    };
    for some in usages.chunks(EXPORT) {
        if !has_time(patience) {
            // Taken and not tried: that it was never sent is as certain as before.
            marks.extend(untried(some));
            continue;
        }
        match export(langfuse, some, patience).await {
            Err(langfuse::Error::Refused(_)) if some.len() > 1 => {
                // One of them is wrong, and Langfuse refuses all of them for it.
                for one in some {
                    if !has_time(patience) {
                        // The export that was refused is proof that it is not there.
                        marks.insert(one.entry.id.clone(), Mark::Unsent("refused_together"));
                        continue;
                    }
                    let outcome = export(langfuse, &[one], patience).await;
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
    patience: &Patience,
) -> Result<(), langfuse::Error> {
    let traces: Vec<Trace<'_>> = usages
        .iter()
        .map(|usage| Trace {
            entry: &usage.entry,
            content: Content::default(),
        })
        .collect();
    let outcome = langfuse.record(&traces, call_timeout(patience)).await;
    if let Err(error) = &outcome {
        warn!(
            error = chain(error),
            traces = traces.len(),
            "langfuse did not confirm"
        );
    }
    outcome
}

/// What an export proves of a trace that was certainly not there before.
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
        Err(langfuse::Error::Lost(_) | langfuse::Error::Failed(_)) => None,
    }
}

fn untried<'a>(usages: &'a [&Waiting]) -> impl Iterator<Item = (UsageId, Mark)> + 'a {
    let ids = usages.iter().map(|usage| usage.entry.id.clone());
    ids.map(|id| (id, Mark::Unsent("not_tried")))
}
