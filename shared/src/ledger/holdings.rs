//! An account with its grants, and their changes by credits, reversals and settlements. Pure.
//!
//! The grants are an item of their own, so a debit costs the same however many there are. Every change of the grants
//! writes both items with the same `grants_version`, by which a reader knows that they belong together.

mod due;
mod items;

use jiff::Timestamp;

use super::account::{Account, NEVER_DUE_MS};
use super::grants::{self, Grant};
use crate::words::entry_id::EntryId;
use crate::words::sparks::Sparks;
pub use due::Settlement;
pub(crate) use items::{Layout, Read};

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

    /// Returns the grants with what is left of each now. None if an amount does not fit.
    pub fn grants_left(&self) -> Option<Vec<Grant>> {
        let mut grants = self.grants.clone();
        let debits = self.account.debited.checked_sub(self.account.settled)?;
        grants::burn(&mut grants, debits)?;
        Some(grants)
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

    /// Takes what is left of one grant out of a settled account, up to `at_most`. Returns the amount.
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

    /// Returns the time of the first expiry or the next free grant, whichever is first.
    pub(crate) fn next_due_ms(&self) -> i64 {
        grants::first_expiry(&self.grants)
            .map_or(NEVER_DUE_MS, Timestamp::as_millisecond)
            .min(self.account.free_due_ms)
    }

    fn note_next_due(&mut self) {
        self.account.next_due_ms = self.next_due_ms();
    }
}

#[cfg(test)]
mod tests {
    use super::super::grants::Source;
    use super::*;

    pub(super) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(id: &str) -> EntryId {
        id.parse().unwrap()
    }

    pub(super) fn grant(id: &str, milli: i64, expires_at: Option<i64>) -> Grant {
        Grant {
            id: entry(id),
            source: Source::Pack,
            remaining: Sparks::from_milli(milli),
            granted_at: at(0),
            expires_at: expires_at.map(at),
            restores: None,
        }
    }

    pub(super) fn settle(account: &Holdings, now: Timestamp) -> Settlement {
        account.settle(&"acct_a".parse().unwrap(), now).unwrap()
    }

    pub(super) fn debit(account: &mut Holdings, milli: i64) {
        account.account.available = Sparks::from_milli(account.account.available.milli() - milli);
        account.account.debited = Sparks::from_milli(account.account.debited.milli() + milli);
    }

    pub(super) fn left(account: &Holdings) -> i64 {
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
}
