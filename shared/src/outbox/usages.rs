//! Finishes usages that are due. Finds what each still needs, sends it, and writes the outcome.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tracing::error;

use super::outcome::Outcome;
use super::{Outbox, Report, due, has_time, meter, parcels, traces};
use crate::delivery::{
    self, DeliveryQueue, Mark, Marks, Parcel, PendingDelivery, QueueItem, SinkSet, UsageProgress,
};
use crate::ledger::{self, DeliveryState};
use crate::process::deadline::Deadline;
use crate::providers::langfuse::{Langfuse, Reads};
use crate::providers::stripe::Stripe;
use crate::words::id::UsageId;
use crate::words::sink::Sink;

/// Maximum number of concurrent writes.
const AT_ONCE: usize = 16;

/// Time for which an unreadable item is put off. So it does not hold up others.
const UNREADABLE_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Finishes the usages that are due.
pub(super) async fn work(
    outbox: &Outbox,
    due: &[QueueItem],
    reads: &Reads,
    deadline: &Deadline,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let round = Round::read(&outbox.queue, due, &deadline.starting(outbox.clock.now())).await?;
    round.work(outbox, reads, deadline, report).await
}

/// The usages and parcels that are worked on together.
struct Round {
    usages: Vec<UsageProgress>,
    parcels: Vec<Parcel>,
    now: Timestamp,
}

impl Round {
    async fn read(
        queue: &DeliveryQueue,
        listed: &[QueueItem],
        deadline: &Deadline,
    ) -> Result<Self, ledger::Error> {
        let now = deadline.start();
        let mut round = Self {
            usages: Vec::new(),
            parcels: Vec::new(),
            now,
        };
        for pending in queue.pending(listed, deadline).await? {
            match pending {
                PendingDelivery::Usage(usage) => round.usages.push(*usage),
                PendingDelivery::Parcel(parcel) => round.parcels.push(*parcel),
                PendingDelivery::Unreadable(listed, cause) => {
                    let name = listed.name();
                    error!(
                        item = name,
                        attribute = cause.attribute,
                        "`{name}` cannot be read"
                    );
                    let later = now.saturating_add(UNREADABLE_FOR).unwrap_or(Timestamp::MAX);
                    queue.put_off(&listed, later, deadline).await?;
                }
            }
        }
        // DynamoDB returns items in any order.
        let place = |usage: &UsageProgress| (usage.entry.recorded_at, usage.entry.id.clone());
        round.usages.sort_by_cached_key(place);
        round.parcels.sort_by_cached_key(|parcel| parcel.id.clone());
        Ok(round)
    }

    async fn work(
        self,
        outbox: &Outbox,
        reads: &Reads,
        deadline: &Deadline,
        report: &mut Report,
    ) -> Result<(), ledger::Error> {
        let Self {
            mut usages,
            parcels,
            now,
        } = self;
        let mut outcome = Outcome::default();
        let probed = traces::probe(outbox, &usages, reads, &deadline.starting(now)).await;
        outcome.marks.langfuse.extend(probed.marks());
        meter::park_old(&usages, now, &mut outcome);
        let frozen = parcels::freeze(outbox, &usages, &deadline.starting(now), report).await?;
        report.parcels += frozen.len();
        frozen.note(&mut usages);
        let followed = parcels::follow(outbox, &usages, &parcels, deadline).await?;
        outcome.marks.stripe.extend(followed);

        outcome.attempted = to_attempt(outbox, &usages, &probed, &outcome);
        let lost = claim(outbox, &mut usages, &outcome.attempted, deadline).await?;
        usages.retain(|usage| !lost.contains(&usage.entry.id));
        let of = |is_of: fn(&SinkSet) -> bool| -> Vec<&UsageProgress> {
            let sinks = |usage: &&UsageProgress| outcome.attempted.get(&usage.entry.id);
            let usages = usages.iter();
            usages
                .filter(|usage| sinks(usage).is_some_and(is_of))
                .collect()
        };
        let (of_traces, of_meter) = (of(|sinks| sinks.langfuse), of(|sinks| sinks.stripe));
        let (traced, metered) = tokio::join!(
            traces::send(outbox, &of_traces, deadline),
            meter::send(outbox, &of_meter, &frozen, &parcels, deadline),
        );
        let metered = metered?;
        outcome.marks.langfuse.extend(traced);
        outcome.marks.stripe.extend(metered.marks);
        outcome.untried = metered.untried;
        finish(outbox, &usages, &outcome, deadline, report).await
    }
}

/// Returns the deliveries of each usage to attempt. They are a trace that Langfuse certainly lacks, and a pending event
/// outside a parcel.
///
/// While a provider's calls are skipped, its deliveries are left out.
fn to_attempt(
    outbox: &Outbox,
    usages: &[UsageProgress],
    probed: &traces::TraceProbe,
    outcome: &Outcome,
) -> HashMap<UsageId, SinkSet> {
    let is_traced = !outbox
        .langfuse
        .as_ref()
        .is_some_and(Langfuse::is_left_alone);
    let is_metered = !outbox.stripe().is_some_and(Stripe::is_left_alone);
    let to_meter = |usage: &UsageProgress| {
        usage.deliveries.stripe.is_pending()
            && usage.parcel.is_none()
            && !outcome.marks.stripe.contains_key(&usage.entry.id)
    };
    let sinks = usages.iter().map(|usage| {
        let sinks = SinkSet {
            langfuse: is_traced && probed.is_to_be_sent(usage),
            stripe: is_metered && to_meter(usage),
        };
        (usage.entry.id.clone(), sinks)
    });
    sinks
        .filter(|(_, sinks)| *sinks != SinkSet::default())
        .collect()
}

/// Claims those usages that have something to send. Returns those that another run has claimed.
async fn claim(
    outbox: &Outbox,
    usages: &mut [UsageProgress],
    attempted: &HashMap<UsageId, SinkSet>,
    deadline: &Deadline,
) -> Result<HashSet<UsageId>, ledger::Error> {
    let deadline = &deadline.starting(outbox.clock.now());
    let wanted = usages.iter_mut().filter_map(|usage| {
        let sinks = *attempted.get(&usage.entry.id)?;
        Some((sinks, usage))
    });
    let claims = wanted.map(|(sinks, usage)| async move {
        let claiming = outbox.queue.claim(usage, sinks, deadline);
        let claimed = claiming.await?;
        let lost = claimed.is_none().then(|| usage.entry.id.clone());
        if let Some(claimed) = claimed {
            *usage = claimed;
        }
        Ok::<_, ledger::Error>(lost)
    });
    let claims: Vec<_> = claims.collect();
    let mut claims = stream::iter(claims).buffer_unordered(AT_ONCE);
    let mut lost = HashSet::new();
    while let Some(claim) = claims.next().await {
        lost.extend(claim?);
    }
    Ok(lost)
}

/// Writes the outcome of each usage, and the time at which it is due again.
async fn finish(
    outbox: &Outbox,
    usages: &[UsageProgress],
    outcome: &Outcome,
    deadline: &Deadline,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let now = outbox.clock.now();
    let mut writes = Vec::with_capacity(usages.len());
    for usage in usages {
        let id = &usage.entry.id;
        let marks = outcome.marks_of(id);
        count(usage, &marks, now, report);
        // The next run does what this one had no time for.
        let due = if outcome.untried.contains(id) && !has_time(deadline) {
            now
        } else {
            let sent = outcome.attempted.get(id).copied().unwrap_or_default();
            due::again(usage, sent, &marks, now)
        };
        writes.push(async move { outbox.queue.put_back(usage, &marks, due, deadline).await });
    }
    let mut writes = stream::iter(writes).buffer_unordered(AT_ONCE);
    while let Some(written) = writes.next().await {
        // If it was not written, another run has marked the usage meanwhile, and knows more.
        written?;
    }
    Ok(())
}

fn count(usage: &UsageProgress, marks: &Marks, now: Timestamp, report: &mut Report) {
    for (sink, mark) in marks.iter() {
        let Some(state) = mark.as_ref().map(Mark::state) else {
            continue;
        };
        match (sink, state) {
            (Sink::Langfuse, DeliveryState::Confirmed) => report.traces += 1,
            (Sink::StripeMeter, DeliveryState::Confirmed) => report.metered += 1,
            (_, DeliveryState::Parked) => report.parked += 1,
            (_, DeliveryState::Pending | DeliveryState::Off) => continue,
        }
        delivery::count(sink, state);
    }
    if marks.states_after(usage.entry.deliveries).any_pending() {
        report.waiting += 1;
        let age = now.duration_since(usage.entry.recorded_at).as_secs();
        report.oldest_age_s = report.oldest_age_s.max(age);
    }
}
