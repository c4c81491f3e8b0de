//! What a seed decides before a run begins: who there is, what they do, and how much goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::langfuse::Settings;

use super::flows::Flow;

/// How many reads Langfuse takes a minute on its smallest plan.
const READS_PER_MINUTE: u32 = 30;

/// Which run is played: that of a seed, or what is left of it when some of it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// How many faults come at most.
    pub most_faults: u64,
    /// Faults that do not come, by their number.
    pub spared: BTreeSet<u64>,
    /// Who does nothing: `app of acct_0`, say.
    pub idle: BTreeSet<String>,
    /// The one thing that is done, in place of all that the seed decides on.
    pub flow: Option<Flow>,
    /// Which kind of fault comes at which request of a flow.
    pub at: BTreeMap<u64, usize>,
}

impl Options {
    /// All of the run of a seed.
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

    /// The run of one flow with these faults and no others.
    pub(super) fn of_flow(flow: Flow, at: BTreeMap<u64, usize>) -> Self {
        Self {
            flow: Some(flow),
            at,
            ..Self::of(0)
        }
    }
}

/// What becomes of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Webhooks {
    /// They come late, twice, in another order, and again when they were not taken.
    Come,
    /// The same, but those whose type begins with one of these never come.
    Lack(&'static [&'static str]),
    /// None ever comes.
    Never,
}

/// Types of events that can be lost together.
const LOST: [&[&str]; 9] = [
    &["invoice."],
    &["invoice.paid"],
    &["customer.subscription."],
    &["invoice.", "customer.subscription."],
    // The ends of what was heard of.
    &[
        "charge.dispute.closed",
        "charge.dispute.updated",
        "charge.dispute.funds_",
    ],
    &["refund.failed", "refund.updated"],
    // All that is to be heard of them.
    &["charge.dispute."],
    &["refund."],
    &["credit_note."],
];

impl Webhooks {
    /// True if an event of this type never comes.
    pub(super) fn lack(self, kind: &str) -> bool {
        match self {
            Self::Come => false,
            Self::Lack(lost) => lost.iter().any(|lost| kind.starts_with(lost)),
            Self::Never => true,
        }
    }
}

/// A system that is not there for long.
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
    /// True for the run of a seed, which renews and takes back what was bought; a flow is played alone.
    pub(super) has_aftermath: bool,
    /// One request in so many meets a fault.
    pub(super) one_in: u64,
    pub(super) webhooks: Webhooks,
    /// How far the clocks of processes are off at most, in milliseconds.
    pub(super) skew_ms: u64,
    pub(super) outage: Option<Outage>,
    pub(super) outbox_every: SignedDuration,
    /// How long a new process takes to start.
    pub(super) cold_start: Duration,
    /// How long requests are on their way, where that is not drawn for each.
    pub(super) round_trips: Option<RoundTrips>,
    /// How late Langfuse shows what it took, and how many reads it takes.
    pub(super) langfuse: Settings,
}

/// How long requests are on their way, there and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrips {
    /// A transaction, besides the time that DynamoDB takes for it.
    pub(super) transaction: Duration,
    /// Any other request to DynamoDB.
    pub(super) plain: Duration,
    /// A request to a provider.
    pub(super) provider: Duration,
}

impl RoundTrips {
    /// The way there and the way back of a request at this point.
    pub(super) fn of(&self, system: &str, point: &str) -> (Duration, Duration) {
        let both = match system {
            "dynamodb" if point.contains("Transact") => self.transaction,
            "dynamodb" => self.plain,
            _ => self.provider,
        };
        // In whole milliseconds, which is what a virtual clock knows.
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

    /// The plan of a run in which only what is asked for happens.
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
        // Noon of some day, just before a month ends, or just before a day and an hour do.
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
            // Few, so that there are many runs: what goes wrong needs one or two of them.
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
                // Mostly seconds; it has been a quarter of an hour.
                visible_after_ms: [2_000, 10_000, 120_000, 14 * 60_000][random.usize(0..4)],
                reads_per_minute: Some(READS_PER_MINUTE),
                ..Settings::default()
            },
        }
    }
}
