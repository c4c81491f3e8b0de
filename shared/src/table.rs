//! The DynamoDB table: its items and their keys, conditional writes and transactions.
//!
//! | item | `pk` | `sk` | holds | written by, on condition |
//! |---|---|---|---|---|
//! | account | `A#<account>` | `A` | `available`, `debited`, `settled`, `next_due`, `grants_version`, `free_plan`, `free_due`; while the gate is closed `gate_until`, `gate_holder` | [`Ledger::open_account`](crate::ledger::Ledger::open_account), absent · debit, `available >= sum` and `next_due > now` · credit, settlement, reversal, restoration and correction, unchanged `debited`, `next_due`, `grants_version` · the gate, if open, lapsed or held by the same change |
//! | grants | `A#<account>` | `G` | `grants_version`, `grants` (a part of the account item before item version 2) | with each change of the account except a debit, unchanged `grants_version` |
//! | customer | `A#<account>` | `C` | `customer`, `generation` | [`CustomerLinks::link_customer`](crate::customers::CustomerLinks::link_customer), no customer linked · [`CustomerLinks::unlink_customer`](crate::customers::CustomerLinks::unlink_customer), the deleted one still linked |
//! | subscriptions | `A#<account>` | `U` | `subscriptions`, `as_of`, `version` | [`Subscribers::keep_subscriptions`](crate::payments::subscription::Subscribers::keep_subscriptions), unchanged `version` |
//! | customer's account | `X#<customer>` | `X` | `customer_of` | the same transaction, absent |
//! | entry | `E#<id>` | `E` | `kind`, `account`, signed `amount`, `recorded_at`, and what its kind adds | with the change of the account, absent |
//! | usage | `E#use_…` | `E` | a usage's entry, whose delivery states change: `langfuse`, `stripe`, `…_unsent`, `…_parked`, `claims`, `claimed_at`, `traced_at`, `langfuse_absent_at`, `langfuse_unclear_since`, `parcel`, `reported_at`, `absent_at`, `redriven_at` | [`DeliveryQueue::mark`](crate::delivery::DeliveryQueue::mark), states as read and never claimed · [`DeliveryQueue::claim`](crate::delivery::DeliveryQueue::claim), states and `claims` as read · [`DeliveryQueue::put_back`](crate::delivery::DeliveryQueue::put_back), the same claim · [`DeliveryQueue::park_reported`](crate::delivery::DeliveryQueue::park_reported), not redriven since; states and `claims` as read · [`DeliveryQueue::redrive`](crate::delivery::DeliveryQueue::redrive), states and `claims` as read · [`DeliveryQueue::note_absent`](crate::delivery::DeliveryQueue::note_absent), parked · [`DeliveryQueue::note_found`](crate::delivery::DeliveryQueue::note_found), parked, as read |
//! | parcel | `B#par_…` | `B` | `parcel_of`, `customer`, `members`, `value`, `occurred_at`, `recorded_at`, `stripe`, `attempts`, `parked`, `reported_at`, `absent_at`, `redriven_at` | [`DeliveryQueue::freeze`](crate::delivery::DeliveryQueue::freeze), absent, with its members' marks · [`DeliveryQueue::mark_parcel`](crate::delivery::DeliveryQueue::mark_parcel), pending, `attempts` as read · [`DeliveryQueue::park_reported`](crate::delivery::DeliveryQueue::park_reported), not redriven since · [`DeliveryQueue::redrive`](crate::delivery::DeliveryQueue::redrive), parked, with its members · [`DeliveryQueue::note_found`](crate::delivery::DeliveryQueue::note_found), parked, with its members |
//! | lease | `L#<bucket>` | `L` | `holder`, `leased_until` | [`DeliveryQueue::lease`](crate::delivery::DeliveryQueue::lease), expired · [`DeliveryQueue::release`](crate::delivery::DeliveryQueue::release), the same holder |
//! | purchase | `E#cs_…`, `E#in_…` | `E` | the credit's entry, which gains `reversals` | with the account, unchanged `reversals`; no expiry of its grants beyond those read |
//! | correction | `E#reversed#<id>` | `E` | a reversal's or a credit's entry with its `reason`; for a usage `gives_back`, and the grant that it `joins` | with the account, absent |
//! | order | `I#<order>` | `I` | `account`, `request_hash`, `order`, `success_url`, `cancel_url`, `promotion_codes`, `automatic_tax`, `created_at`, `expires_at`, `status`, `session` | [`Orders::open_order`](crate::payments::orders::Orders::open_order), absent · [`Orders::note_status`](crate::payments::orders::Orders::note_status), not paid · with the credit for its payment, or [`Orders::settle_order`](crate::payments::orders::Orders::settle_order) |
//! | Checkout Session | `S#<session>` | `S` | `account`, `intent`, `item`, `url`, `expires_at`, `invoice` | [`Orders::bind_session`](crate::payments::orders::Orders::bind_session), absent · [`Orders::note_invoice`](crate::payments::orders::Orders::note_invoice), present |
//! | reversal that may still change (item version 3) | `D#<kind>#<id>` | `D` | `pending_bucket`, `pending_due` | [`OpenReversals::follow`](crate::payments::reversal::OpenReversals::follow), not due later · [`OpenReversals::unfollow`](crate::payments::reversal::OpenReversals::unfollow), listed |
//! | incident | `INCIDENTS` | `<object>#<code>` | `subject`, `code`, `detail`, `seen_at`, `dismissed` | [`Incidents::keep`](crate::payments::incidents::Incidents::keep), another detail, and not seen later · [`Incidents::dismiss_incidents`](crate::payments::incidents::Incidents::dismiss_incidents), not seen again |
//! | quarter of an hour | `R#<account>` | `Q#2026-11-22T20:15` | `sparks#…`, `quantity#…` by meter and model, `models` | with the debit, if its models fit |
//! | member's day | `R#<account>` | `M#2026-11-22#<member>` | `sparks#…`, `quantity#…` by meter | with the debit |
//!
//! Amounts are milli-Sparks, times milliseconds since 1970. Two indexes hold keys only: `ledger` lists an account's
//! entries by time (`account`, `ledger_at`); `pending` lists unfinished work by the time from which it is due
//! (`pending_bucket`, `pending_due`), and is sparse. Each [`Queue`] has 16 buckets in it, chosen by account, or by id for
//! reversals. The outbox finishes `P#…`: usages with a delivery that is not final, parcels of them, orders that are not
//! settled, subscriptions with a renewal or an invoice to check, and reversals that may still change. `K#…` lists usages
//! with a delivery that failed for good, for the operator.
//!
//! No function scans the table, and no item is ever deleted.

mod actions;
mod calls;
mod failure;
pub(crate) mod item;
pub(crate) mod key;
mod reads;
mod schema;

use std::collections::HashMap;
use std::error::Error as StdError;
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

pub(crate) use calls::{Refusal, TransactAttempt, TransactOutcome, UpdateOutcome};
pub(crate) use failure::{Cause, of_snapshot};
pub(crate) use item::Item;
pub use item::Malformed;
pub use key::{PENDING_BUCKETS, Queue};

use crate::process::config::{self, Aws, ItemVersion, TableSettings};
use crate::process::transport::Transport;
use crate::process::{Setup, aws_http};

/// Timeout of one DynamoDB call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// One DynamoDB table, and the version of the items that are written to it.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) item_version: ItemVersion,
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

/// The cursor of a list's next page.
pub type Next = HashMap<String, AttributeValue>;

impl Table {
    /// Reads the configuration of the table and prepares the client.
    pub fn from_setup(setup: Setup<'_>) -> Result<Self, config::Error> {
        let (aws, table) = (setup.environment.aws()?, setup.environment.table()?);
        Ok(Self::new(&aws, &table, setup.transport))
    }

    /// A table over the given transport.
    pub fn new(aws: &Aws, settings: &TableSettings, transport: &Transport) -> Self {
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
            .http_client(aws_http::client(transport, CALL_TIMEOUT))
            // The ledger retries by itself: it must read the cancellation reasons between two attempts.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(aws.dynamodb_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            name: settings.name.clone(),
            item_version: settings.item_version,
        }
    }
}

/// The expression values of a condition.
pub(crate) fn values<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
