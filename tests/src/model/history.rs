//! Histories of an account, made up of everything that can happen to it.

use jiff::{SignedDuration, Timestamp};
use shared::words::id::{KeySpace, UsageId};

use super::{Credit, Model};

/// Something that happens to an account.
#[derive(Clone, Debug)]
pub enum Step {
    /// Spend.
    Debit {
        /// Under which key.
        key: String,
        /// So many milli-Sparks.
        milli: i64,
    },
    /// Let Sparks in.
    Credit(Credit),
    /// Take back the share that so many cents are of a purchase.
    Reverse {
        /// The refund or dispute.
        id: String,
        /// What it is of.
        purchase: String,
        /// How much money.
        cents: i64,
    },
    /// Give back what a refund or dispute took.
    Restore {
        /// The refund or dispute.
        id: String,
        /// What it is of.
        purchase: String,
    },
    /// Take back what is left of a grant that nobody paid for.
    TakeOut {
        /// The id of its credit.
        credit: String,
    },
    /// Give back what was spent under a key, if it was.
    GiveBack {
        /// The key.
        key: String,
        /// The id of the credit that it comes back with.
        id: String,
    },
    /// Look at the balance.
    Read,
}

/// A history: steps with the time at which an environment's clock saw them. Clocks differ by five minutes.
pub struct History {
    /// Whether the account has the free plan.
    pub free_plan: bool,
    /// What happened, in the order of the commits.
    pub steps: Vec<(Timestamp, Step)>,
}

impl History {
    /// The history of a seed, of ids that begin with `name`.
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
            let ends = |random: &mut fastrand::Rng| {
                let lifetime = random.i64(1..3_000_000).max(301);
                random
                    .bool()
                    .then(|| now + SignedDuration::from_secs(lifetime))
            };
            let step = match random.u8(0..12) {
                0..=3 => {
                    let key = format!("k{number}");
                    spent.push(key.clone());
                    let milli = random.i64(1..60) * 100;
                    Step::Debit { key, milli }
                }
                4..=5 => {
                    let bought = random.bool();
                    let priority = if bought {
                        random.u8(2..=3)
                    } else {
                        [1, 3][random.usize(0..2)]
                    };
                    let id = format!("{name}_credit_{number:03}");
                    let paid = bought.then(|| random.i64(1..30));
                    purchases.extend(paid.map(|paid| (id.clone(), paid)));
                    given.extend((!bought).then(|| id.clone()));
                    Step::Credit(Credit {
                        id,
                        priority,
                        milli: random.i64(1..6_000),
                        expires_at: ends(&mut random),
                        paid,
                    })
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

/// The id of the credit that gives back what `account` spent under a key.
fn giving_back_id(account: &str, key: &str) -> String {
    let (account, key) = (account.parse(), key.parse());
    let (account, key) = (account.expect("an account"), key.expect("a key"));
    let usage = UsageId::derive("local", &account, KeySpace::OwnTokens, &key);
    format!("reversed#{usage}")
}

impl Model {
    /// Does a step; answers whether a debit was covered, or what is given back was spent.
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
