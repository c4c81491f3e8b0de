//! `sparks outbox`: lists pending and parked deliveries, and redrives parked ones.

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use shared::delivery::{
    DeliveryQueue, PendingDelivery, Progress, QueueItem, RedriveOutcome, UsageProgress,
};
use shared::outbox::{self, Outbox};
use shared::process::clock::wire;
use shared::process::deadline::Deadline;
use shared::table::{PENDING_BUCKETS, Queue};
use shared::words::meter_event_id::MeterEventId;

use crate::{Console, Error, STEP_TIME};

/// Maximum number of items listed per bucket.
const MOST: usize = 100_000;

/// Action on the outbox; without one, it is listed.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Send parked deliveries again.
    Redrive {
        /// Usages (`use_…`) and parcels (`par_…`).
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// All deliveries that may be sent again.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// Send traces without asking Langfuse first, once you have seen that it lacks them.
        #[arg(long, conflicts_with = "all")]
        untraced: bool,
    },
    /// Run the outbox once, as the scheduled function does each minute.
    Run,
}

/// A delivery that failed for good.
#[derive(Serialize)]
struct Parked {
    id: String,
    account_id: String,
    provider: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parcel: Option<String>,
    recorded_at: String,
}

/// The contents of the outbox.
#[derive(Default)]
struct Listing {
    pending: u64,
    oldest: Option<Timestamp>,
    parked: Vec<Parked>,
}

pub(crate) async fn run(console: &mut Console<'_>, action: Option<Action>) -> Result<(), Error> {
    match action {
        None => list(console).await,
        Some(Action::Redrive { ids, all, untraced }) => redrive(console, ids, all, untraced).await,
        Some(Action::Run) => work(console).await,
    }
}

async fn list(console: &mut Console<'_>) -> Result<(), Error> {
    let listing = listing(&DeliveryQueue::over(console.table()?), console).await?;
    let now = console.clock.now();
    let age = listing
        .oldest
        .map(|oldest| now.duration_since(oldest).as_secs().max(0));
    if console.json {
        let listed = json!({
            "pending": listing.pending, "oldest_age_s": age, "parked": listing.parked,
        });
        writeln!(console.out, "{listed}")?;
        return Ok(());
    }
    match age {
        None => writeln!(console.out, "nothing is pending")?,
        Some(age) => writeln!(
            console.out,
            "{} pending, the oldest for {age} s",
            listing.pending
        )?,
    }
    for parked in &listing.parked {
        let Parked {
            id,
            account_id,
            provider,
            reason,
            recorded_at,
            ..
        } = parked;
        writeln!(
            console.out,
            "parked  {id}  {account_id}  {provider}  {recorded_at}  {reason}"
        )?;
    }
    Ok(())
}

async fn listing(deliveries: &DeliveryQueue, console: &Console<'_>) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for queue in [Queue::Due, Queue::Parked] {
        for bucket in 0..PENDING_BUCKETS {
            let deadline = Deadline::lasting(&console.clock, STEP_TIME);
            let all = Timestamp::MAX;
            let mut listed = deliveries.due(queue, bucket, all, MOST, &deadline).await?;
            listed.retain(QueueItem::is_delivery);
            for pending in deliveries.pending(&listed, &deadline).await? {
                if let PendingDelivery::Usage(usage) = pending {
                    listing.add(&usage);
                }
            }
        }
    }
    listing
        .parked
        .sort_by(|a, b| a.recorded_at.cmp(&b.recorded_at));
    Ok(listing)
}

impl Listing {
    fn add(&mut self, usage: &UsageProgress) {
        let entry = &usage.entry;
        if entry.deliveries.any_pending() {
            self.pending += 1;
            let oldest = self
                .oldest
                .map_or(entry.recorded_at, |oldest| oldest.min(entry.recorded_at));
            self.oldest = Some(oldest);
        }
        for (sink, progress) in usage.deliveries.iter() {
            let Progress::Parked { why, .. } = progress else {
                continue;
            };
            self.parked.push(Parked {
                id: entry.id.to_string(),
                account_id: entry.account.to_string(),
                provider: sink.as_str(),
                reason: why.clone(),
                parcel: usage.parcel.as_ref().map(ToString::to_string),
                recorded_at: wire(entry.recorded_at),
            });
        }
    }
}

async fn redrive(
    console: &mut Console<'_>,
    ids: Vec<String>,
    all: bool,
    untraced: bool,
) -> Result<(), Error> {
    let deliveries = DeliveryQueue::over(console.table()?);
    let ids = if all {
        let parked = listing(&deliveries, console).await?.parked;
        let mut ids: Vec<String> = parked
            .into_iter()
            .map(|parked| parked.parcel.unwrap_or(parked.id))
            .collect();
        ids.sort();
        ids.dedup();
        ids
    } else {
        ids
    };
    let mut refused = false;
    let mut results = Vec::new();
    for id in ids {
        let deadline = Deadline::lasting(&console.clock, STEP_TIME);
        let outcome = match id.parse::<MeterEventId>() {
            Ok(id) => {
                let deadline = deadline.starting(console.clock.now());
                deliveries.redrive(&id, untraced, &deadline).await?
            }
            Err(_) => RedriveOutcome::Unknown,
        };
        refused |= !matches!(
            outcome,
            RedriveOutcome::Pending | RedriveOutcome::TraceAlone | RedriveOutcome::TraceAskedFor
        );
        results.push((id, words(outcome)));
    }
    if console.json {
        let results: Vec<_> = results
            .iter()
            .map(|(id, (word, _))| json!({ "id": id, "result": word }))
            .collect();
        writeln!(console.out, "{}", json!({ "redriven": results }))?;
    } else {
        for (id, (_, sentence)) in &results {
            writeln!(console.out, "{id} {sentence}")?;
        }
    }
    if refused {
        Err(Error::NotInOrder)
    } else {
        Ok(())
    }
}

/// The outcome of a redrive, in a word and in a sentence.
const fn words(outcome: RedriveOutcome) -> (&'static str, &'static str) {
    match outcome {
        RedriveOutcome::Pending => ("pending", "is sent again with the next run"),
        RedriveOutcome::NotParked => ("not_parked", "is not parked"),
        RedriveOutcome::Unknown => ("unknown", "is not in the table"),
        RedriveOutcome::InParcel => ("in_parcel", "is in a parcel: redrive the parcel (`par_…`)"),
        RedriveOutcome::NotShownAbsent => (
            "not_shown_absent",
            "may be at Stripe: first run `sparks reconcile` to show that it is not",
        ),
        RedriveOutcome::TraceAlone => (
            "trace_alone",
            "is traced again with the next run; its meter event stays parked, because it may be at Stripe, is in a \
             parcel, or is too old",
        ),
        RedriveOutcome::TraceAskedFor => (
            "trace_asked_for",
            "may be traced already: Langfuse is queried again for 6 hours; `--untraced` sends the trace without asking",
        ),
        RedriveOutcome::TooOld => (
            "too_old",
            "occurred over 35 days ago, which Stripe's meter refuses",
        ),
    }
}

async fn work(console: &mut Console<'_>) -> Result<(), Error> {
    let outbox = Outbox::from_setup(console.setup())?;
    let deadline = Deadline::lasting(&console.clock, STEP_TIME);
    let report = outbox::run(&outbox, &deadline).await?;
    if console.json {
        writeln!(console.out, "{}", serde_json::to_string(&report)?)?;
        return Ok(());
    }
    writeln!(
        console.out,
        "{} traces and {} usages confirmed, {} parked, {} still waiting; {} payments and {} subscriptions checked",
        report.traces,
        report.metered,
        report.parked,
        report.waiting,
        report.payments,
        report.subscriptions
    )?;
    Ok(())
}
