//! The DynamoDB table: typed items, conditional writes and transactions, without any business.

mod calls;
mod failure;
pub(crate) mod item;
pub(crate) mod key;
mod schema;

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

pub(crate) use calls::{Judged, Tried, Updated};
pub(crate) use failure::{Cause, Verdict, of_call, of_snapshot};
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
