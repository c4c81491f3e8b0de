//! Brings an account's grants up to date: debits, expiries, and the month's free Sparks. Pure.

use jiff::Timestamp;

use super::super::account::{Account, NEVER_DUE_MS};
use super::super::free_plan;
use super::super::grants::Grant;
use super::Holdings;
use crate::words::id::AccountId;
use crate::words::sparks::Sparks;

/// Maximum number of ended grants that one settlement books, so that it fits a transaction. The rest stays due.
const MAX_ENDED: usize = 90;

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
    /// Brings the grants up to date. Attributes debits since the last time, takes out ended grants, and adds the free
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
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, debit, grant, left, settle};
    use super::*;
    use proptest::prelude::*;

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
