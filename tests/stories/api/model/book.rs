//! Single-threaded reference model of one account, which predicts the response to each API call.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use tests::model::{Account, Credit, PACKS, Usage};

/// Start time of a run.
pub(super) const START: &str = "2026-11-22T12:00:00Z";

/// One step of a run.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Records a usage under a key.
    Record(u8, Usage),
    /// Records a batch; keys may repeat.
    RecordBatch(Vec<(u8, Usage)>),
    /// Estimates the cost of a usage.
    Estimate(Usage),
    /// The operator grants whole Sparks under a key.
    Grant(u8, i64),
    /// The operator reverses a usage, by its key.
    GiveBack(u8),
    /// The operator claws back the remainder of a grant, by its key.
    TakeBack(u8),
    /// Orders a pack under a key: key, index of the pack, quantity.
    Order(u8, usize, u8),
    /// The buyer pays in the Checkout Session of a key. The card is good (`true`) or declined.
    Pay(u8, bool),
    /// The buyer returns from the Checkout Session of a key, and the payment is verified.
    Verify(u8),
    /// A webhook arrives for the Checkout Session of a key.
    Webhook(u8),
    /// Another account verifies the Checkout Session of a key.
    VerifyAsAnother(u8),
    /// Sends a request from `REFUSED`, by its index.
    Refused(usize),
    /// Reads the ledger in pages of this size.
    ReadLedger(usize),
    /// Reads the usage history.
    ReadUsage,
    /// Hours pass.
    Wait(i64),
}

/// Expected response to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A usage, recorded now or replayed, and the balance after it.
    Recorded {
        milli: i64,
        replayed: bool,
        available: i64,
    },
    /// Too few Sparks.
    Insufficient { required: i64, available: i64 },
    /// The key belongs to another request.
    KeyReused,
    /// The results of a batch, in order.
    Batch(Vec<Expected>),
    /// The estimated cost and the balance.
    Estimate { milli: i64, available: i64 },
    /// The operator's grant succeeds (`true`), or its key belongs to another grant.
    Granted(bool),
    /// A Checkout Session, created now or replayed; `open` if it can still be paid.
    Page { replayed: bool, open: bool },
    /// State of a payment.
    Payment { paid: bool, credited: i64 },
    /// No response to compare.
    Nothing,
}

/// A usage that was recorded.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) usage: Usage,
    pub(super) given_back: bool,
}

/// An order and its progress.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) pack: usize,
    pub(super) quantity: u8,
    pub(super) paid: bool,
    pub(super) credited: bool,
}

impl Order {
    fn milli(&self) -> i64 {
        PACKS[self.pack].1 * i64::from(self.quantity)
    }
}

/// The account and the expected response to the last step.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) now: Timestamp,
    pub(super) has_free_plan: bool,
    pub(super) account: Account,
    pub(super) usages: BTreeMap<u8, Recorded>,
    pub(super) grants: BTreeMap<u8, i64>,
    pub(super) taken_back: BTreeSet<u8>,
    pub(super) orders: BTreeMap<u8, Order>,
    pub(super) expected: Expected,
}

impl Book {
    fn new(has_free_plan: bool) -> Self {
        let mut book = Self {
            now: START.parse().expect("a time"),
            has_free_plan,
            account: Account::new("acct_a", has_free_plan),
            usages: BTreeMap::new(),
            grants: BTreeMap::new(),
            taken_back: BTreeSet::new(),
            orders: BTreeMap::new(),
            expected: Expected::Nothing,
        };
        book.account.settle(book.now);
        if !has_free_plan {
            // An account that is created by the operator's grant has no plan.
            book.credit("first", 100_000);
        }
        book
    }

    fn credit(&mut self, id: &str, milli: i64) {
        self.account.credit(&Credit::for_good(id, milli), self.now);
    }

    fn record(&mut self, key: u8, usage: Usage) -> Expected {
        let milli = usage.milli();
        if let Some(recorded) = self.usages.get(&key) {
            return if recorded.usage == usage {
                Expected::Recorded {
                    milli,
                    replayed: true,
                    available: self.account.available(),
                }
            } else {
                Expected::KeyReused
            };
        }
        if !self.account.debit(&key.to_string(), milli, self.now) {
            return Expected::Insufficient {
                required: milli,
                available: self.account.available(),
            };
        }
        let recorded = Recorded {
            usage,
            given_back: false,
        };
        self.usages.insert(key, recorded);
        Expected::Recorded {
            milli,
            replayed: false,
            available: self.account.available(),
        }
    }

    fn grant(&mut self, key: u8, sparks: i64) -> Expected {
        if let Some(granted) = self.grants.get(&key) {
            return Expected::Granted(*granted == sparks);
        }
        self.grants.insert(key, sparks);
        self.credit(&format!("grant{key}"), sparks * 1_000);
        Expected::Granted(true)
    }

    fn give_back(&mut self, key: u8) -> Expected {
        if let Some(recorded) = self.usages.get_mut(&key)
            && !recorded.given_back
        {
            recorded.given_back = true;
            self.account.give_back(&key.to_string(), self.now);
        }
        Expected::Nothing
    }

    fn take_back(&mut self, key: u8) -> Expected {
        if self.taken_back.insert(key) {
            self.account.take_out(&format!("grant{key}"), self.now);
        }
        Expected::Nothing
    }

    fn order(&mut self, key: u8, pack: usize, quantity: u8) -> Expected {
        if let Some(order) = self.orders.get(&key) {
            if (order.pack, order.quantity) != (pack, quantity) {
                return Expected::KeyReused;
            }
            // A replay does not ask Stripe for the session's current state.
            return Expected::Page {
                replayed: true,
                open: !order.credited,
            };
        }
        let order = Order {
            pack,
            quantity,
            paid: false,
            credited: false,
        };
        self.orders.insert(key, order);
        Expected::Page {
            replayed: false,
            open: true,
        }
    }

    fn pay(&mut self, key: u8, is_good: bool) -> Expected {
        if let Some(order) = self.orders.get_mut(&key) {
            order.paid |= is_good;
        }
        Expected::Nothing
    }

    /// Credits a paid order on its first verification or webhook.
    fn notice(&mut self, key: u8) -> Expected {
        let Some(order) = self.orders.get_mut(&key) else {
            return Expected::Nothing;
        };
        let (paid, milli) = (order.paid, order.milli());
        if paid && !order.credited {
            order.credited = true;
            self.credit(&format!("order{key}"), milli);
        }
        Expected::Payment {
            paid,
            credited: if paid { milli } else { 0 },
        }
    }

    fn step(&mut self, step: &Step) -> Expected {
        match step {
            Step::Record(key, usage) => self.record(*key, *usage),
            Step::RecordBatch(usages) => {
                let results = usages.iter().map(|(key, usage)| self.record(*key, *usage));
                Expected::Batch(results.collect())
            }
            Step::Estimate(usage) => Expected::Estimate {
                milli: usage.milli(),
                available: self.account.available(),
            },
            Step::Grant(key, sparks) => self.grant(*key, *sparks),
            Step::GiveBack(key) => self.give_back(*key),
            Step::TakeBack(key) => self.take_back(*key),
            Step::Order(key, pack, quantity) => self.order(*key, *pack, *quantity),
            Step::Pay(key, is_good) => self.pay(*key, *is_good),
            Step::Verify(key) | Step::Webhook(key) => self.notice(*key),
            Step::Wait(hours) => {
                self.now += SignedDuration::from_hours(*hours);
                Expected::Nothing
            }
            Step::VerifyAsAnother(_) | Step::Refused(_) | Step::ReadLedger(_) | Step::ReadUsage => {
                Expected::Nothing
            }
        }
    }

    /// Returns whether the Checkout Session of a key can still be paid.
    fn is_open(&self, key: u8) -> bool {
        self.orders.get(&key).is_some_and(|order| !order.paid)
    }
}

/// Generates usages with costs near the balance, so that some are refused.
fn usage() -> impl Strategy<Value = Usage> {
    let tokens = prop_oneof![
        4 => 1_u64..2_000,
        2 => 10_000_u64..200_000,
        1 => 900_000_u64..2_000_000,
    ];
    (tokens, prop_oneof![3 => Just(0_u64), 1 => 1_u64..90_000]).prop_map(
        |(tokens, milliseconds)| Usage {
            tokens,
            milliseconds,
            gigabyte_hours: 0,
        },
    )
}

/// Generates the next step; most steps change something.
fn steps(known: Vec<(u8, Usage)>) -> BoxedStrategy<Step> {
    let key = || 0_u8..6;
    let record = (0_u8..12, usage()).prop_map(|(key, usage)| Step::Record(key, usage));
    let batch = prop::collection::vec((0_u8..24, usage()), 1..5).prop_map(Step::RecordBatch);
    // The two smaller packs.
    let order = (key(), 0..PACKS.len() - 1, 1_u8..3)
        .prop_map(|(key, pack, quantity)| Step::Order(key, pack, quantity));
    let again: BoxedStrategy<Step> = if known.is_empty() {
        Just(Step::ReadUsage).boxed()
    } else {
        let known = prop::sample::select(known);
        known
            .prop_map(|(key, usage)| Step::Record(key, usage))
            .boxed()
    };
    prop_oneof![
        6 => record,
        2 => again,
        3 => batch,
        1 => usage().prop_map(Step::Estimate),
        2 => (0_u8..4, prop_oneof![Just(20_i64), 100_i64..20_000]).prop_map(|(key, sparks)| Step::Grant(key, sparks)),
        1 => (0_u8..24).prop_map(Step::GiveBack),
        1 => (0_u8..4).prop_map(Step::TakeBack),
        3 => order,
        3 => (key(), prop::bool::weighted(0.8)).prop_map(|(key, is_good)| Step::Pay(key, is_good)),
        2 => key().prop_map(Step::Verify),
        2 => key().prop_map(Step::Webhook),
        1 => key().prop_map(Step::VerifyAsAnother),
        2 => (0..super::REFUSED.len()).prop_map(Step::Refused),
        1 => (1_usize..8).prop_map(Step::ReadLedger),
        1 => Just(Step::ReadUsage),
        1 => prop_oneof![Just(1_i64), Just(7), Just(15), Just(200)].prop_map(Step::Wait),
    ]
    .boxed()
}

impl ReferenceStateMachine for Book {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        any::<bool>().prop_map(Self::new).boxed()
    }

    fn transitions(book: &Self) -> BoxedStrategy<Step> {
        let known = book.usages.iter();
        steps(known.map(|(key, known)| (*key, known.usage)).collect())
    }

    /// Returns whether a step is possible. An expired or a paid Checkout Session cannot be paid.
    fn preconditions(book: &Self, step: &Step) -> bool {
        match step {
            Step::Pay(key, _) => book.is_open(*key),
            Step::Verify(key) | Step::Webhook(key) | Step::VerifyAsAnother(key) => {
                book.orders.contains_key(key)
            }
            Step::GiveBack(key) => book.usages.contains_key(key),
            Step::TakeBack(key) => book.grants.contains_key(key),
            // Unpaid sessions expire after a day, which another story covers.
            Step::Wait(_) => book.orders.values().all(|order| order.credited),
            _ => true,
        }
    }

    fn apply(mut book: Self, step: &Step) -> Self {
        // Older grants burn first, so no two grants may have the same time.
        book.now += SignedDuration::from_secs(1);
        book.expected = book.step(step);
        // The stack reads the balance after every step, which settles the account.
        book.account.settle(book.now);
        book
    }
}
