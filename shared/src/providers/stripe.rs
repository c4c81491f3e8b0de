//! Stripe: thin calls, errors by what the caller can do, and webhook signatures.
//!
//! Every POST carries an `Idempotency-Key`, so it can be sent again with the same key.
//! <https://docs.stripe.com/api/idempotent_requests>

mod call;
mod checkout_session;
mod created;
mod customer;
mod event;
mod invoice;
mod meter_error;
mod meter_event;
mod meter_summary;
mod portal_session;
mod refund;
mod status;
mod subscription;
mod webhook;

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use call::{Call, is_replay, parse};
pub use checkout_session::{CheckoutSession, LineItem, NewCheckoutSession, PaymentIntent, Price};
pub(crate) use checkout_session::{ORDER, STAGE};
pub use created::Made;
pub use event::{Event, EventKind, UnknownEvent};
pub use invoice::{Invoice, InvoiceLine};
pub use meter_error::{MeterError, MeterErrors};
pub use meter_event::{METER_EVENT_NAME, MeterEvent};
pub use meter_summary::MeteredHour;
pub use portal_session::{NewPortalSession, PortalFlow};
pub use refund::{FraudWarning, MoneyBack, MoneyBackStatus, Paid, PaidPayment};
pub use status::{
    InvoiceStatus, PaymentIntentStatus, PaymentStatus, SessionMode, SessionStatus,
    SubscriptionStatus,
};
pub use subscription::{Subscription, SubscriptionItem};
pub use webhook::{Unverified, verify};

use crate::process::clock::{self, Clock};
use crate::process::config::StripeAccess;
use crate::process::deadline::Deadline;
use crate::process::transport::{self, Transport};
use crate::providers::circuit::Circuit;

/// The API version of all shapes here.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Longest time of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of keys per call, while Stripe replays the failures of earlier attempts.
const MAX_KEYS: u32 = 4;

/// The timeout of one call: what is left, at most ten seconds.
pub(crate) fn timeout(deadline: &Deadline) -> Duration {
    deadline.left().min(CALL_TIMEOUT)
}

/// A client of Stripe's API.
#[derive(Debug)]
pub struct Stripe {
    transport: Transport,
    base: String,
    secret_key: SecretString,
    clock: Clock,
    circuit: Circuit,
    livemode: bool,
    pauses: meter_event::Pauses,
}

/// A call that Stripe did not carry out or confirm.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent: Stripe has failed repeatedly, so calls are skipped for now.
    #[error("calls to stripe are skipped after repeated failures")]
    Skipped,
    /// Nothing was done: too many calls. Try later.
    #[error("stripe limits the rate of calls")]
    RateLimited,
    /// Stripe is unreachable, failing or busy. The call may have had its effect: retry with the same identifiers.
    #[error("stripe did not confirm")]
    Unconfirmed(#[source] Cause),
    /// The key is wrong or lacks a permission. Nothing succeeds until an operator fixes it.
    #[error("stripe refused the key with status {0}")]
    Unauthorized(StatusCode),
    /// The request is wrong and will not succeed as it is.
    #[error("stripe refused the request: {0}")]
    Refused(Refusal),
}

/// The cause of an unconfirmed call.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// There was no response.
    #[error("no response")]
    Transport(#[from] transport::Error),
    /// The response is a failure.
    #[error("responded with status {0}")]
    Status(StatusCode),
    /// The response is the failure of an earlier attempt. Stripe keeps it under the key for a day.
    #[error("replayed the status {0} of an earlier attempt")]
    Stored(StatusCode),
    /// The response has an unexpected shape. The text says where, and not what is there: that may be a buyer's data.
    #[error("responded with an unexpected shape: {0}")]
    Shape(String),
}

/// Stripe's refusal of a request. Its message is never shown: it may repeat our input.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stripe's code, such as `timestamp_too_far_in_past`.
    pub code: String,
    /// The parameter at fault, such as `line_items[0][price]`.
    pub param: String,
    /// Stripe's id of the request, to find it in their dashboard.
    pub request_id: String,
    /// True if it replays the response to an earlier attempt with the same key.
    pub stored: bool,
    message: SecretString,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            status,
            code,
            request_id,
            ..
        } = self;
        write!(
            f,
            "status {}, code `{code}`, request `{request_id}`",
            status.as_u16()
        )
    }
}

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// The objects of the page.
    pub data: Vec<T>,
    /// True if there are more pages.
    #[serde(default)]
    pub has_more: bool,
}

impl<T> List<T> {
    /// Converts the objects of the page.
    fn map<U>(self, change: impl FnMut(T) -> U) -> List<U> {
        List {
            data: self.data.into_iter().map(change).collect(),
            has_more: self.has_more,
        }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            has_more: false,
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    code: String,
    message: String,
    param: String,
}

impl Stripe {
    /// A client for the given access.
    pub fn new(access: &StripeAccess, transport: &Transport, clock: &Clock) -> Self {
        Self {
            transport: transport.clone(),
            base: access.base.clone(),
            livemode: is_live(&access.secret_key),
            secret_key: access.secret_key.clone(),
            clock: clock.clone(),
            circuit: Circuit::default(),
            pauses: meter_event::Pauses::default(),
        }
    }

    /// Returns whether the key moves real money.
    pub const fn livemode(&self) -> bool {
        self.livemode
    }

    /// Reads an object; None if Stripe has none at this path.
    pub async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        timeout: Duration,
    ) -> Result<Option<T>, Error> {
        match self.persist(&Call::read(path), timeout).await {
            Ok(answer) => parse(&answer).map(Some),
            Err(Error::Refused(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads Stripe's time from the `Date` header of a response. None if it is missing or malformed.
    pub async fn time(&self, timeout: Duration) -> Result<Option<Timestamp>, Error> {
        let call = Call::read("/v1/prices?limit=1");
        let answer = self.persist(&call, timeout).await?;
        let date = answer.headers().get(header::DATE);
        let date = date.and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| rfc2822::parse(date).ok());
        Ok(date.map(|date| date.timestamp()))
    }

    /// Creates or changes an object, once per key, even after a failed attempt with it.
    ///
    /// Stripe keeps a failure under its key for a day, even a 500. Once Stripe replays it, the key can no longer
    /// succeed, so the next one of a fixed sequence is used. An object that Stripe created in spite of a 500 stays
    /// unknown, so this is for objects that have no effect until they are used.
    pub async fn make<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<T, Error> {
        let call = Call::submit(path, form, idempotency_key);
        self.make_with(&call, idempotency_key, timeout).await
    }

    /// Like [`Self::make`], with version 2 of the API, which takes JSON.
    pub async fn make_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<T, Error> {
        let call = Call::submit_json(path, body, idempotency_key);
        self.make_with(&call, idempotency_key, timeout).await
    }

    async fn make_with<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<T, Error> {
        let started = self.clock.now();
        let mut key = idempotency_key.to_owned();
        let mut attempt = 1;
        loop {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            match self.persist(&call.with_key(&key), left).await {
                Err(error) if error.is_stored() && attempt < MAX_KEYS => {
                    attempt += 1;
                    key = format!("{idempotency_key}:{attempt}");
                }
                outcome => return parse(&outcome?),
            }
        }
    }
}

/// Returns whether a key moves real money, by its prefix.
/// <https://docs.stripe.com/keys>
fn is_live(secret_key: &SecretString) -> bool {
    let key = secret_key.expose_secret();
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

impl Cause {
    /// Describes why a response cannot be parsed, without quoting it.
    pub fn shape(error: &serde_json::Error) -> Self {
        let told = error.to_string();
        // This error names one of our fields. Others quote the response.
        if told.starts_with("missing field") {
            return Self::Shape(told);
        }
        Self::Shape(format!(
            "see line {}, column {}",
            error.line(),
            error.column()
        ))
    }
}

impl Error {
    /// Returns whether it is a replay of an earlier attempt with the same key.
    fn is_stored(&self) -> bool {
        match self {
            Self::Unconfirmed(Cause::Stored(_)) => true,
            Self::Refused(refusal) => refusal.stored,
            _ => false,
        }
    }
}

impl Refusal {
    /// Returns whether it is about the flow with which a portal page opens.
    pub(crate) fn is_of_flow(&self) -> bool {
        self.param.starts_with("flow_data")
    }

    /// Returns whether there were too many calls, or another call held the object.
    fn is_limit(&self) -> bool {
        ["rate_limit", "lock_timeout"].contains(&self.code.as_str())
    }

    /// Parses the error in a response. Without one, nothing proves that Stripe itself refused the request, nor that an
    /// earlier attempt had no effect.
    fn of(answer: &Response<Bytes>) -> Result<Self, serde_json::Error> {
        let ErrorBody { error } = serde_json::from_slice(answer.body())?;
        let request_id = answer
            .headers()
            .get("request-id")
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            status: answer.status(),
            code: error.code,
            param: error.param,
            message: error.message.into(),
            request_id: request_id.unwrap_or_default().to_owned(),
            stored: is_replay(answer),
        })
    }
}

#[cfg(test)]
mod tests;
