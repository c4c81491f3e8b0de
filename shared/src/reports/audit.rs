//! Comparison of the table with itself: accounts with their entries. It also compares one day with the providers.

mod changes;
mod day;
mod repair;
mod rules;
mod verify;

pub use day::{DayRecord, UsageOfDay};
pub use repair::{Repair, Repaired};
pub use verify::{Accounts, Verified};

use crate::ledger::Ledger;
use crate::table::Table;

/// The operator's view of the whole table.
#[derive(Clone, Debug)]
pub struct Audits {
    table: Table,
    ledger: Ledger,
}

impl Audits {
    /// The view beside a ledger, of the same table.
    pub fn beside(ledger: &Ledger) -> Self {
        Self {
            table: ledger.table().clone(),
            ledger: ledger.clone(),
        }
    }
}
