//! A plain and slow model of an account: every debit is taken from its grants at once.
//!
//! The ledger attributes debits later, and books much in one go. Its result must be the same.

mod history;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use history::{History, Step};

/// A grant and its remainder, in milli-Sparks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The id of its credit.
    pub id: String,
    /// The remainder.
    pub milli: i64,
}

#[derive(Clone, Debug)]
struct Grant {
    id: String,
    priority: u8,
    granted_at: Timestamp,
    expires_at: Option<Timestamp>,
    left: i64,
    /// The purchase that it belongs to.
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
    /// The last month with free Sparks, as `2026-11`; None without the free plan.
    free_until: Option<String>,
    /// The amounts spent and not given back, by key.
    spent: BTreeMap<String, i64>,
    /// The sum of all entries.
    pub sum: i64,
}

/// A credit.
#[derive(Clone, Debug)]
pub struct Credit {
    /// Its id.
    pub id: String,
    /// 0 free, 1 promo, 2 plan, 3 pack and manual.
    pub priority: u8,
    /// Its amount in milli-Sparks.
    pub milli: i64,
    /// Its expiry.
    pub expires_at: Option<Timestamp>,
    /// The price paid, in cents; None if it was not bought.
    pub paid: Option<i64>,
}

impl Credit {
    /// Returns a credit that was not bought and does not expire.
    pub fn for_good(id: &str, milli: i64) -> Self {
        Self {
            id: id.to_owned(),
            priority: 3,
            milli,
            expires_at: None,
            paid: None,
        }
    }
}

impl Model {
    /// Returns an account without Sparks.
    pub fn new(account: &str, free_plan: bool) -> Self {
        Self {
            account: account.to_owned(),
            free_until: free_plan.then(String::new),
            ..Self::default()
        }
    }

    /// Returns the Sparks that can be spent; a debt is negative.
    pub fn available(&self) -> i64 {
        self.grants.iter().map(|grant| grant.left).sum::<i64>() - self.debt
    }

    /// Returns the remainder of each grant.
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

    /// Expires grants by this clock, and adds the month's free Sparks.
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

    /// Spends Sparks if the balance covers them; returns whether it does.
    pub fn debit(&mut self, key: &str, milli: i64, now: Timestamp) -> bool {
        if self.is_due(now) {
            self.settle(now);
        }
        if self.available() < milli {
            return false;
        }
        self.sum -= milli;
        self.burn(milli, |_| true);
        self.spent.insert(key.to_owned(), milli);
        true
    }

    /// Takes the remainder of one grant.
    pub fn take_out(&mut self, id: &str, now: Timestamp) {
        self.settle(now);
        for grant in self.grants.iter_mut().filter(|grant| grant.id == id) {
            self.sum -= grant.left;
            grant.left = 0;
        }
    }

    /// Gives back the Sparks spent under a key; returns whether there were any.
    pub fn give_back(&mut self, key: &str, now: Timestamp) -> bool {
        let Some(milli) = self.spent.remove(key) else {
            return false;
        };
        self.settle(now);
        let id = format!("returned#{}", self.account);
        let mut known = self.grants.iter_mut();
        let known = known.find(|grant| grant.id == id && grant.left > 0);
        match known {
            // As long as something is left of it, there is no debt.
            Some(known) => {
                known.left += milli;
                self.sum += milli;
            }
            None => self.add(&Credit::for_good(&id, milli), now, None),
        }
        true
    }

    /// Adds a credit.
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

    /// Claws back a share of a purchase.
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

    /// Restores what a reversal took.
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

    /// Takes Sparks from some grants, one after another; returns the amount that they do not cover.
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
