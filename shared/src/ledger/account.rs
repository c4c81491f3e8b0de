//! The account item: balance, cumulative debits and grants, and how credits change them. Pure.

use jiff::Timestamp;

use super::free_plan;
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
    pub debited: Sparks,
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
    /// The time from which on the next monthly free Sparks are due.
    pub(crate) free_due_ms: i64,
    /// When the account came into being.
    pub(crate) created_at: Timestamp,
}

/// How many ended grants one settlement books, so that it fits a transaction. What is left stays due.
const MAX_ENDED: usize = 90;

/// An account brought up to date, and what is to be booked with that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The account as it is now.
    pub account: Account,
    /// The grants that ended, with what was left of them.
    pub ended: Vec<Grant>,
    /// The free plan's grant of this month, where it came in now.
    pub free: Option<Grant>,
}

impl Account {
    /// An account without Sparks. With the free plan, its first month's are due at once.
    pub fn new(free_plan: bool, created_at: Timestamp) -> Self {
        let mut account = Self {
            available: Sparks::ZERO,
            debited: Sparks::ZERO,
            settled: Sparks::ZERO,
            next_due_ms: NEVER_DUE_MS,
            grants_version: 0,
            grants: Vec::new(),
            free_plan: false,
            free_due_ms: NEVER_DUE_MS,
            created_at,
        };
        if free_plan {
            account.join_free_plan();
        }
        account
    }

    /// Gives the account the free plan, unless it has it. This month's Sparks are due at once.
    pub fn join_free_plan(&mut self) {
        if !self.free_plan {
            self.free_plan = true;
            self.free_due_ms = 0;
            self.next_due_ms = self.next_due_ms();
        }
    }

    /// Whether something must be settled before the next debit.
    pub fn is_due(&self, now: Timestamp) -> bool {
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

    /// Brings the grants up to date: debits since the last time are attributed, ended grants taken out,
    /// and the free Sparks of a new month come in.
    ///
    /// Nothing when an amount would not fit.
    pub fn settle(&self, id: &AccountId, now: Timestamp) -> Option<Settlement> {
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
        let mut account = Self {
            available: self.available.checked_sub(lost)?,
            settled: self.debited,
            grants_version: self.grants_version.checked_add(1)?,
            grants,
            ..self.clone()
        };
        let free = (self.free_due_ms <= now.as_millisecond()).then(|| free_plan::grant(id, now));
        if let Some(grant) = &free {
            account.free_due_ms = grant
                .expires_at
                .map_or(NEVER_DUE_MS, Timestamp::as_millisecond);
            account.credit(grant.clone())?;
        }
        account.next_due_ms = account.next_due_ms();
        Some(Settlement {
            account,
            ended,
            free,
        })
    }

    /// Adds Sparks to a settled account. A debt is repaid first; the rest becomes a grant.
    pub fn credit(&mut self, grant: Grant) -> Option<()> {
        let debt = Sparks::ZERO.checked_sub(self.available)?.max(Sparks::ZERO);
        let remaining = grant.remaining.checked_sub(grant.remaining.min(debt))?;
        self.available = self.available.checked_add(grant.remaining)?;
        if remaining > Sparks::ZERO {
            self.grants.push(Grant { remaining, ..grant });
        }
        self.next_due_ms = self.next_due_ms();
        Some(())
    }

    /// Takes back Sparks of a purchase from a settled account. What the grants do not cover is a debt.
    pub fn take_back(&mut self, purchase: &str, amount: Sparks) -> Option<()> {
        self.available = self.available.checked_sub(amount)?;
        grants::take_back(&mut self.grants, purchase, amount);
        self.next_due_ms = self.next_due_ms();
        Some(())
    }

    /// Takes out of a settled account all that is left of one grant; answers how much that was.
    pub fn take_out(&mut self, grant: &str) -> Option<Sparks> {
        let of_it = |known: &&Grant| known.id == grant;
        let left = self.grants.iter().filter(of_it);
        let left = Sparks::checked_sum(left.map(|known| known.remaining))?;
        self.available = self.available.checked_sub(left)?;
        self.grants.retain(|known| known.id != grant);
        self.next_due_ms = self.next_due_ms();
        Some(left)
    }

    /// The first expiry, or the next free grant.
    fn next_due_ms(&self) -> i64 {
        grants::first_expiry(&self.grants)
            .map_or(NEVER_DUE_MS, Timestamp::as_millisecond)
            .min(self.free_due_ms)
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
            ("free_due".into(), item::number(self.free_due_ms)),
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
            free_due_ms: item::read_number(item, "free_due")?,
            created_at: item::read_time(item, "created_at")?,
        })
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

    fn grant(id: &str, milli: i64, expires_at: Option<i64>) -> Grant {
        Grant {
            id: id.into(),
            source: Source::Pack,
            remaining: Sparks::from_milli(milli),
            granted_at: at(0),
            expires_at: expires_at.map(at),
            restores: None,
        }
    }

    fn settle(account: &Account, now: Timestamp) -> Settlement {
        account.settle(&"acct_a".parse().unwrap(), now).unwrap()
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
        let settled = settle(&account, at(50));

        assert_eq!(settled.ended, [grant("ends", 6, Some(50))]);
        let account = settled.account;
        assert_eq!((account.available.milli(), left(&account)), (10, 10));
        assert_eq!(
            (account.next_due_ms, account.grants_version),
            (NEVER_DUE_MS, 1)
        );
    }

    #[test]
    fn what_is_taken_back_comes_from_its_own_purchase_first_and_then_is_a_debt() {
        let restored = Grant {
            restores: Some("b".into()),
            ..grant("restored", 5, None)
        };
        for (amount, left, available) in [
            (4, vec![("a", 10), ("b", 6), ("restored", 5)], 21),
            (12, vec![("a", 10), ("restored", 3)], 13),
            (20, vec![("a", 5)], 5),
            (25, vec![], 0),
            (30, vec![], -5),
        ] {
            let mut account = Account::new(false, at(0));
            for grant in [grant("a", 10, None), grant("b", 10, None), restored.clone()] {
                account.credit(grant).unwrap();
            }
            account.take_back("b", Sparks::from_milli(amount)).unwrap();
            let grants = account.grants_left();
            let grants: Vec<_> = grants
                .iter()
                .map(|grant| (grant.id.as_str(), grant.remaining.milli()))
                .collect();
            assert_eq!((grants, account.available.milli()), (left, available));
        }
    }

    #[test]
    fn what_is_taken_out_is_all_that_is_left_of_one_grant_and_nothing_else() {
        let mut account = Account::new(false, at(0));
        for grant in [grant("a", 10, None), grant("ends", 10, Some(50))] {
            account.credit(grant).unwrap();
        }
        debit(&mut account, 4);
        account = settle(&account, at(1)).account;
        assert_eq!(account.take_out("ends").unwrap().milli(), 6);
        assert_eq!((account.available.milli(), left(&account)), (10, 10));
        assert_eq!(account.next_due_ms, NEVER_DUE_MS);
        assert_eq!(account.take_out("ends").unwrap().milli(), 0);
        assert_eq!(account.available.milli(), 10);
    }

    #[test]
    fn free_sparks_come_in_once_a_month_at_the_first_settlement_in_it() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut account = Account::new(true, time("2026-11-22T20:15:00Z"));
        for (now, free) in [
            ("2026-11-22T20:15:00Z", Some("free#acct_a#2026-11")),
            ("2026-11-30T23:59:59.999Z", None),
            ("2026-12-01T00:00:00Z", Some("free#acct_a#2026-12")),
            // Another environment's clock is behind.
            ("2026-11-30T23:56:00Z", None),
            // Nobody came in January.
            ("2027-02-28T12:00:00Z", Some("free#acct_a#2027-02")),
        ] {
            let was_due = account.is_due(time(now));
            let settled = settle(&account, time(now));
            let granted = settled.free.map(|grant| grant.id);
            assert_eq!(granted.as_deref(), free, "{now}");
            assert_eq!(was_due, free.is_some(), "{now}");
            account = settled.account;
            assert_eq!(account.available.milli(), 10_000_000, "{now}");
        }
        assert_eq!(
            account.next_due_ms,
            time("2027-03-01T00:00:00Z").as_millisecond()
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
                        account = settle(&account, at(now)).account;
                        let expires_at = lifetime.map(|lifetime| now + lifetime);
                        account.credit(grant(&now.to_string(), milli, expires_at)).unwrap();
                    }
                    1 if account.available.milli() >= milli && !account.is_due(at(now)) => debit(&mut account, milli),
                    _ => account = settle(&account, at(now)).account,
                }
                prop_assert_eq!(left(&account), account.available.milli());
            }
        }
    }
}
