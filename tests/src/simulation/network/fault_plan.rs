//! The faults of a seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulation::plan::{Options, Plan};

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulation) enum Fate {
    /// It is answered, without a fault.
    Nothing,
    /// No connection came up.
    NotSent,
    /// The connection broke before the request was taken.
    Broken,
    /// It took effect, and the connection broke.
    LostReply,
    /// It never arrived, and no error said so.
    TimedOutBefore,
    /// It took effect, and no answer came in time.
    TimedOut,
    /// It took effect after its caller had given up.
    Late,
    /// It took effect, and the answer takes seconds.
    Slow,
    /// It took effect, and half of the answer came through.
    Truncated,
    /// It took effect, and the system says that it failed.
    FailedAfter,
    /// It was answered from an older state.
    Stale,
    /// A transaction whose items became visible one by one; it was answered when all were.
    Torn,
    /// The same, and the coordinator failed. An error was answered, and recovery took up to seconds.
    Stalled,
    /// It was answered with an error of the system's, without effect.
    Answered(&'static str),
    /// The process died before it.
    CrashBefore,
    /// It took effect, and the process died.
    CrashAfter,
}

/// The faults of every system.
const EVERYWHERE: [(&str, Fate); 10] = [
    ("not_sent", Fate::NotSent),
    ("broken", Fate::Broken),
    ("lost_reply", Fate::LostReply),
    ("timed_out_before", Fate::TimedOutBefore),
    ("timed_out", Fate::TimedOut),
    ("late", Fate::Late),
    ("slow", Fate::Slow),
    ("failed_after", Fate::FailedAfter),
    ("crash_before", Fate::CrashBefore),
    ("crash_after", Fate::CrashAfter),
];

/// The further faults of DynamoDB.
const AT_DYNAMODB: [(&str, Fate); 5] = [
    ("conflict", Fate::Answered("conflict")),
    ("throttle", Fate::Answered("throttle")),
    ("conflict+condition", Fate::Answered("conflict+condition")),
    ("dynamodb_500", Fate::Answered("status:500")),
    ("dynamodb_503", Fate::Answered("status:503")),
];

/// The further faults of the providers.
const AT_PROVIDERS: [(&str, Fate); 5] = [
    ("truncated", Fate::Truncated),
    ("status_500", Fate::Answered("status:500")),
    ("status_503", Fate::Answered("status:503")),
    ("status_429", Fate::Answered("status:429")),
    ("status_401", Fate::Answered("status:401")),
];

/// The fault of Stripe alone: another call holds the same idempotency key.
const AT_STRIPE: (&str, Fate) = ("status_409", Fate::Answered("status:409"));

/// The fault of reads that may be stale: an older state.
const STALE: (&str, Fate) = ("stale", Fate::Stale);

/// The further faults of transactions that write.
const AT_TRANSACTIONS: [(&str, Fate); 2] = [("torn", Fate::Torn), ("stalled", Fate::Stalled)];

/// One transaction in this many is torn. At DynamoDB all are, mostly for milliseconds.
const TORN_ONE_IN: u64 = 3;

/// One torn transaction in this many is stalled.
const STALLED_ONE_IN: usize = 3;

/// The names of all kinds of faults, including those that do not strike a request.
pub const KINDS: [&str; 33] = [
    "broken",
    "cold_start",
    "conflict",
    "conflict+condition",
    "crash_after",
    "crash_before",
    "delayed",
    "dynamodb_500",
    "dynamodb_503",
    "failed_after",
    "forged",
    "gave_up",
    "killed",
    "late",
    "lost_on_the_way",
    "lost_reply",
    "not_sent",
    "slow",
    "stale",
    "stalled",
    "status_401",
    "status_409",
    "status_429",
    "status_500",
    "status_503",
    "throttle",
    "timed_out",
    "timed_out_before",
    "torn",
    "truncated",
    "twice",
    "skewed",
    "down",
];

/// The faults of a run.
pub(in crate::simulation) struct FaultPlan {
    random: fastrand::Rng,
    faulty: bool,
    only_tears: bool,
    down: BTreeSet<&'static str>,
    one_in: u64,
    /// The kinds that never strike in this run.
    absent: BTreeSet<&'static str>,
    /// The most faults that may strike, and those left out. It is for a shorter run that fails as well.
    most: u64,
    spared: BTreeSet<u64>,
    struck: u64,
    /// The kind of fault at each chosen request; None if the seed decides.
    at: Option<BTreeMap<u64, usize>>,
    requests: u64,
    fired: BTreeMap<(String, &'static str), u64>,
}

impl FaultPlan {
    pub(in crate::simulation) fn new(options: &Options, plan: &Plan) -> Self {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let kinds = EVERYWHERE
            .iter()
            .chain(&AT_DYNAMODB)
            .chain(&AT_PROVIDERS)
            .chain([&AT_STRIPE, &STALE])
            .chain(&AT_TRANSACTIONS);
        // Each run lacks some kinds, so that the others meet each other.
        let absent = kinds.filter(|_| random.u8(0..4) == 0);
        Self {
            absent: absent.map(|(kind, _)| *kind).collect(),
            random,
            faulty: false,
            only_tears: false,
            down: BTreeSet::new(),
            one_in: plan.one_in,
            most: options.most_faults,
            spared: options.spared.clone(),
            struck: 0,
            at: options.flow.map(|_| options.at.clone()),
            requests: 0,
            fired: BTreeMap::new(),
        }
    }

    pub(in crate::simulation) fn is_faulty(&mut self, faulty: bool) {
        self.faulty = faulty;
    }

    /// Limits faults to torn transactions and stale reads, or lifts that limit.
    ///
    /// Each transaction is torn, so that more requests succeed and meet each other. None stalls: many requests that
    /// wait for seconds send thousands more.
    pub(in crate::simulation) fn only_tears(&mut self, only: bool) {
        self.only_tears = only;
    }

    pub(in crate::simulation) fn is_down(&mut self, system: &'static str, down: bool) {
        if down {
            if self.fire(system, "down") {
                self.down.insert(system);
            }
        } else {
            self.down.remove(system);
        }
    }

    pub(in crate::simulation) fn number(&mut self, end: u64) -> u64 {
        self.random.u64(0..end)
    }

    pub(in crate::simulation) fn fired(&self) -> &BTreeMap<(String, &'static str), u64> {
        &self.fired
    }

    /// Returns the number of faults that struck, including those left out.
    pub(in crate::simulation) fn struck(&self) -> u64 {
        self.struck
    }

    /// Returns whether a fault strikes now that is not one of a request.
    pub(in crate::simulation) fn strikes(
        &mut self,
        point: &str,
        kind: &'static str,
        one_in: u64,
    ) -> bool {
        let comes = self.faulty && !self.only_tears && self.at.is_none();
        let comes = comes && self.random.u64(0..one_in) == 0;
        comes && self.fire(point, kind)
    }

    /// Decides on the fate of the next request at a point.
    pub(in crate::simulation) fn meets(
        &mut self,
        point: &str,
        system: &str,
        may_be_stale: bool,
    ) -> Fate {
        if self.down.contains(system) {
            // Sometimes the request takes effect, without an answer.
            let fates = [
                Fate::NotSent,
                Fate::TimedOutBefore,
                Fate::Answered("status:503"),
                Fate::Broken,
                Fate::LostReply,
            ];
            return fates[self.random.usize(0..fates.len())];
        }
        if self.at.is_some() {
            return self.chosen(point, system);
        }
        // Always drawn, so that a fault that is left out changes nothing else.
        let one_in = self.one_in * rareness(point);
        let (strikes, which) = (self.random.u64(0..one_in) == 0, self.random.usize(..));
        if let Some((kind, fate)) = self.visibility(point, may_be_stale) {
            return if self.fire(point, kind) {
                fate
            } else {
                Fate::Nothing
            };
        }
        if !self.faulty || self.only_tears || !strikes {
            return Fate::Nothing;
        }
        let mut kinds = kinds_at(system, point);
        kinds.retain(|(kind, _)| !self.absent.contains(kind));
        if kinds.is_empty() {
            return Fate::Nothing;
        }
        let (kind, fate) = kinds[which % kinds.len()];
        if self.fire(point, kind) {
            fate
        } else {
            Fate::Nothing
        }
    }

    /// Draws an older state for a read, or a torn commit for a transaction. None if there is neither.
    fn visibility(&mut self, point: &str, may_be_stale: bool) -> Option<(&'static str, Fate)> {
        let drawn = if may_be_stale {
            (self.random.u64(0..8) == 0).then_some(STALE)
        } else if writes_a_transaction(point) {
            let is_torn = self.random.u64(0..TORN_ONE_IN) == 0 || self.only_tears;
            let is_stalled = self.random.usize(0..STALLED_ONE_IN) == 0 && !self.only_tears;
            is_torn.then_some(AT_TRANSACTIONS[usize::from(is_stalled)])
        } else {
            None
        };
        drawn.filter(|(kind, _)| self.faulty && (self.only_tears || !self.absent.contains(kind)))
    }

    /// Returns the fate that was chosen for this request. The outbox's queries for work are not counted.
    fn chosen(&mut self, point: &str, system: &str) -> Fate {
        if !self.faulty || point == "deliver-outbox: dynamodb Query" {
            return Fate::Nothing;
        }
        let number = self.requests;
        self.requests += 1;
        let chosen = self.at.as_ref().and_then(|at| at.get(&number));
        let kinds = kinds_at(system, point);
        match chosen.and_then(|kind| kinds.get(*kind)) {
            Some((kind, fate)) if self.fire(point, kind) => *fate,
            _ => Fate::Nothing,
        }
    }

    /// Returns the number of requests for which a fault could be chosen.
    pub(in crate::simulation) fn requests(&self) -> u64 {
        self.requests
    }

    /// Counts a fault; returns whether it strikes.
    fn fire(&mut self, point: &str, kind: &'static str) -> bool {
        let number = self.struck;
        self.struck += 1;
        if number >= self.most || self.spared.contains(&number) {
            return false;
        }
        *self.fired.entry((point.to_owned(), kind)).or_default() += 1;
        true
    }
}

/// Returns the faults that a request at a system can meet.
fn kinds_at(system: &str, point: &str) -> Vec<(&'static str, Fate)> {
    let own: &[(&'static str, Fate)] = match system {
        "dynamodb" => &AT_DYNAMODB,
        _ => &AT_PROVIDERS,
    };
    let mut kinds: Vec<(&'static str, Fate)> = EVERYWHERE.iter().chain(own).copied().collect();
    if system == "stripe" {
        kinds.push(AT_STRIPE);
    }
    if writes_a_transaction(point) {
        kinds.extend(AT_TRANSACTIONS);
    }
    kinds
}

fn writes_a_transaction(point: &str) -> bool {
    point.ends_with("dynamodb TransactWriteItems")
}

/// Returns how much rarer faults are at a point. Most requests are the outbox's queries for work.
fn rareness(point: &str) -> u64 {
    match point {
        "deliver-outbox: dynamodb Query" => 16,
        "deliver-outbox: dynamodb UpdateItem" => 8,
        _ => 1,
    }
}
