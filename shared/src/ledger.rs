//! The ledger: accounts, grants and entries, and every change of them.
//!
//! The keys and attributes of its items are in the documentation of [`table`](crate::table).

pub(crate) mod account;
pub(crate) mod booking;
pub(crate) mod change;
mod charge;
mod correction;
pub(crate) mod credit;
pub(crate) mod entry;
mod free_plan;
mod gate;
pub(crate) mod grants;
pub(crate) mod holdings;
pub(crate) mod purchase;
pub(crate) mod reversal;
pub(crate) mod rollup;
mod settlement;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use crate::table::Error;
pub use account::Account;
pub use booking::CreditEntry;
pub use charge::{Charge, Charged};
pub use correction::{Corrected, Correction, Irreversible};
pub use credit::{Credited, NewCredit};
pub use entry::{
    Deliveries, DeliveryState, Entry, EntryKind, RequestHash, TraceLabels, UsageEntry,
};
pub use grants::{Grant, Source};
pub use holdings::{Holdings, Settlement};
pub use purchase::{Part, Purchase, Reversal, Reversals};
pub use reversal::{NewReversal, PurchaseWithReversals, ReversalOutcome};
pub use rollup::UsageSum;

use crate::process::Setup;
use crate::process::config::{self, Aws, ItemVersion, TableSettings};
use crate::process::deadline::Deadline;
use crate::process::transport::Transport;
use crate::table::Table;
use crate::table::key::Key;
use crate::words::id::{AccountId, UsageId};
use charge::{FullRollups, Unpaid};

/// The ledger in its table.
#[derive(Clone, Debug)]
pub struct Ledger {
    table: Table,
    unpaid: Arc<Unpaid>,
    full_rollups: Arc<FullRollups>,
}

impl Ledger {
    /// Reads the configuration of the table and prepares the client.
    pub fn from_setup(setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self::over(Table::from_setup(setup)?))
    }

    /// A ledger over the given transport.
    pub fn new(aws: &Aws, table: &TableSettings, transport: &Transport) -> Self {
        Self::over(Table::new(aws, table, transport))
    }

    /// A ledger in this table.
    pub(crate) fn over(table: Table) -> Self {
        Self {
            table,
            unpaid: Arc::default(),
            full_rollups: Arc::default(),
        }
    }

    /// The table that it is in.
    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    /// The version of the items that the ledger writes.
    pub const fn item_version(&self) -> ItemVersion {
        self.table.item_version
    }

    /// Reads the account as it is now; None if there is none.
    pub async fn account(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<Account>, Error> {
        let item = self.table.item(&Key::account(account), deadline).await?;
        Ok(item.as_ref().map(Account::from_item).transpose()?)
    }

    /// Reads the usages recorded under the given ids, in no order; at most 100 ids.
    pub async fn usages(
        &self,
        ids: &[&UsageId],
        deadline: &Deadline,
    ) -> Result<Vec<UsageEntry>, Error> {
        let ids: BTreeSet<&UsageId> = ids.iter().copied().collect();
        let keys = ids
            .into_iter()
            .map(|id| Key::entry(id.as_str()).attributes());
        let found = self.table.items(keys.collect(), deadline).await?;
        let read = found.iter().map(UsageEntry::from_item);
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Reads the usage recorded under an id; None if there is none.
    pub async fn usage(
        &self,
        id: &UsageId,
        deadline: &Deadline,
    ) -> Result<Option<UsageEntry>, Error> {
        let item = self.table.item(&Key::entry(id.as_str()), deadline).await?;
        Ok(item.as_ref().map(UsageEntry::from_item).transpose()?)
    }
}
