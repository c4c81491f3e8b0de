//! Finishes what requests left open. That is unconfirmed deliveries, unverified payments, and renewals, refunds and
//! disputes without a webhook.
//!
//! It runs each minute. A run leases buckets of accounts, so that two runs never work on one customer, and stops before
//! its time is up; the next run continues. Every mark is a conditional write, so that two runs at once do no harm.

mod checks;
mod due;
mod meter;
mod outcome;
mod parcels;
mod traces;
mod usages;

use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::{info, warn};

use crate::customers::{self, CustomerLink};
use crate::delivery::{DeliveryQueue, QueueItem, QueueItemKind};
use crate::ledger::{self, Ledger};
use crate::payments::Payments;
use crate::process::clock::{self, Clock};
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric, chain};
use crate::process::{Setup, config};
use crate::providers::langfuse::{Langfuse, Reads};
use crate::providers::stripe::Stripe;
use crate::table::{PENDING_BUCKETS, Queue};
use crate::words::id::{AccountId, CustomerId};

/// Longest run without a deadline: less than the function's timeout of 55 s.
const LONGEST_RUN: Duration = Duration::from_secs(50);

/// Time of an invocation that is kept back for its end.
const KEPT_BACK: Duration = Duration::from_secs(3);

/// Time that a run must have left to begin another piece of work.
const RESERVE: Duration = Duration::from_secs(5);

/// Maximum number of items of a bucket in one round.
const TOGETHER: usize = 1_000;

/// Number of buckets that a run works on at once. Most have few customers, and one customer's events are sent in turn.
const BUCKETS_AT_ONCE: usize = 4;

/// Maximum number of reads from Langfuse in a run. Its smallest plan takes 30 reads a minute from a whole organisation,
/// and others read, too.
const READS_PER_RUN: u32 = 20;

/// Longest timeout of a call to a provider.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// First and longest pause between two attempts of the same work.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// Everything that a run needs.
#[derive(Debug)]
pub struct Outbox {
    /// The ledger, which lists the pending work.
    pub ledger: Ledger,
    /// The deliveries that are pending or parked.
    pub queue: DeliveryQueue,
    /// The Langfuse client; None if no traces are sent.
    pub langfuse: Option<Langfuse>,
    /// The Stripe account that takes meter events and payments, with the terms of plans. None without Stripe.
    pub payments: Option<Payments>,
    /// The deployment.
    pub stage: String,
    /// The clock.
    pub clock: Clock,
}

impl Outbox {
    /// Reads the configuration and prepares the clients.
    pub fn from_setup(setup: Setup<'_>) -> Result<Self, config::Error> {
        let environment = setup.environment;
        let stage = environment.stage()?;
        let langfuse = environment.langfuse()?;
        let ledger = Ledger::from_setup(setup)?;
        Ok(Self {
            queue: DeliveryQueue::over(ledger.table().clone()),
            langfuse: langfuse
                .map(|access| Langfuse::new(&access, &stage, setup.transport, setup.clock)),
            payments: match environment.stripe()? {
                Some(_) => Some(Payments::beside(&ledger, setup)?),
                None => None,
            },
            ledger,
            stage,
            clock: setup.clock.clone(),
        })
    }

    /// The time of one run that Lambda ends at `deadline_ms`, in milliseconds since 1970.
    pub fn deadline(&self, deadline_ms: u64) -> Deadline {
        let now = self.clock.now();
        let deadline_ms = i64::try_from(deadline_ms).unwrap_or_default();
        let deadline = Timestamp::from_millisecond(deadline_ms).unwrap_or(now);
        // `cargo lambda watch` always sends a deadline of 1970.
        let left = match clock::until(deadline, now) {
            Duration::ZERO => LONGEST_RUN,
            left => left.saturating_sub(KEPT_BACK).min(LONGEST_RUN),
        };
        Deadline::lasting(&self.clock, left)
    }

    /// Returns the customer of an account, and creates it if there is none. None without Stripe.
    async fn customer(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<CustomerId>, customers::Error> {
        let Some(Payments {
            stripe, customers, ..
        }) = &self.payments
        else {
            return Ok(None);
        };
        // As the ledger has it now: the customer that an environment remembers may be deleted since.
        customers.forget(account);
        let link = customers.find(account, deadline).await?;
        if let CustomerLink {
            customer: Some(customer),
            ..
        } = link
        {
            return Ok(Some(customer));
        }
        let timeout = call_timeout(deadline);
        let made = customers.make(
            stripe,
            &self.stage,
            account,
            link.generation,
            timeout,
            deadline,
        );
        made.await.map(Some)
    }

    /// Stripe's client; None without Stripe.
    fn stripe(&self) -> Option<&Stripe> {
        self.payments.as_ref().map(|payments| &payments.stripe)
    }
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Buckets that it leased.
    pub buckets: u32,
    /// Buckets that another run had leased.
    pub buckets_taken: u32,
    /// Traces that Langfuse confirmed, or had already.
    pub traces: u64,
    /// Usages that Stripe confirmed, alone or in a parcel.
    pub metered: u64,
    /// Parcels that were made.
    pub parcels: u64,
    /// Deliveries that failed for good.
    pub parked: u64,
    /// Usages that it handled and that are still pending.
    pub waiting: u64,
    /// Age of the oldest of those, in seconds.
    pub oldest_age_s: i64,
    /// Payments that it checked.
    pub payments: u64,
    /// Subscriptions that it checked.
    pub subscriptions: u64,
    /// Refunds, disputes and credit notes that it checked.
    pub reversals: u64,
    /// Failures that did not hold up the rest.
    pub failures: u64,
    /// True if it stopped because its time was up.
    pub cut_short: bool,
}

/// Does the work that is due until the time is up.
pub async fn run(outbox: &Outbox, deadline: &Deadline) -> Result<Report, ledger::Error> {
    // Each run begins at a random bucket, so that runs that are cut short do not always leave out the same ones.
    let first = fastrand::u8(0..PENDING_BUCKETS);
    let reads = &Reads::at_most(READS_PER_RUN);
    let buckets = (0..PENDING_BUCKETS).map(|number| {
        let bucket = (first + number) % PENDING_BUCKETS;
        async move {
            let mut report = Report::default();
            let worked = outbox.take(bucket, reads, deadline, &mut report).await;
            (report, worked)
        }
    });
    let mut buckets = stream::iter(buckets.collect::<Vec<_>>()).buffer_unordered(BUCKETS_AT_ONCE);
    let mut report = Report::default();
    let mut failed = None;
    while let Some((bucket, worked)) = buckets.next().await {
        report.add(&bucket);
        if let Err(error) = worked {
            report.failed("a bucket", &error);
            failed.get_or_insert(error);
        }
    }
    let waiting = i64::try_from(report.waiting).unwrap_or(i64::MAX);
    telemetry::count(Metric::OutboxPending, waiting);
    telemetry::count(Metric::OutboxAgeSeconds, report.oldest_age_s);
    info!(
        outbox.traces = report.traces,
        outbox.metered = report.metered,
        outbox.parcels = report.parcels,
        outbox.parked = report.parked,
        outbox.waiting = report.waiting,
        outbox.oldest_age_s = report.oldest_age_s,
        outbox.payments = report.payments,
        outbox.subscriptions = report.subscriptions,
        outbox.reversals = report.reversals,
        outbox.failures = report.failures,
        outbox.cut_short = report.cut_short,
        "the outbox has ended its run"
    );
    failed.map_or(Ok(report), Err)
}

impl Outbox {
    /// Works on a bucket in which anything is due. Skips it if another run has leased it, or there is no time.
    async fn take(
        &self,
        bucket: u8,
        reads: &Reads,
        deadline: &Deadline,
        report: &mut Report,
    ) -> Result<(), ledger::Error> {
        if !has_time(deadline) {
            report.cut_short = true;
            return Ok(());
        }
        let now = self.clock.now();
        // A lease is two writes, and most buckets of most runs are empty.
        let due = self.queue.due(Queue::Due, bucket, now, 1, deadline);
        if due.await?.is_empty() {
            return Ok(());
        }
        let Some(lease) = self.queue.lease(bucket, &deadline.starting(now)).await? else {
            report.buckets_taken += 1;
            return Ok(());
        };
        report.buckets += 1;
        let worked = self.work(bucket, reads, deadline, report).await;
        self.queue.release(lease, deadline).await?;
        worked
    }

    /// Finishes the due work of a bucket, round by round.
    async fn work(
        &self,
        bucket: u8,
        reads: &Reads,
        deadline: &Deadline,
        report: &mut Report,
    ) -> Result<(), ledger::Error> {
        let mut seen: HashSet<QueueItem> = HashSet::new();
        while has_time(deadline) {
            let (now, limit) = (self.clock.now(), seen.len() + TOGETHER);
            let due = self.queue.due(Queue::Due, bucket, now, limit, deadline);
            // The index may lag behind, so items that this run has already handled are skipped.
            let fresh: Vec<QueueItem> = due
                .await?
                .into_iter()
                .filter(|one| !seen.contains(one))
                .take(TOGETHER)
                .collect();
            if fresh.is_empty() {
                return Ok(());
            }
            seen.extend(fresh.iter().cloned());
            self.finish(fresh, reads, deadline, report).await?;
        }
        report.cut_short = true;
        Ok(())
    }

    async fn finish(
        &self,
        due: Vec<QueueItem>,
        reads: &Reads,
        deadline: &Deadline,
        report: &mut Report,
    ) -> Result<(), ledger::Error> {
        let (deliveries, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(QueueItem::is_delivery);
        // There are few of these, and buyers wait for them.
        if let Some(payments) = &self.payments {
            let (orders, others): (Vec<_>, Vec<_>) = others
                .into_iter()
                .partition(|one| *one.kind() == QueueItemKind::Order);
            checks::work(self, payments, &orders, deadline, report).await?;
            checks::work(self, payments, &others, deadline, report).await?;
        }
        if deliveries.is_empty() {
            return Ok(());
        }
        usages::work(self, &deliveries, reads, deadline, report).await
    }
}

/// Returns whether a run has time for another piece of work.
fn has_time(deadline: &Deadline) -> bool {
    deadline.left() > RESERVE
}

/// Returns the timeout of a provider's call, which leaves time to write its result.
fn call_timeout(deadline: &Deadline) -> Duration {
    deadline.left().saturating_sub(RESERVE).min(LONGEST_CALL)
}

/// Returns the time of the next attempt: later with each failed one, with jitter.
fn next_attempt(now: Timestamp, failed_attempts: i64) -> Timestamp {
    let doublings = u32::try_from(failed_attempts.clamp(1, 5)).unwrap_or(1) - 1;
    let pause = (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE);
    let jitter = SignedDuration::from_millis(
        i64::try_from(pause.as_millis() / 2).unwrap_or_default() * fastrand::i64(0..=1_000) / 1_000,
    );
    now.saturating_add(pause / 2 + jitter)
        .unwrap_or(Timestamp::MAX)
}

impl Report {
    /// Adds the result of a bucket.
    fn add(&mut self, bucket: &Self) {
        self.buckets += bucket.buckets;
        self.buckets_taken += bucket.buckets_taken;
        self.traces += bucket.traces;
        self.metered += bucket.metered;
        self.parcels += bucket.parcels;
        self.parked += bucket.parked;
        self.waiting += bucket.waiting;
        self.oldest_age_s = self.oldest_age_s.max(bucket.oldest_age_s);
        self.payments += bucket.payments;
        self.subscriptions += bucket.subscriptions;
        self.reversals += bucket.reversals;
        self.failures += bucket.failures;
        self.cut_short |= bucket.cut_short;
    }

    /// Counts and logs a failure that does not hold up the rest.
    fn failed(&mut self, what: &str, error: &(dyn std::error::Error + 'static)) {
        self.failures += 1;
        warn!(error = chain(error), "could not finish {what}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_leaves_time_to_write_its_result() {
        for (left_s, call_s) in [(60, 10), (15, 10), (8, 3), (5, 0), (1, 0)] {
            let clock = Clock::skipping_from("2026-11-22T20:15:00Z".parse().unwrap());
            let deadline = Deadline::lasting(&clock, Duration::from_secs(left_s));
            assert_eq!(
                call_timeout(&deadline),
                Duration::from_secs(call_s),
                "{left_s}"
            );
        }
    }

    #[test]
    fn pauses_grow_to_15_minutes_and_have_jitter() {
        let now = "2026-11-22T20:15:00Z".parse().unwrap();
        for (failed, most_s) in [
            (0, 60),
            (1, 60),
            (2, 120),
            (3, 240),
            (4, 480),
            (5, 900),
            (99, 900),
        ] {
            let pause = || next_attempt(now, failed).duration_since(now).as_millis();
            let pauses: Vec<i128> = (0..50).map(|_| pause()).collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| (most_s * 500..=most_s * 1_000).contains(pause))
            );
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
