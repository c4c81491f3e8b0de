//! The ledger: accounts, entries, roll-ups and the outbox, in one DynamoDB table.
//!
//! | item | `pk` | `sk` | holds | written by, on condition |
//! |---|---|---|---|---|
//! | account | `A#<account>` | `A` | `available`, `debited`, `settled`, `next_due`, `grants_version`, `free_plan`, `free_due`; while the gate is closed `gate_until`, `gate_holder` | [`Ledger::open_account`], absent · debit, `available >= sum` and `next_due > now` · credit, settlement, reversal, restoration and correction, unchanged `debited`, `next_due`, `grants_version` · the gate, if open, lapsed or held by the same change |
//! | grants | `A#<account>` | `G` | `grants_version`, `grants` (a part of the account item before item version 2) | with each change of the account except a debit, unchanged `grants_version` |
//! | customer | `A#<account>` | `C` | `customer`, `generation` | [`Ledger::link_customer`], no customer linked · [`Ledger::unlink_customer`], the deleted one still linked |
//! | subscriptions | `A#<account>` | `U` | `subscriptions`, `as_of`, `version` | [`Ledger::keep_subscriptions`], unchanged `version` |
//! | customer's account | `X#<customer>` | `X` | `customer_of` | the same transaction, absent |
//! | entry | `E#<id>` | `E` | `kind`, `account`, signed `amount`, `recorded_at`, and what its kind adds | with the change of the account, absent |
//! | usage | `E#use_…` | `E` | a usage's entry, whose delivery states change: `langfuse`, `stripe`, `…_unsent`, `…_parked`, `claims`, `claimed_at`, `traced_at`, `langfuse_absent_at`, `langfuse_unclear_since`, `parcel`, `reported_at`, `absent_at`, `redriven_at` | [`Ledger::mark`], states as read and never claimed · [`Ledger::claim`], states and `claims` as read · [`Ledger::put_back`], the same claim · [`Ledger::park_reported`], not redriven since; states and `claims` as read · [`Ledger::redrive`], states and `claims` as read · [`Ledger::note_absent`], parked · [`Ledger::note_found`], parked, as read |
//! | parcel | `B#par_…` | `B` | `parcel_of`, `customer`, `members`, `value`, `occurred_at`, `recorded_at`, `stripe`, `attempts`, `parked`, `reported_at`, `absent_at`, `redriven_at` | [`Ledger::freeze`], absent, with its members' marks · [`Ledger::mark_parcel`], pending, `attempts` as read · [`Ledger::park_reported`], not redriven since · [`Ledger::redrive`], parked, with its members · [`Ledger::note_found`], parked, with its members |
//! | lease | `L#<bucket>` | `L` | `holder`, `leased_until` | [`Ledger::lease`], expired · [`Ledger::release`], the same holder |
//! | purchase | `E#cs_…`, `E#in_…` | `E` | the credit's entry, which gains `reversals` | with the account, unchanged `reversals`; no expiry of its grants beyond those read |
//! | correction | `E#reversed#<id>` | `E` | a reversal's or a credit's entry with its `reason`; for a usage `gives_back`, and the grant that it `joins` | with the account, absent |
//! | intent | `I#<intent>` | `I` | `account`, `request_hash`, `order`, `success_url`, `cancel_url`, `promotion_codes`, `automatic_tax`, `created_at`, `expires_at`, `status`, `session` | [`Ledger::open_intent`], absent · [`Ledger::note_checkout`], not paid · with the credit for its payment, or [`Ledger::settle_intent`] |
//! | Checkout Session | `S#<session>` | `S` | `account`, `intent`, `item`, `url`, `expires_at`, `invoice` | [`Ledger::bind_checkout`], absent · [`Ledger::note_invoice`], present |
//! | reversal that may still change (item version 3) | `D#<reason>#<id>` | `D` | `pending_bucket`, `pending_due` | [`Ledger::follow`], not due later · [`Ledger::unfollow`], listed |
//! | incident | `INCIDENTS` | `<object>#<code>` | `subject`, `code`, `detail`, `seen_at`, `dismissed` | [`Ledger::keep_incident`], another detail, and not seen later · [`Ledger::dismiss_incidents`], not seen again |
//! | quarter of an hour | `R#<account>` | `Q#2026-11-22T20:15` | `sparks#…`, `quantity#…` by meter and model, `models` | with the debit, if its models fit |
//! | member's day | `R#<account>` | `M#2026-11-22#<member>` | `sparks#…`, `quantity#…` by meter | with the debit |
//!
//! Amounts are milli-Sparks, times milliseconds since 1970. Two indexes hold keys only: `ledger` lists an account's
//! entries by time (`account`, `ledger_at`); `pending` lists unfinished work by the time from which it is due
//! (`pending_bucket`, `pending_due`), and is sparse. Each [`Queue`] has 16 buckets in it, chosen by account, or by id for
//! reversals. The outbox finishes `P#…`: usages with a delivery that is not final, parcels of them, intents that are not
//! settled, subscriptions with a renewal or an invoice to check, and reversals that may still change. `K#…` lists usages
//! with a delivery that failed for good, for the operator.
//!
//! No function scans the table, and no item is ever deleted.

mod account;
mod audit;
mod booking;
mod change;
mod charge;
mod checkout;
mod correction;
mod credit;
mod customer;
mod day;
mod entry;
mod followed;
mod free_plan;
mod gate;
mod grants;
mod history;
mod holdings;
mod incident;
mod intent;
mod mark;
mod outbox;
mod parcel;
mod parked;
mod purchase;
mod repair;
mod reported;
mod reversal;
mod rollup;
mod settlement;
mod subscription;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use crate::table::Error;
pub use account::Account;
pub use booking::CreditEntry;
pub use charge::{Charged, Charging};
pub use checkout::{CreditedCheckout, FoundCheckout, Opened};
pub use correction::{Corrected, Correction, Irreversible};
pub use credit::{Credited, NewCredit};
pub use customer::CustomerLink;
pub use day::{OfDay, UsageOfDay};
pub use entry::{Deliveries, DeliveryState, Entry, RequestHash, TraceLabels, UsageEntry};
pub use grants::{Grant, Source};
pub use history::{EntriesAsked, Place, RollupPages};
pub use holdings::{Holdings, Settlement};
pub use incident::Incident;
pub use intent::{Checkout, CheckoutStatus, Intent};
pub use mark::{Mark, Marks};
pub use outbox::{Found, Lease, Listed, ListedKind, Parts, Waiting};
pub use parcel::{MAX_MEMBERS, Parcel};
pub use parked::Redriven;
pub use purchase::{Part, Purchase, Reversal, Reversals};
pub use repair::{Repair, Repaired};
pub use reported::Reported;
pub use reversal::{NewReversal, Purchased, Reversed};
pub use rollup::Used;
pub use subscription::{Awaited, Subscribed, Subscriber, Subscriptions};
pub use verify::{Accounts, Next, Verified};

use crate::process::Setup;
use crate::process::config::{self, Aws, ItemVersion, TableSettings};
use crate::process::patience::Patience;
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

    /// The version of the items that the ledger writes.
    pub const fn item_version(&self) -> ItemVersion {
        self.table.item_version
    }

    /// Reads the account as it is now; None if there is none.
    pub async fn account(
        &self,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<Option<Account>, Error> {
        let item = self.table.item(&Key::account(account), patience).await?;
        Ok(item.as_ref().map(Account::from_item).transpose()?)
    }

    /// Reads the usages recorded under the given ids, in no order; at most 100 ids.
    pub async fn usages(
        &self,
        ids: &[&UsageId],
        patience: &Patience,
    ) -> Result<Vec<UsageEntry>, Error> {
        let ids: BTreeSet<&UsageId> = ids.iter().copied().collect();
        let keys = ids
            .into_iter()
            .map(|id| Key::entry(id.as_str()).attributes());
        let found = self.table.items(keys.collect(), patience).await?;
        let read = found.iter().map(UsageEntry::from_item);
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Reads the usage recorded under an id; None if there is none.
    pub async fn usage(
        &self,
        id: &UsageId,
        patience: &Patience,
    ) -> Result<Option<UsageEntry>, Error> {
        let item = self.table.item(&Key::entry(id.as_str()), patience).await?;
        Ok(item.as_ref().map(UsageEntry::from_item).transpose()?)
    }
}
