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
mod calls;
mod change;
mod charge;
mod checkout;
mod correction;
mod credit;
mod customer;
mod day;
mod entry;
mod failure;
mod followed;
mod free_plan;
mod gate;
mod grants;
mod history;
mod holdings;
mod incident;
mod intent;
mod item;
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
mod table;
mod verify;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::ExposeSecret;

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
pub use item::{Malformed, PENDING_BUCKETS, Queue};
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
use crate::process::config::{self, Aws, ItemVersion, Table};
use crate::process::patience::Patience;
use crate::process::transport::Transport;
use crate::words::id::{AccountId, UsageId};
use charge::{FullRollups, Unpaid};
use item::{Item, Key};

/// Timeout of one DynamoDB call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// The ledger in its table.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    item_version: ItemVersion,
    unpaid: Arc<Unpaid>,
    full_rollups: Arc<FullRollups>,
}

/// The reason why a call of the ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not succeed in time. It may have taken effect; a retry with the same key tells.
    #[error("the ledger was busy until the deadline")]
    Busy(#[source] Box<dyn StdError + Send + Sync>),
    /// It cannot succeed: the request, the permissions or the table are wrong.
    #[error("the ledger refused the request")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
    /// An item cannot be read back.
    #[error("the ledger holds an item that cannot be read")]
    Malformed(#[from] Malformed),
    /// The account sends too many requests that cost it nothing. Nothing was written.
    #[error("the account sends too many requests that cost it nothing")]
    TooMuch,
    /// An amount would leave the range of Sparks.
    #[error("the amount is out of range")]
    OutOfRange,
}

impl Ledger {
    /// Reads the configuration of the table and prepares the client.
    pub fn from_setup(setup: Setup<'_>) -> Result<Self, config::Error> {
        let (aws, table) = (setup.environment.aws()?, setup.environment.table()?);
        Ok(Self::new(&aws, &table, setup.transport))
    }

    /// A ledger over the given transport.
    pub fn new(aws: &Aws, table: &Table, transport: &Transport) -> Self {
        let credentials = Credentials::new(
            aws.access_key_id.clone(),
            aws.secret_access_key.expose_secret(),
            aws.session_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            None,
            "environment",
        );
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .credentials_provider(credentials)
            // Nothing to cache: Lambda's credentials are read once, and outlive the environment.
            .identity_cache(IdentityCache::no_cache())
            .http_client(crate::process::aws_http::client(transport, CALL_TIMEOUT))
            // The ledger retries by itself: it must read the cancellation reasons between two attempts.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(aws.dynamodb_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            table: table.name.clone(),
            item_version: table.item_version,
            unpaid: Arc::default(),
            full_rollups: Arc::default(),
        }
    }

    /// The version of the items that the ledger writes.
    pub const fn item_version(&self) -> ItemVersion {
        self.item_version
    }

    /// Reads the account as it is now; None if there is none.
    pub async fn account(
        &self,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<Option<Account>, Error> {
        let item = self.item(&Key::account(account), patience).await?;
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
        let found = self.items(keys.collect(), patience).await?;
        let read = found.iter().map(UsageEntry::from_item);
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Reads the usage recorded under an id; None if there is none.
    pub async fn usage(
        &self,
        id: &UsageId,
        patience: &Patience,
    ) -> Result<Option<UsageEntry>, Error> {
        let item = self.item(&Key::entry(id.as_str()), patience).await?;
        Ok(item.as_ref().map(UsageEntry::from_item).transpose()?)
    }
}

/// The expression values of a condition.
fn values<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
