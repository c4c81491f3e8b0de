//! Requests of accounts that cost them nothing, as far as this environment knows.
//!
//! A refusal for funds and a usage that costs nothing cost the operator and not the account. Neither limit is written
//! to the table: each environment counts for itself, and serves one request at a time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::words::id::AccountId;

/// Time for which an account that lacked funds is read before it is charged. Each refusal restarts it.
const LOOKED_AT_FOR: SignedDuration = SignedDuration::from_secs(1);

/// The unpaid requests that an account may make at once, and further ones each second.
const BURST: i64 = 300;
const PER_SECOND: i64 = 50;

/// Maximum number of accounts that are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// Accounts with their unpaid requests.
#[derive(Debug, Default)]
pub(in super::super) struct Unpaid(Mutex<HashMap<AccountId, Asked>>);

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Time until which the account is read first.
    drained_until: Timestamp,
    /// Requests left, in thousandths.
    left: i64,
    as_of: Timestamp,
}

impl Unpaid {
    /// Returns whether an account lacked funds a moment ago.
    pub(super) fn is_drained(&self, account: &AccountId, now: Timestamp) -> bool {
        self.asked()
            .get(account)
            .is_some_and(|asked| now < asked.drained_until)
    }

    /// Records that an account lacks funds.
    pub(super) fn note_drained(&self, account: &AccountId, now: Timestamp) {
        let mut asked = self.asked();
        let asked = of(&mut asked, account, now);
        asked.drained_until = now.saturating_add(LOOKED_AT_FOR).unwrap_or(now);
    }

    /// Counts unpaid requests; returns false if they are too many.
    pub(super) fn admit(&self, account: &AccountId, count: usize, now: Timestamp) -> bool {
        let mut asked = self.asked();
        let asked = of(&mut asked, account, now);
        let passed_ms = now.as_millisecond() - asked.as_of.as_millisecond();
        let refilled = passed_ms.clamp(0, BURST * 1_000).saturating_mul(PER_SECOND);
        asked.left = asked.left.saturating_add(refilled).min(BURST * 1_000);
        asked.as_of = now;
        let wanted = i64::try_from(count)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        let admitted = wanted <= asked.left;
        if admitted {
            asked.left -= wanted;
        }
        admitted
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<AccountId, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of<'a>(
    asked: &'a mut HashMap<AccountId, Asked>,
    account: &AccountId,
    now: Timestamp,
) -> &'a mut Asked {
    if asked.len() >= MAX_REMEMBERED && !asked.contains_key(account) {
        asked.clear();
    }
    asked.entry(account.clone()).or_insert(Asked {
        drained_until: now,
        left: BURST * 1_000,
        as_of: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_burst_and_then_a_rate_per_second() {
        let (unpaid, account) = (Unpaid::default(), "acct_a".parse().unwrap());
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let admitted = |millisecond| unpaid.admit(&account, 1, at(millisecond));
        assert_eq!((0..400).filter(|_| admitted(0)).count(), 300);
        assert_eq!((0..100).filter(|_| admitted(1_000)).count(), 50);
        // A clock that goes back refills nothing.
        assert!(!admitted(500));
        assert!(unpaid.admit(&"acct_b".parse().unwrap(), 300, at(0)));
        assert!(!unpaid.admit(&"acct_b".parse().unwrap(), 45, at(0)));
    }

    #[test]
    fn an_account_is_drained_for_a_second_after_each_refusal() {
        let (unpaid, account) = (Unpaid::default(), "acct_a".parse().unwrap());
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        assert!(!unpaid.is_drained(&account, at(0)));
        unpaid.note_drained(&account, at(0));
        unpaid.note_drained(&account, at(500));
        assert!(unpaid.is_drained(&account, at(1_499)));
        assert!(!unpaid.is_drained(&account, at(1_500)));
    }
}
