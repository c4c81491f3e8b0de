//! The account item: balance, cumulative debits and grants, and how credits change them. Pure.

use jiff::Timestamp;

use super::grants::{self, Grant};
use super::item::{self, Item, Key, Malformed};
use crate::id::AccountId;
use crate::sparks::Sparks;

/// `next_due` of an account for which nothing is due: the end of the year 9999.
pub(crate) const NEVER_DUE_MS: i64 = 253_402_300_799_999;

/// An account as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What can be spent; negative is a debt.
    pub available: Sparks,
    /// Everything ever debited.
    pub(crate) debited: Sparks,
    /// `debited` at the last settlement, when `grants` was last brought up to date.
    pub(crate) settled: Sparks,
    /// The time from which on a debit must settle first.
    pub(crate) next_due_ms: i64,
    /// Counts the changes of the set of grants.
    pub(crate) grants_version: i64,
    /// The grants with what was left of each at the last settlement.
    pub(crate) grants: Vec<Grant>,
    /// Whether the monthly free Sparks belong to this account.
    pub(crate) free_plan: bool,
    /// When the account came into being.
    pub(crate) created_at: Timestamp,
}

/// How many ended grants one settlement books, so that it fits a transaction. What is left stays due.
const MAX_ENDED: usize = 90;

impl Account {
    /// An account without Sparks.
    pub(crate) fn new(free_plan: bool, created_at: Timestamp) -> Self {
        Self {
            available: Sparks::ZERO,
            debited: Sparks::ZERO,
            settled: Sparks::ZERO,
            next_due_ms: NEVER_DUE_MS,
            grants_version: 0,
            grants: Vec::new(),
            free_plan,
            created_at,
        }
    }

    /// Whether something must be settled before the next debit.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next_due_ms <= now.as_millisecond()
    }

    /// The grants with what is left of each now.
    pub fn grants_left(&self) -> Vec<Grant> {
        let mut grants = self.grants.clone();
        grants::burn(
            &mut grants,
            self.debited
                .checked_sub(self.settled)
                .unwrap_or(Sparks::ZERO),
        );
        grants
    }

    /// Brings the grants up to date: debits since the last time are attributed, ended grants taken out
    /// and answered with what was left of them.
    ///
    /// Nothing when an amount would not fit.
    pub(crate) fn settle(&self, now: Timestamp) -> Option<(Self, Vec<Grant>)> {
        let mut ended = Vec::new();
        let mut grants = self.grants_left();
        grants.retain(|grant| {
            let ends = ended.len() < MAX_ENDED
                && grant.expires_at.is_some_and(|expires_at| expires_at <= now);
            if ends {
                ended.push(grant.clone());
            }
            !ends
        });
        let lost = Sparks::checked_sum(ended.iter().map(|grant| grant.remaining))?;
        let settled = Self {
            available: self.available.checked_sub(lost)?,
            settled: self.debited,
            next_due_ms: next_due_ms(&grants),
            grants_version: self.grants_version.checked_add(1)?,
            grants,
            ..self.clone()
        };
        Some((settled, ended))
    }

    /// Adds Sparks to a settled account. A debt is repaid first; the rest becomes a grant.
    pub(crate) fn credit(&mut self, grant: Grant) -> Option<()> {
        let debt = Sparks::ZERO.checked_sub(self.available)?.max(Sparks::ZERO);
        let remaining = grant.remaining.checked_sub(grant.remaining.min(debt))?;
        self.available = self.available.checked_add(grant.remaining)?;
        if remaining > Sparks::ZERO {
            self.grants.push(Grant { remaining, ..grant });
        }
        self.next_due_ms = next_due_ms(&self.grants);
        Some(())
    }

    /// The item of this account.
    pub(crate) fn to_item(&self, account: &AccountId) -> Item {
        let mut item = Key::account(account).attributes();
        item.extend([
            ("available".into(), item::amount(self.available)),
            ("debited".into(), item::amount(self.debited)),
            ("settled".into(), item::amount(self.settled)),
            ("next_due".into(), item::number(self.next_due_ms)),
            ("grants_version".into(), item::number(self.grants_version)),
            ("grants".into(), item::json(&self.grants)),
            ("free_plan".into(), item::number(i64::from(self.free_plan))),
            ("created_at".into(), item::time(self.created_at)),
        ]);
        item
    }

    /// Reads the account from its item.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            available: item::read_amount(item, "available")?,
            debited: item::read_amount(item, "debited")?,
            settled: item::read_amount(item, "settled")?,
            next_due_ms: item::read_number(item, "next_due")?,
            grants_version: item::read_number(item, "grants_version")?,
            grants: item::read_json(item, "grants")?,
            free_plan: item::read_number(item, "free_plan")? != 0,
            created_at: item::read_time(item, "created_at")?,
        })
    }
}

fn next_due_ms(grants: &[Grant]) -> i64 {
    grants::first_expiry(grants).map_or(NEVER_DUE_MS, Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::super::grants::Source;
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn grant(id: &str, milli: i64, expires_at: Option<i64>) -> Grant {
        Grant {
            id: id.into(),
            source: Source::Pack,
            remaining: Sparks::from_milli(milli),
            granted_at: at(0),
            expires_at: expires_at.map(at),
        }
    }

    fn debit(account: &mut Account, milli: i64) {
        account.available = Sparks::from_milli(account.available.milli() - milli);
        account.debited = Sparks::from_milli(account.debited.milli() + milli);
    }

    fn left(account: &Account) -> i64 {
        account
            .grants_left()
            .iter()
            .map(|grant| grant.remaining.milli())
            .sum()
    }

    #[test]
    fn a_credit_becomes_a_grant() {
        let mut account = Account::new(false, at(0));
        account.credit(grant("a", 10, Some(50))).unwrap();
        assert_eq!(
            (
                account.available.milli(),
                left(&account),
                account.next_due_ms
            ),
            (10, 10, 50_000)
        );
    }

    #[test]
    fn a_debt_is_repaid_before_anything_becomes_a_grant() {
        for (credit, available, remaining) in [(4, -6, 0), (10, 0, 0), (13, 3, 3)] {
            let mut account = Account::new(false, at(0));
            account.available = Sparks::from_milli(-10);
            account.credit(grant("a", credit, None)).unwrap();
            assert_eq!(
                (account.available.milli(), left(&account)),
                (available, remaining),
                "{credit}"
            );
        }
    }

    #[test]
    fn a_grant_ends_with_what_debits_before_left_of_it() {
        let mut account = Account::new(false, at(0));
        account.credit(grant("ends", 10, Some(50))).unwrap();
        account.credit(grant("stays", 10, None)).unwrap();
        debit(&mut account, 4);

        assert!(!account.is_due(at(49)) && account.is_due(at(50)));
        let (settled, expired) = account.settle(at(50)).unwrap();

        assert_eq!(expired, [grant("ends", 6, Some(50))]);
        assert_eq!((settled.available.milli(), left(&settled)), (10, 10));
        assert_eq!(
            (settled.next_due_ms, settled.grants_version),
            (NEVER_DUE_MS, 1)
        );
    }

    #[test]
    fn an_account_is_read_back_as_it_was_written() {
        let mut account = Account::new(true, at(7));
        account.credit(grant("a", 10, Some(50))).unwrap();
        account.credit(grant("b", 10, None)).unwrap();
        let item = account.to_item(&"acct_a".parse().unwrap());
        assert_eq!(Account::from_item(&item).unwrap(), account);
    }

    proptest! {
        #[test]
        fn what_is_left_of_the_grants_is_always_what_is_available(
            steps in prop::collection::vec((0_u8..3, 1_i64..100, prop::option::of(1_i64..40)), 1..40),
        ) {
            let mut account = Account::new(false, at(0));
            for (second, (kind, milli, lifetime)) in steps.into_iter().enumerate() {
                let now = i64::try_from(second).unwrap();
                match kind {
                    0 => {
                        account = account.settle(at(now)).unwrap().0;
                        let expires_at = lifetime.map(|lifetime| now + lifetime);
                        account.credit(grant(&now.to_string(), milli, expires_at)).unwrap();
                    }
                    1 if account.available.milli() >= milli && !account.is_due(at(now)) => debit(&mut account, milli),
                    _ => account = account.settle(at(now)).unwrap().0,
                }
                prop_assert_eq!(left(&account), account.available.milli());
            }
        }
    }
}
