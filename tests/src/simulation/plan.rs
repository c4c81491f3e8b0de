//! The decisions of a seed before a run begins. They are the actors, their actions, and the rate of faults.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::langfuse::Settings;

/// The reads a minute that Langfuse allows on its smallest plan.
const READS_PER_MINUTE: u32 = 30;

/// The run to play: that of a seed, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// The most faults that strike.
    pub most_faults: u64,
    /// The faults that are left out, by number.
    pub spared: BTreeSet<u64>,
    /// The actors that do nothing, such as `app of acct_0`.
    pub idle: BTreeSet<String>,
    /// The only flow to play, in place of everything that the seed decides on.
    pub flow: Option<Flow>,
    /// The kind of fault at each chosen request of a flow.
    pub at: BTreeMap<u64, usize>,
}

impl Options {
    /// Returns the whole run of a seed.
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            most_faults: u64::MAX,
            spared: BTreeSet::new(),
            idle: BTreeSet::new(),
            flow: None,
            at: BTreeMap::new(),
        }
    }

    /// Returns the run of one flow with these faults and no others.
    pub(super) fn of_flow(flow: Flow, at: BTreeMap<u64, usize>) -> Self {
        Self {
            flow: Some(flow),
            at,
            ..Self::of(0)
        }
    }
}

/// A sequence of actions that is played alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A usage is recorded, and the outbox runs.
    Usage,
    /// Two usages are recorded together.
    Batch,
    /// A usage is recorded while no provider answers, and the outbox delivers it.
    Outbox,
    /// A pack is bought and verified, and its webhooks arrive.
    Pack,
    /// A plan is bought, renewed and read.
    Plan,
    /// A pack is refunded in part, and the refund fails.
    Refund,
}

impl Flow {
    /// All flows.
    pub const ALL: [Self; 6] = [
        Self::Usage,
        Self::Batch,
        Self::Outbox,
        Self::Pack,
        Self::Plan,
        Self::Refund,
    ];
}

/// The delivery of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Webhooks {
    /// They arrive late, twice, out of order, and again if they were not accepted.
    Come,
    /// The same, but those whose type begins with one of these never arrive.
    Lack(&'static [&'static str]),
    /// None ever arrives.
    Never,
}

/// Types of events that can be lost together.
const LOST: [&[&str]; 9] = [
    &["invoice."],
    &["invoice.paid"],
    &["customer.subscription."],
    &["invoice.", "customer.subscription."],
    // The ends of known reversals.
    &[
        "charge.dispute.closed",
        "charge.dispute.updated",
        "charge.dispute.funds_",
    ],
    &["refund.failed", "refund.updated"],
    // All events of reversals.
    &["charge.dispute."],
    &["refund."],
    &["credit_note."],
];

impl Webhooks {
    /// Returns whether an event of this type never arrives.
    pub(super) fn lack(self, kind: &str) -> bool {
        match self {
            Self::Come => false,
            Self::Lack(lost) => lost.iter().any(|lost| kind.starts_with(lost)),
            Self::Never => true,
        }
    }
}

/// A long outage of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) system: &'static str,
    pub(super) lasts: SignedDuration,
}

/// The plan of a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) start: Timestamp,
    pub(super) accounts: usize,
    pub(super) usages: usize,
    pub(super) purchases: usize,
    /// True if purchases are renewed and reversed in the end. It is for the run of a seed, not for a flow.
    pub(super) has_aftermath: bool,
    /// One request in this many meets a fault.
    pub(super) one_in: u64,
    pub(super) webhooks: Webhooks,
    /// The largest error of a process's clock, in milliseconds.
    pub(super) skew_ms: u64,
    pub(super) outage: Option<Outage>,
    pub(super) outbox_every: SignedDuration,
    /// The time that a new process takes to start.
    pub(super) cold_start: Duration,
    /// Fixed round trips, in place of one drawn for each request.
    pub(super) round_trips: Option<RoundTrips>,
    /// The delay after which Langfuse shows its data, and its limit of reads.
    pub(super) langfuse: Settings,
}

/// The round trips of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrips {
    /// A transaction, without the time that DynamoDB takes for it.
    pub(super) transaction: Duration,
    /// Any other request to DynamoDB.
    pub(super) plain: Duration,
    /// A request to a provider.
    pub(super) provider: Duration,
}

impl RoundTrips {
    /// Returns the ways there and back of a request at this point.
    pub(super) fn of(&self, system: &str, point: &str) -> (Duration, Duration) {
        let both = match system {
            "dynamodb" if point.contains("Transact") => self.transaction,
            "dynamodb" => self.plain,
            _ => self.provider,
        };
        // A virtual clock counts whole milliseconds.
        let there = Duration::from_millis(u64::try_from(both.as_millis() / 2).unwrap_or(u64::MAX));
        (there, both.saturating_sub(there))
    }
}

impl Plan {
    pub(super) fn of(options: &Options) -> Self {
        let plan = Self::of_seed(options.seed);
        if options.flow.is_none() {
            return plan;
        }
        Self {
            accounts: 1,
            has_aftermath: false,
            webhooks: Webhooks::Come,
            skew_ms: 0,
            outage: None,
            ..plan
        }
    }

    /// Returns the plan of a run without webhooks, outages and clock errors.
    pub(super) fn quiet(options: &Options) -> Self {
        Self {
            webhooks: Webhooks::Never,
            skew_ms: 0,
            outage: None,
            ..Self::of_seed(options.seed)
        }
    }

    fn of_seed(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        // Noon of a day, shortly before the end of a month, or shortly before the end of a day.
        let starts = [
            "2026-11-22T12:00:00Z",
            "2026-11-30T23:58:30Z",
            "2026-11-22T23:58:30Z",
        ];
        let start = starts[random.usize(0..starts.len())];
        let one_in = [4, 6, 9, 15, 40][random.usize(0..5)];
        let outage = (random.u8(0..8) == 0).then(|| Outage {
            system: ["stripe", "langfuse", "dynamodb"][random.usize(0..3)],
            lasts: SignedDuration::from_mins([5, 60, 30 * 60][random.usize(0..3)]),
        });
        Self {
            start: start.parse().expect("a time"),
            // Few accounts, so that there are many runs: most failures need one or two accounts.
            accounts: [1, 1, 1, 1, 1, 1, 2, 3][random.usize(0..8)],
            usages: random.usize(1..=5),
            purchases: random.usize(1..=2),
            has_aftermath: true,
            one_in,
            webhooks: match random.u8(0..5) {
                0 => Webhooks::Never,
                1 | 2 => Webhooks::Lack(LOST[random.usize(0..LOST.len())]),
                _ => Webhooks::Come,
            },
            skew_ms: [0, 0, 500, 20_000][random.usize(0..4)],
            outage,
            outbox_every: SignedDuration::from_secs([45, 120, 180, 300][random.usize(0..4)]),
            cold_start: Duration::ZERO,
            round_trips: None,
            langfuse: Settings {
                // Mostly seconds; a quarter of an hour has been observed.
                visible_after_ms: [2_000, 10_000, 120_000, 14 * 60_000][random.usize(0..4)],
                reads_per_minute: Some(READS_PER_MINUTE),
                ..Settings::default()
            },
        }
    }
}
