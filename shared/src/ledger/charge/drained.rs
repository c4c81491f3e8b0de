//! The accounts that lacked funds a moment ago, as this environment knows them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::id::AccountId;

/// How long an account is looked at before it is charged; each refusal begins it anew.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// How many accounts are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// Accounts by the time until which they are looked at first. It decides nothing but what is asked first.
#[derive(Debug, Default)]
pub(in super::super) struct Drained(Mutex<HashMap<AccountId, Timestamp>>);

impl Drained {
    /// Whether an account lacked funds a moment ago.
    pub(super) fn holds(&self, account: &AccountId, now: Timestamp) -> bool {
        self.remembered()
            .get(account)
            .is_some_and(|until| now < *until)
    }

    /// Notes that an account lacks funds.
    pub(super) fn note(&self, account: &AccountId, now: Timestamp) {
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let until = now.saturating_add(REMEMBERED_FOR).unwrap_or(now);
        remembered.insert(account.clone(), until);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
