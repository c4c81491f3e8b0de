//! An account with its grants, and their changes by credits, reversals and settlements. Pure.
//!
//! The grants are an item of their own, so a debit costs the same however many there are. Every change of the grants
//! writes both items with the same `grants_version`, by which a reader knows that they belong together.

use jiff::Timestamp;

use super::account::{Account, NEVER_DUE_MS};
use super::free_plan;
use super::grants::{self, Grant};
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::words::entry_id::EntryId;
use crate::words::id::AccountId;
use crate::words::sparks::Sparks;

/// Maximum number of ended grants that one settlement books, so that it fits a transaction. The rest stays due.
const MAX_ENDED: usize = 90;

/// An account with its grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// The account.
    pub account: Account,
    /// The grants, with what was left of each at the last settlement.
    pub(crate) grants: Vec<Grant>,
    /// The place where the grants are stored.
    pub(crate) layout: Layout,
}

/// The place where the grants of an account are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In the account item, as in item version 1, or nowhere yet.
    Inline,
    /// In an item of their own.
    Apart,
}

/// The account item and the grants item as they were read.
#[derive(Debug)]
pub(crate) enum Read {
    /// There is no account.
    Missing,
    /// The two belong together.
    Whole(Holdings),
    /// The two are of different versions: a change is becoming visible.
    Torn,
}

/// An account brought up to date, and what must be booked with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The account as it is now.
    pub holdings: Holdings,
    /// The grants that ended, with what was left of each.
    pub ended: Vec<Grant>,
    /// The free plan's grant of this month, if it came in now.
    pub free: Option<Grant>,
}

impl Holdings {
    /// Makes an account without Sparks. With the free plan, the first month's are due at once.
    pub fn new(free_plan: bool, created_at: Timestamp) -> Self {
        let mut new = Self {
            account: Account::new(created_at),
            grants: Vec::new(),
            layout: Layout::Inline,
        };
        if free_plan {
            new.join_free_plan();
        }
        new
    }

    /// Adds the free plan, unless the account has it. This month's Sparks are due at once.
    pub fn join_free_plan(&mut self) {
        if !self.account.free_plan {
            self.account.free_plan = true;
            self.account.free_due_ms = 0;
            self.note_next_due();
        }
    }

    /// Returns the grants with what is left of each now; None if an amount does not fit.
    pub fn grants_left(&self) -> Option<Vec<Grant>> {
        let mut grants = self.grants.clone();
        let debits = self.account.debited.checked_sub(self.account.settled)?;
        grants::burn(&mut grants, debits)?;
        Some(grants)
    }

    /// Brings the grants up to date: attributes debits since the last time, takes out ended grants, and adds the free
    /// Sparks of a new month.
    ///
    /// None if an amount does not fit.
    pub fn settle(&self, id: &AccountId, now: Timestamp) -> Option<Settlement> {
        let mut ended = Vec::new();
        let mut grants = self.grants_left()?;
        grants.retain(|grant| {
            let ends = ended.len() < MAX_ENDED
                && grant.expires_at.is_some_and(|expires_at| expires_at <= now);
            if ends {
                ended.push(grant.clone());
            }
            !ends
        });
        let lost = Sparks::checked_sum(ended.iter().map(|grant| grant.remaining))?;
        let mut holdings = Self {
            account: Account {
                available: self.account.available.checked_sub(lost)?,
                settled: self.account.debited,
                grants_version: self.account.grants_version.checked_add(1)?,
                gate_until_ms: 0,
                ..self.account
            },
            grants,
            layout: self.layout,
        };
        let free_due = self.account.free_due_ms <= now.as_millisecond();
        let free = free_due.then(|| free_plan::grant(id, now));
        if let Some(grant) = &free {
            holdings.account.free_due_ms = grant
                .expires_at
                .map_or(NEVER_DUE_MS, Timestamp::as_millisecond);
            holdings.credit(grant.clone())?;
        }
        holdings.note_next_due();
        Some(Settlement {
            holdings,
            ended,
            free,
        })
    }

    /// Adds Sparks to a settled account.
    ///
    /// A debt is repaid first; the rest becomes a grant, or joins the grant of the same id.
    pub fn credit(&mut self, grant: Grant) -> Option<()> {
        let available = self.account.available;
        let debt = available.checked_neg()?.max(Sparks::ZERO);
        let remaining = grant.remaining.checked_sub(grant.remaining.min(debt))?;
        self.account.available = available.checked_add(grant.remaining)?;
        match self.grants.iter_mut().find(|known| known.id == grant.id) {
            Some(known) => known.remaining = known.remaining.checked_add(remaining)?,
            None if remaining > Sparks::ZERO => self.grants.push(Grant { remaining, ..grant }),
            None => {}
        }
        self.note_next_due();
        Some(())
    }

    /// Claws back Sparks of a purchase from a settled account. What the grants do not cover becomes a debt.
    pub fn take_back(&mut self, purchase: &EntryId, amount: Sparks) -> Option<()> {
        self.account.available = self.account.available.checked_sub(amount)?;
        grants::take_back(&mut self.grants, purchase, amount)?;
        self.note_next_due();
        Some(())
    }

    /// Takes what is left of one grant out of a settled account, up to `at_most`; returns the amount.
    pub fn take_out(&mut self, grant: &EntryId, at_most: Sparks) -> Option<Sparks> {
        let of_it = |known: &&Grant| known.id == *grant;
        let left = self.grants.iter().filter(of_it);
        let left = Sparks::checked_sum(left.map(|known| known.remaining))?;
        let taken = left.min(at_most);
        self.account.available = self.account.available.checked_sub(taken)?;
        grants::take_out(&mut self.grants, grant, taken)?;
        self.note_next_due();
        Some(taken)
    }

    /// Returns the time of the first expiry or of the next free grant, whichever is first.
    pub(crate) fn next_due_ms(&self) -> i64 {
        grants::first_expiry(&self.grants)
            .map_or(NEVER_DUE_MS, Timestamp::as_millisecond)
            .min(self.account.free_due_ms)
    }

    fn note_next_due(&mut self) {
        self.account.next_due_ms = self.next_due_ms();
    }

    /// The item of the grants.
    pub(crate) fn grants_item(&self, account: &AccountId) -> Item {
        let mut item = Key::grants(account).attributes();
        item.extend([
            (
                "grants_version".into(),
                item::number(self.account.grants_version),
            ),
            ("grants".into(), item::json(&self.grants)),
        ]);
        item
    }

    /// Joins an account with its grants, if both are of the same version.
    pub(crate) fn from_items(
        account: Option<&Item>,
        grants: Option<&Item>,
    ) -> Result<Read, Malformed> {
        let Some(item) = account else {
            return Ok(Read::Missing);
        };
        let account = Account::from_item(item)?;
        if item.contains_key("grants") {
            return Ok(Read::Whole(Self {
                account,
                grants: item::read_json(item, "grants")?,
                layout: Layout::Inline,
            }));
        }
        let Some(grants) = grants else {
            return Ok(Read::Torn);
        };
        if item::read_number(grants, "grants_version")? != account.grants_version {
            return Ok(Read::Torn);
        }
        Ok(Read::Whole(Self {
            account,
            grants: item::read_json(grants, "grants")?,
            layout: Layout::Apart,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::grants::Source;
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(id: &str) -> EntryId {
        id.parse().unwrap()
    }

    fn grant(id: &str, milli: i64, expires_at: Option<i64>) -> Grant {
        Grant {
            id: entry(id),
            source: Source::Pack,
            remaining: Sparks::from_milli(milli),
            granted_at: at(0),
            expires_at: expires_at.map(at),
            restores: None,
        }
    }

    fn settle(account: &Holdings, now: Timestamp) -> Settlement {
        account.settle(&"acct_a".parse().unwrap(), now).unwrap()
    }

    fn debit(account: &mut Holdings, milli: i64) {
        account.account.available = Sparks::from_milli(account.account.available.milli() - milli);
        account.account.debited = Sparks::from_milli(account.account.debited.milli() + milli);
    }

    fn left(account: &Holdings) -> i64 {
        account
            .grants_left()
            .unwrap()
            .iter()
            .map(|grant| grant.remaining.milli())
            .sum()
    }

    #[test]
    fn a_credit_becomes_a_grant() {
        let mut account = Holdings::new(false, at(0));
        account.credit(grant("a", 10, Some(50))).unwrap();
        assert_eq!(
            (
                account.account.available.milli(),
                left(&account),
                account.account.next_due_ms
            ),
            (10, 10, 50_000)
        );
    }

    #[test]
    fn a_debt_is_repaid_before_anything_becomes_a_grant() {
        for (credit, available, remaining) in [(4, -6, 0), (10, 0, 0), (13, 3, 3)] {
            let mut account = Holdings::new(false, at(0));
            account.account.available = Sparks::from_milli(-10);
            account.credit(grant("a", credit, None)).unwrap();
            assert_eq!(
                (account.account.available.milli(), left(&account)),
                (available, remaining),
                "{credit}"
            );
        }
    }

    #[test]
    fn an_expired_grant_loses_what_earlier_debits_left() {
        let mut account = Holdings::new(false, at(0));
        account.credit(grant("ends", 10, Some(50))).unwrap();
        account.credit(grant("stays", 10, None)).unwrap();
        debit(&mut account, 4);

        assert!(!account.account.is_due(at(49)) && account.account.is_due(at(50)));
        let settled = settle(&account, at(50));

        assert_eq!(settled.ended, [grant("ends", 6, Some(50))]);
        let account = settled.holdings;
        assert_eq!(
            (account.account.available.milli(), left(&account)),
            (10, 10)
        );
        assert_eq!(
            (account.account.next_due_ms, account.account.grants_version),
            (NEVER_DUE_MS, 1)
        );
    }

    #[test]
    fn a_claw_back_takes_its_own_purchase_first_and_then_leaves_a_debt() {
        let restored = Grant {
            restores: Some(entry("b")),
            ..grant("restored", 5, None)
        };
        for (amount, left, available) in [
            (4, vec![("a", 10), ("b", 6), ("restored", 5)], 21),
            (12, vec![("a", 10), ("restored", 3)], 13),
            (20, vec![("a", 5)], 5),
            (25, vec![], 0),
            (30, vec![], -5),
        ] {
            let mut account = Holdings::new(false, at(0));
            for grant in [grant("a", 10, None), grant("b", 10, None), restored.clone()] {
                account.credit(grant).unwrap();
            }
            account
                .take_back(&entry("b"), Sparks::from_milli(amount))
                .unwrap();
            let grants = account.grants_left().unwrap();
            let grants: Vec<_> = grants
                .iter()
                .map(|grant| (grant.id.as_str(), grant.remaining.milli()))
                .collect();
            assert_eq!(
                (grants, account.account.available.milli()),
                (left, available)
            );
        }
    }

    #[test]
    fn taking_out_a_grant_takes_all_that_is_left_of_it_and_nothing_else() {
        let mut account = Holdings::new(false, at(0));
        for grant in [grant("a", 10, None), grant("ends", 10, Some(50))] {
            account.credit(grant).unwrap();
        }
        debit(&mut account, 4);
        account = settle(&account, at(1)).holdings;
        assert_eq!(
            account
                .take_out(&entry("ends"), Sparks::from_milli(99))
                .unwrap()
                .milli(),
            6
        );
        assert_eq!(
            (account.account.available.milli(), left(&account)),
            (10, 10)
        );
        assert_eq!(account.account.next_due_ms, NEVER_DUE_MS);
        assert_eq!(
            account
                .take_out(&entry("ends"), Sparks::from_milli(99))
                .unwrap()
                .milli(),
            0
        );
        assert_eq!(account.account.available.milli(), 10);
    }

    #[test]
    fn returned_sparks_join_one_grant_and_can_be_taken_out_in_part() {
        let mut account = Holdings::new(false, at(0));
        account.account.available = Sparks::from_milli(-3);
        for _ in 0..2 {
            account.credit(grant("returned", 10, None)).unwrap();
        }
        assert_eq!((account.grants.len(), left(&account)), (1, 17));
        assert_eq!(
            account
                .take_out(&entry("returned"), Sparks::from_milli(10))
                .unwrap()
                .milli(),
            10
        );
        assert_eq!(
            account
                .take_out(&entry("returned"), Sparks::from_milli(10))
                .unwrap()
                .milli(),
            7
        );
        assert_eq!(
            (account.account.available.milli(), account.grants.len()),
            (0, 0)
        );
    }

    #[test]
    fn free_sparks_come_in_once_a_month_at_the_first_settlement_in_it() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut account = Holdings::new(true, time("2026-11-22T20:15:00Z"));
        for (now, free) in [
            ("2026-11-22T20:15:00Z", Some("free#acct_a#2026-11")),
            ("2026-11-30T23:59:59.999Z", None),
            ("2026-12-01T00:00:00Z", Some("free#acct_a#2026-12")),
            // Another environment's clock is behind.
            ("2026-11-30T23:56:00Z", None),
            // No request arrived in January.
            ("2027-02-28T12:00:00Z", Some("free#acct_a#2027-02")),
        ] {
            let was_due = account.account.is_due(time(now));
            let settled = settle(&account, time(now));
            let granted = settled.free.map(|grant| grant.id.to_string());
            assert_eq!(granted.as_deref(), free, "{now}");
            assert_eq!(was_due, free.is_some(), "{now}");
            account = settled.holdings;
            assert_eq!(account.account.available.milli(), 10_000_000, "{now}");
        }
        assert_eq!(
            account.account.next_due_ms,
            time("2027-03-01T00:00:00Z").as_millisecond()
        );
    }

    #[test]
    fn an_account_is_read_back_as_it_was_written() {
        let mut account = Holdings::new(true, at(7));
        account.credit(grant("a", 10, Some(50))).unwrap();
        account.credit(grant("b", 10, None)).unwrap();
        let id = "acct_a".parse().unwrap();
        let (item, grants) = (account.account.to_item(&id), account.grants_item(&id));
        account.layout = Layout::Apart;
        let read = |item, grants| Holdings::from_items(item, grants).unwrap();
        assert!(matches!(read(Some(&item), Some(&grants)), Read::Whole(read) if read == account));
        assert!(matches!(read(None, Some(&grants)), Read::Missing));
        assert!(matches!(read(Some(&item), None), Read::Torn));
        let mut older = grants.clone();
        older.insert("grants_version".into(), item::number(7));
        assert!(matches!(read(Some(&item), Some(&older)), Read::Torn));

        let mut inline = item.clone();
        inline.insert("grants".into(), grants["grants"].clone());
        account.layout = Layout::Inline;
        assert!(matches!(read(Some(&inline), None), Read::Whole(read) if read == account));
    }

    proptest! {
        #[test]
        fn the_grants_left_always_sum_to_the_balance(
            steps in prop::collection::vec((0_u8..3, 1_i64..100, prop::option::of(1_i64..40)), 1..40),
        ) {
            let mut account = Holdings::new(false, at(0));
            for (second, (kind, milli, lifetime)) in steps.into_iter().enumerate() {
                let now = i64::try_from(second).unwrap();
                match kind {
                    0 => {
                        account = settle(&account, at(now)).holdings;
                        let expires_at = lifetime.map(|lifetime| now + lifetime);
                        account.credit(grant(&now.to_string(), milli, expires_at)).unwrap();
                    }
                    1 if account.account.available.milli() >= milli && !account.account.is_due(at(now)) => debit(&mut account, milli),
                    _ => account = settle(&account, at(now)).holdings,
                }
                prop_assert_eq!(left(&account), account.account.available.milli());
            }
        }
    }
}
