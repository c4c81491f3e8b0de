//! What an account comes to, worked out the plain and slow way: every debit is taken from its grants at once.
//!
//! The ledger attributes debits later, and books much in one go. Whatever it does must come to the same.

use jiff::{SignedDuration, Timestamp};

/// One grant with what is left of it, in milli-Sparks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The id of its credit.
    pub id: String,
    /// What is left.
    pub milli: i64,
}

#[derive(Clone, Debug)]
struct Grant {
    id: String,
    priority: u8,
    granted_at: Timestamp,
    expires_at: Option<Timestamp>,
    left: i64,
    /// The purchase that it is a part of.
    purchase: Option<String>,
}

#[derive(Clone, Debug)]
struct Back {
    id: String,
    wanted: i64,
    taken: i64,
    live: bool,
}

#[derive(Clone, Debug)]
struct Purchase {
    id: String,
    granted: i64,
    paid: i64,
    expires_at: Option<Timestamp>,
    priority: u8,
    expired: i64,
    backs: Vec<Back>,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub struct Model {
    account: String,
    grants: Vec<Grant>,
    purchases: Vec<Purchase>,
    debt: i64,
    /// The last month with free Sparks, as `2026-11`; nothing without the free plan.
    free_until: Option<String>,
    /// The sum of all entries.
    pub sum: i64,
}

/// What comes in.
#[derive(Clone, Debug)]
pub struct Credit {
    /// Its id.
    pub id: String,
    /// 0 free, 1 promo, 2 plan, 3 pack and manual.
    pub priority: u8,
    /// How much, in milli-Sparks.
    pub milli: i64,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What was paid for it, in cents; nothing where it was not bought.
    pub paid: Option<i64>,
}

impl Model {
    /// An account without Sparks.
    pub fn new(account: &str, free_plan: bool) -> Self {
        Self {
            account: account.to_owned(),
            free_until: free_plan.then(String::new),
            ..Self::default()
        }
    }

    /// What can be spent; negative is a debt.
    pub fn available(&self) -> i64 {
        self.grants.iter().map(|grant| grant.left).sum::<i64>() - self.debt
    }

    /// What is left of each grant.
    pub fn left(&self) -> Vec<Left> {
        let mut left: Vec<Left> = self
            .grants
            .iter()
            .filter(|grant| grant.left > 0)
            .map(|grant| Left {
                id: grant.id.clone(),
                milli: grant.left,
            })
            .collect();
        left.sort();
        left
    }

    /// Ends what has ended by this clock, and lets in the month's free Sparks.
    pub fn settle(&mut self, now: Timestamp) {
        for grant in &mut self.grants {
            if grant.expires_at.is_some_and(|end| end <= now) && grant.left > 0 {
                self.sum -= grant.left;
                let of = self
                    .purchases
                    .iter_mut()
                    .find(|of| Some(&of.id) == grant.purchase.as_ref());
                if let Some(purchase) = of {
                    purchase.expired += grant.left;
                }
                grant.left = 0;
            }
        }
        let month = now.to_string()[..7].to_owned();
        if self.free_until.as_ref().is_some_and(|known| *known < month) {
            let (year, number) = month.split_once('-').expect("a month");
            let (year, number): (i32, u8) = (
                year.parse().expect("a year"),
                number.parse().expect("a month"),
            );
            let next = if number == 12 {
                format!("{:04}-01-01T00:00:00Z", year + 1)
            } else {
                format!("{year:04}-{:02}-01T00:00:00Z", number + 1)
            };
            let free = Credit {
                id: format!("free#{}#{month}", self.account),
                priority: 0,
                milli: 10_000_000,
                expires_at: Some(next.parse().expect("a time")),
                paid: None,
            };
            self.free_until = Some(month);
            self.add(&free, now, None);
        }
    }

    /// Spends, where it is there; answers whether it was.
    pub fn debit(&mut self, milli: i64, now: Timestamp) -> bool {
        if self.is_due(now) {
            self.settle(now);
        }
        if self.available() < milli {
            return false;
        }
        self.sum -= milli;
        self.burn(milli, |_| true);
        true
    }

    /// Lets Sparks in.
    pub fn credit(&mut self, credit: &Credit, now: Timestamp) {
        self.settle(now);
        self.add(credit, now, None);
        if let Some(paid) = credit.paid {
            self.purchases.push(Purchase {
                id: credit.id.clone(),
                granted: credit.milli,
                paid,
                expires_at: credit.expires_at,
                priority: credit.priority,
                expired: 0,
                backs: Vec::new(),
            });
            let grant = self.grants.last_mut().expect("just added");
            grant.purchase = Some(credit.id.clone());
        }
    }

    /// Takes back a share of a purchase.
    pub fn reverse(&mut self, id: &str, purchase: &str, cents: i64, now: Timestamp) {
        self.settle(now);
        let bought = self.purchase(purchase);
        let wanted = (bought.granted * cents + bought.paid - 1) / bought.paid;
        let live: i64 = bought.live().map(|back| back.taken).sum();
        let taken = wanted.min((bought.granted - bought.expired - live).max(0));
        bought.backs.push(Back {
            id: id.to_owned(),
            wanted,
            taken,
            live: true,
        });
        self.sum -= taken;
        let left = self.burn(taken, |grant| grant.id == purchase);
        let left = self.burn(left, |grant| grant.purchase.as_deref() == Some(purchase));
        self.debt += self.burn(left, |_| true);
    }

    /// Gives back what a reversal took.
    pub fn restore(&mut self, id: &str, purchase: &str, now: Timestamp) {
        self.settle(now);
        let bought = self.purchase(purchase);
        let ending = bought.backs.iter_mut().find(|back| back.id == id);
        let ending = ending.expect("a reversal");
        ending.live = false;
        let mut left = ending.taken;
        let most = bought.granted - bought.expired;
        for index in 0..bought.backs.len() {
            let live: i64 = bought.live().map(|back| back.taken).sum();
            let back = &mut bought.backs[index];
            if back.live {
                let over = (back.wanted - back.taken)
                    .min((most - live).max(0))
                    .min(left);
                back.taken += over;
                left -= over;
            }
        }
        let thirty_days = now + SignedDuration::from_hours(720);
        let credit = Credit {
            id: format!("restored#{id}"),
            priority: bought.priority,
            milli: left,
            expires_at: bought.expires_at.map(|end| end.max(thirty_days)),
            paid: None,
        };
        self.add(&credit, now, Some(purchase));
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let month = now.to_string()[..7].to_owned();
        self.grants
            .iter()
            .any(|grant| grant.left > 0 && grant.expires_at.is_some_and(|end| end <= now))
            || self.free_until.as_ref().is_some_and(|known| *known < month)
    }

    fn purchase(&mut self, id: &str) -> &mut Purchase {
        let found = self.purchases.iter_mut().find(|found| found.id == id);
        found.expect("a purchase")
    }

    fn add(&mut self, credit: &Credit, now: Timestamp, purchase: Option<&str>) {
        let repaid = credit.milli.min(self.debt);
        self.debt -= repaid;
        self.sum += credit.milli;
        self.grants.push(Grant {
            id: credit.id.clone(),
            priority: credit.priority,
            granted_at: now,
            expires_at: credit.expires_at,
            left: credit.milli - repaid,
            purchase: purchase.map(str::to_owned),
        });
    }

    /// Takes from some grants, one after another; answers what they do not have.
    fn burn(&mut self, milli: i64, from: impl Fn(&Grant) -> bool) -> i64 {
        self.grants.sort_by(|a, b| {
            let ends = |grant: &Grant| grant.expires_at.unwrap_or(Timestamp::MAX);
            a.priority
                .cmp(&b.priority)
                .then(ends(a).cmp(&ends(b)))
                .then(a.granted_at.cmp(&b.granted_at))
                .then(a.id.cmp(&b.id))
        });
        let mut left = milli;
        for grant in self.grants.iter_mut().filter(|grant| from(grant)) {
            let taken = grant.left.min(left);
            grant.left -= taken;
            left -= taken;
        }
        left
    }
}

impl Purchase {
    fn live(&self) -> impl Iterator<Item = &Back> {
        self.backs.iter().filter(|back| back.live)
    }
}

/// Something that happens to an account.
#[derive(Clone, Debug)]
pub enum Step {
    /// Spend so many milli-Sparks.
    Debit(i64),
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
            let step = match random.u8(0..10) {
                0..=3 => Step::Debit(random.i64(1..60) * 100),
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

impl Model {
    /// Does a step; answers whether a debit was covered.
    pub fn apply(&mut self, step: &Step, now: Timestamp) -> bool {
        match step {
            Step::Debit(milli) => return self.debit(*milli, now),
            Step::Credit(credit) => self.credit(credit, now),
            Step::Reverse {
                id,
                purchase,
                cents,
            } => self.reverse(id, purchase, *cents, now),
            Step::Restore { id, purchase } => self.restore(id, purchase, now),
            Step::Read if self.is_due(now) => self.settle(now),
            Step::Read => {}
        }
        true
    }
}
