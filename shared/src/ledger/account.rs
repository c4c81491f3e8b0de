//! The account item. It has the balance, cumulative debits, and the time from which a debit must settle first. Pure.

use jiff::Timestamp;

use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::words::id::AccountId;
use crate::words::sparks::Sparks;

/// The `next_due` of an account for which nothing is due. It is the end of the year 9999.
pub(crate) const NEVER_DUE_MS: i64 = 253_402_300_799_999;

/// An account as a debit sees it. Only changes of the grants read its grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The Sparks that can be spent; a debt if negative.
    pub available: Sparks,
    /// Everything ever debited.
    pub debited: Sparks,
    /// `debited` at the last settlement, when the grants were last brought up to date.
    pub(crate) settled: Sparks,
    /// The time from which a debit must settle first; 0 while the gate is closed.
    pub(crate) next_due_ms: i64,
    /// Counts the changes of the set of grants.
    pub(crate) grants_version: i64,
    /// True if the account gets the monthly free Sparks.
    pub(crate) free_plan: bool,
    /// The time from which the next monthly free Sparks are due.
    pub(crate) free_due_ms: i64,
    /// The time of the account's creation.
    pub(crate) created_at: Timestamp,
    /// The time until which a change of the grants has closed the gate. It is 0 while the gate is open.
    pub(crate) gate_until_ms: i64,
}

impl Account {
    /// Makes an account without Sparks and without the free plan.
    pub(crate) const fn new(created_at: Timestamp) -> Self {
        Self {
            available: Sparks::ZERO,
            debited: Sparks::ZERO,
            settled: Sparks::ZERO,
            next_due_ms: NEVER_DUE_MS,
            grants_version: 0,
            free_plan: false,
            free_due_ms: NEVER_DUE_MS,
            created_at,
            gate_until_ms: 0,
        }
    }

    /// Returns whether something must be settled before the next debit.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_due_ms <= now.as_millisecond()
    }

    /// Returns whether a change of the grants holds the gate.
    pub(crate) fn gate_is_held(&self, now: Timestamp) -> bool {
        self.gate_until_ms > now.as_millisecond()
    }

    /// The item of this account, without its grants.
    pub(crate) fn to_item(&self, account: &AccountId) -> Item {
        let mut item = Key::account(account).attributes();
        item.extend([
            ("available".into(), item::amount(self.available)),
            ("debited".into(), item::amount(self.debited)),
            ("settled".into(), item::amount(self.settled)),
            ("next_due".into(), item::number(self.next_due_ms)),
            ("grants_version".into(), item::number(self.grants_version)),
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
            free_plan: item::read_number(item, "free_plan")? != 0,
            free_due_ms: item::read_number(item, "free_due")?,
            created_at: item::read_time(item, "created_at")?,
            gate_until_ms: match item.get("gate_until") {
                Some(_) => item::read_number(item, "gate_until")?,
                None => 0,
            },
        })
    }
}
