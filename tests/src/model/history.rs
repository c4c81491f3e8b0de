//! Random histories of an account, with every kind of step.

use jiff::{SignedDuration, Timestamp};
use shared::words::id::{KeySpace, UsageId};

use super::{Account, Credit};

/// A step of an account's history.
#[derive(Clone, Debug)]
pub enum Step {
    /// Spend Sparks.
    Debit {
        /// The key.
        key: String,
        /// The amount in milli-Sparks.
        milli: i64,
    },
    /// Add a credit.
    Credit(Credit),
    /// Claw back a purchase's share of an amount of money.
    Reverse {
        /// The refund or dispute.
        id: String,
        /// The purchase.
        purchase: String,
        /// The amount of money in cents.
        cents: i64,
    },
    /// Restore what a refund or dispute took.
    Restore {
        /// The refund or dispute.
        id: String,
        /// The purchase.
        purchase: String,
    },
    /// Take the remainder of a grant that was not bought.
    TakeOut {
        /// The id of its credit.
        credit: String,
    },
    /// Give back what was spent under a key, if anything was.
    GiveBack {
        /// The key.
        key: String,
        /// The id of the credit that gives it back.
        id: String,
    },
    /// Read the balance.
    Read,
}

/// A history: steps, each with the time by its environment's clock. Clocks are off by up to five minutes.
pub struct History {
    /// True if the account has the free plan.
    pub free_plan: bool,
    /// The steps, in the order of the commits.
    pub steps: Vec<(Timestamp, Step)>,
}

impl History {
    /// Generates the history of a seed, with ids that begin with `name`.
    pub fn random(name: &str, seed: u64, length: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut true_time = 1_793_000_000_i64 + random.i64(0..40_000_000);
        let mut purchases: Vec<(String, i64)> = Vec::new();
        let mut reversals: Vec<(String, String)> = Vec::new();
        let (mut given, mut spent) = (Vec::new(), Vec::new());
        let mut steps = Vec::with_capacity(length);
        for number in 0..length {
            let longest = [2, 60, 7_200, 400_000, 2_000_000][random.usize(0..5)];
            true_time += random.i64(0..longest);
            let clock = true_time + random.i64(-300..=300);
            let now = Timestamp::from_millisecond(clock * 1_000 + random.i64(0..1_000));
            let now = now.expect("a time of this century");
            let step = match random.u8(0..12) {
                0..=3 => {
                    let key = format!("k{number}");
                    spent.push(key.clone());
                    let milli = random.i64(1..60) * 100;
                    Step::Debit { key, milli }
                }
                4..=5 => {
                    let id = format!("{name}_credit_{number:03}");
                    let credit = Credit::random(&mut random, id, now);
                    match credit.paid {
                        Some(paid) => purchases.push((credit.id.clone(), paid)),
                        None => given.push(credit.id.clone()),
                    }
                    Step::Credit(credit)
                }
                6..=7 if !purchases.is_empty() => {
                    let (purchase, paid) = purchases[random.usize(0..purchases.len())].clone();
                    let id = format!("{name}_back_{number:03}");
                    reversals.push((id.clone(), purchase.clone()));
                    let cents = random.i64(1..=paid);
                    Step::Reverse {
                        id,
                        purchase,
                        cents,
                    }
                }
                8 if !reversals.is_empty() => {
                    let (id, purchase) = reversals.swap_remove(random.usize(0..reversals.len()));
                    Step::Restore { id, purchase }
                }
                9 if !given.is_empty() => Step::TakeOut {
                    credit: given.swap_remove(random.usize(0..given.len())),
                },
                10 if !spent.is_empty() => {
                    let key: String = spent.swap_remove(random.usize(0..spent.len()));
                    let id = giving_back_id(name, &key);
                    Step::GiveBack { key, id }
                }
                _ => Step::Read,
            };
            steps.push((now, step));
        }
        Self {
            free_plan: random.bool(),
            steps,
        }
    }
}

impl Credit {
    /// Draws a credit, bought or given, that may expire.
    fn random(random: &mut fastrand::Rng, id: String, now: Timestamp) -> Self {
        let bought = random.bool();
        let priority = if bought {
            random.u8(2..=3)
        } else {
            [1, 3][random.usize(0..2)]
        };
        let paid = bought.then(|| random.i64(1..30));
        let milli = random.i64(1..6_000);
        let lifetime = SignedDuration::from_secs(random.i64(1..3_000_000).max(301));
        Self {
            id,
            priority,
            milli,
            expires_at: random.bool().then(|| now + lifetime),
            paid,
        }
    }
}

/// Returns the id of the credit that gives back what `account` spent under a key.
fn giving_back_id(account: &str, key: &str) -> String {
    let (account, key) = (account.parse(), key.parse());
    let (account, key) = (account.expect("an account"), key.expect("a key"));
    let usage = UsageId::derive("local", &account, KeySpace::OwnTokens, &key);
    format!("reversed#{usage}")
}

impl Account {
    /// Applies a step. Returns whether a debit was covered, or there was something to give back.
    pub fn apply(&mut self, step: &Step, now: Timestamp) -> bool {
        match step {
            Step::Debit { key, milli } => return self.debit(key, *milli, now),
            Step::Credit(credit) => self.credit(credit, now),
            Step::Reverse {
                id,
                purchase,
                cents,
            } => self.reverse(id, purchase, *cents, now),
            Step::Restore { id, purchase } => self.restore(id, purchase, now),
            Step::TakeOut { credit } => self.take_out(credit, now),
            Step::GiveBack { key, .. } => return self.give_back(key, now),
            Step::Read if self.is_due(now) => self.settle(now),
            Step::Read => {}
        }
        true
    }
}
