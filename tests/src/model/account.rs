//! An account: every debit is taken from its grants at once, in burn order.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{FREE, Purchase, share};

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

/// A credit that was bought, and what was taken back from it.
#[derive(Clone, Debug)]
struct Bought {
    credit: Credit,
    paid: i64,
    purchase: Purchase,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    name: String,
    grants: Vec<Grant>,
    bought: BTreeMap<String, Bought>,
    debt: i64,
    /// The last month with free Sparks, as `2026-11`; None without the free plan.
    free_until: Option<String>,
    /// The amounts spent and not given back, by key.
    spent: BTreeMap<String, i64>,
    entries: Vec<(&'static str, i64)>,
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

impl Account {
    /// Returns an account without Sparks.
    pub fn new(name: &str, free_plan: bool) -> Self {
        Self {
            name: name.to_owned(),
            free_until: free_plan.then(String::new),
            ..Self::default()
        }
    }

    /// Returns the Sparks that can be spent; a debt is negative.
    pub fn available(&self) -> i64 {
        self.grants.iter().map(|grant| grant.left).sum::<i64>() - self.debt
    }

    /// Returns the kind and the amount of each entry, oldest first.
    pub fn entries(&self) -> &[(&'static str, i64)] {
        &self.entries
    }

    /// Returns the sum of all entries.
    pub fn sum(&self) -> i64 {
        self.entries.iter().map(|(_, milli)| milli).sum()
    }

    /// Returns the remainder of each grant.
    pub fn left(&self) -> Vec<Left> {
        let left = self.grants.iter().filter(|grant| grant.left > 0);
        let mut left: Vec<Left> = left
            .map(|grant| Left {
                id: grant.id.clone(),
                milli: grant.left,
            })
            .collect();
        left.sort();
        left
    }

    /// Returns whether an expiry or the month's free Sparks are due by this clock.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.grants.iter().any(|grant| grant.ends(now)) || self.lacks_free_sparks_of(&month(now))
    }

    /// Expires grants by this clock, and adds the month's free Sparks.
    pub fn settle(&mut self, now: Timestamp) {
        for grant in self.grants.iter_mut().filter(|grant| grant.ends(now)) {
            self.entries.push(("expiry", -grant.left));
            let bought = grant.purchase.as_ref();
            if let Some(bought) = bought.and_then(|id| self.bought.get_mut(id)) {
                bought.purchase.expired += grant.left;
            }
            grant.left = 0;
        }
        let month = month(now);
        if self.lacks_free_sparks_of(&month) {
            let free = Credit {
                id: format!("free#{}#{month}", self.name),
                priority: 0,
                milli: FREE,
                expires_at: Some(end_of(&month)),
                paid: None,
            };
            self.free_until = Some(month);
            self.add("credit", &free, now, None);
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
        self.entries.push(("usage", -milli));
        self.burn(milli, |_| true);
        self.spent.insert(key.to_owned(), milli);
        true
    }

    /// Takes the remainder of one grant.
    pub fn take_out(&mut self, id: &str, now: Timestamp) {
        self.settle(now);
        for grant in self.grants.iter_mut().filter(|grant| grant.id == id) {
            self.entries.push(("reversal", -grant.left));
            grant.left = 0;
        }
    }

    /// Gives back the Sparks spent under a key; returns whether there were any.
    pub fn give_back(&mut self, key: &str, now: Timestamp) -> bool {
        let Some(milli) = self.spent.remove(key) else {
            return false;
        };
        self.settle(now);
        let id = format!("returned#{}", self.name);
        let mut known = self.grants.iter_mut();
        let known = known.find(|grant| grant.id == id && grant.left > 0);
        match known {
            // As long as something is left of it, there is no debt.
            Some(known) => {
                known.left += milli;
                self.entries.push(("credit", milli));
            }
            None => self.add("credit", &Credit::for_good(&id, milli), now, None),
        }
        true
    }

    /// Adds a credit.
    pub fn credit(&mut self, credit: &Credit, now: Timestamp) {
        self.settle(now);
        let purchase = credit.paid.map(|_| credit.id.as_str());
        self.add("credit", credit, now, purchase);
        if let Some(paid) = credit.paid {
            let bought = Bought {
                credit: credit.clone(),
                paid,
                purchase: Purchase {
                    granted: credit.milli,
                    ..Purchase::default()
                },
            };
            self.bought.insert(credit.id.clone(), bought);
        }
    }

    /// Claws back a share of a purchase. It takes from its own grant, from what was restored of it, from all others,
    /// then as a debt.
    ///
    /// # Panics
    /// Panics if there is no such purchase.
    pub fn reverse(&mut self, id: &str, purchase: &str, cents: i64, now: Timestamp) {
        self.settle(now);
        let bought = self.bought.get_mut(purchase).expect("a purchase");
        let wanted = share(bought.credit.milli, cents, bought.paid);
        let taken = bought.purchase.reverse(id, wanted);
        self.entries.push(("reversal", -taken));
        let left = self.burn(taken, |grant| grant.id == purchase);
        let left = self.burn(left, |grant| grant.purchase.as_deref() == Some(purchase));
        self.debt += self.burn(left, |_| true);
    }

    /// Restores what a reversal took, for thirty days at least.
    ///
    /// # Panics
    /// Panics if there is no such purchase or reversal.
    pub fn restore(&mut self, id: &str, purchase: &str, now: Timestamp) {
        self.settle(now);
        let bought = self.bought.get_mut(purchase).expect("a purchase");
        let thirty_days = now + SignedDuration::from_hours(720);
        let expires_at = bought.credit.expires_at;
        let credit = Credit {
            id: format!("restored#{id}"),
            priority: bought.credit.priority,
            milli: bought.purchase.restore(id),
            expires_at: expires_at.map(|end| end.max(thirty_days)),
            paid: None,
        };
        self.add("restoration", &credit, now, Some(purchase));
    }

    fn lacks_free_sparks_of(&self, month: &str) -> bool {
        let until = self.free_until.as_deref();
        until.is_some_and(|until| until < month)
    }

    /// Adds a grant, of which a debt is repaid first.
    fn add(&mut self, kind: &'static str, credit: &Credit, now: Timestamp, purchase: Option<&str>) {
        let repaid = credit.milli.min(self.debt);
        self.debt -= repaid;
        self.entries.push((kind, credit.milli));
        self.grants.push(Grant {
            id: credit.id.clone(),
            priority: credit.priority,
            granted_at: now,
            expires_at: credit.expires_at,
            left: credit.milli - repaid,
            purchase: purchase.map(str::to_owned),
        });
    }

    /// Takes Sparks from some grants, one after another. Returns the amount that they do not cover.
    ///
    /// Free Sparks burn first, bought ones last; then the grant that ends first, then the oldest.
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

impl Grant {
    /// Returns whether something of it is left to expire.
    fn ends(&self, now: Timestamp) -> bool {
        self.left > 0 && self.expires_at.is_some_and(|end| end <= now)
    }
}

/// Returns the month of a time, as `2026-11`.
fn month(now: Timestamp) -> String {
    now.to_string()[..7].to_owned()
}

/// Returns the first moment after a month.
fn end_of(month: &str) -> Timestamp {
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
    next.parse().expect("a time")
}
