//! Stripe: thin calls with errors named for what the caller can do, and the signature of its webhooks.
//!
//! Every POST carries an `Idempotency-Key`, so a connection that breaks is tried once more with the same
//! key. <https://docs.stripe.com/api/idempotent_requests>

mod checkout_session;
mod customer;
mod invoice;
mod meter_event;
mod portal_session;
mod refund;
mod subscription;
mod webhook;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use checkout_session::{
    CheckoutSession, LineItem, NewCheckoutSession, PageUrl, PaymentIntent, Price,
};
pub(crate) use checkout_session::{INTENT, STAGE};
pub use invoice::{Invoice, InvoiceLine};
pub use meter_event::{METER_EVENT_NAME, MeterEvent};
pub use portal_session::{NewPortalSession, PortalFlow};
pub use refund::{MoneyBack, PaidPayment, Reason};
pub use subscription::{Subscription, SubscriptionItem};
pub use webhook::{Event, Unverified, verify};

use crate::circuit::Circuit;
use crate::clock::{self, Clock};
use crate::config::StripeAccess;
use crate::transport::{self, Transport};

/// The API version all shapes here are of.
pub const API_VERSION: &str = "2026-10-28.endive";

/// How many keys one call may use up, while Stripe answers with the failures of earlier attempts.
const MAX_KEYS: u32 = 4;

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

/// Why Stripe did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent: Stripe has failed repeatedly and is left alone for now.
    #[error("stripe is left alone after repeated failures")]
    Skipped,
    /// Nothing was done: too many calls. Try later.
    #[error("stripe has too many calls")]
    RateLimited,
    /// Stripe is unreachable, failing or busy. It may have done it: try again with the same identifiers.
    #[error("stripe did not confirm")]
    Unconfirmed(#[source] Cause),
    /// The key is wrong or lacks a permission. Nothing succeeds until an operator mends it.
    #[error("stripe refused the key with status {0}")]
    Unauthorized(StatusCode),
    /// The request is wrong and will not succeed as it is.
    #[error("stripe refused the request: {0}")]
    Refused(Refusal),
}

/// What kept Stripe from confirming.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// There was no answer.
    #[error("no answer")]
    Transport(#[from] transport::Error),
    /// The answer says that it failed.
    #[error("answered with status {0}")]
    Status(StatusCode),
    /// The answer is the failure of an earlier attempt, which Stripe keeps under the key for a day.
    #[error("answered with the status {0} of an earlier attempt")]
    Stored(StatusCode),
    /// The answer is not of the shape it should have.
    #[error("answered with an unknown shape")]
    Shape(#[source] serde_json::Error),
}

/// What Stripe said about a request that it refuses. Its message is never shown: it may repeat our input.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stripe's code, such as `timestamp_too_far_in_past`.
    pub code: String,
    /// The parameter it is about, such as `line_items[0][price]`.
    pub param: String,
    /// Stripe's id of the request, to find it in their dashboard.
    pub request_id: String,
    /// Whether it is the answer to an earlier attempt with the same key.
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
    /// What is on it.
    pub data: Vec<T>,
    /// Whether there are more pages.
    #[serde(default)]
    pub has_more: bool,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
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

    /// Whether the key moves real money.
    pub const fn livemode(&self) -> bool {
        self.livemode
    }

    /// Reads an object, or nothing when Stripe has none there.
    pub async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        timeout: Duration,
    ) -> Result<Option<T>, Error> {
        match self.send(&Call::read(path), timeout).await {
            Ok(answer) => parse(&answer).map(Some),
            Err(Error::Refused(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes or changes an object, once per key, even where an earlier attempt with the key has failed.
    ///
    /// Stripe keeps a failure under its key for a day, a 500 too. Once it is answered from there, nothing
    /// will come of that key, so the next one of a fixed row is used. What a 500 may have made all the same
    /// stays unknown, so this is for objects that do nothing as long as nobody knows them.
    pub async fn make<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<T, Error> {
        let started = self.clock.now();
        let mut key = idempotency_key.to_owned();
        let mut attempt = 1;
        loop {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            match self.submit(path, form, &key, left).await {
                Err(error) if error.is_stored() && attempt < MAX_KEYS => {
                    attempt += 1;
                    key = format!("{idempotency_key}:{attempt}");
                }
                outcome => return parse(&outcome?),
            }
        }
    }

    /// Sends a form.
    async fn submit(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        self.send(&Call::submit(path, form, idempotency_key), timeout)
            .await
    }

    /// Makes a call, and once more when the connection broke.
    async fn send(&self, call: &Call<'_>, timeout: Duration) -> Result<Response<Bytes>, Error> {
        if self.circuit.is_open(self.clock.now()) {
            return Err(Error::Skipped);
        }
        let started = self.clock.now();
        let send = || {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            let request = self.request(call);
            async move { self.transport.send(request?, left).await }
        };
        let answer = match send().await {
            Err(transport::Error::Broken(_)) => self.judge_repeat(send().await),
            first => self.judge(first),
        };
        self.count(answer.as_ref().err());
        answer
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Bytes>, transport::Error> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base, call.path))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.secret_key.expose_secret()),
            )
            .header(
                header::USER_AGENT,
                concat!("sparks/", env!("CARGO_PKG_VERSION")),
            )
            .header("stripe-version", API_VERSION);
        if let Some(key) = call.idempotency_key {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("idempotency-key", key);
        }
        request
            .body(call.body.clone())
            .map_err(|error| transport::Error::NotSent(error.into()))
    }

    /// Judges an answer to a request that was sent for the first time.
    fn judge(
        &self,
        answer: Result<Response<Bytes>, transport::Error>,
    ) -> Result<Response<Bytes>, Error> {
        let answer = answer.map_err(|error| Error::Unconfirmed(error.into()))?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(Error::Unauthorized(status))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let reason = answer
                    .headers()
                    .get("stripe-rate-limited-reason")
                    .map_or(&b""[..], |value| value.as_bytes());
                if reason.starts_with(b"global-") || reason.starts_with(b"endpoint-") {
                    self.circuit.open(self.clock.now());
                }
                Err(Error::RateLimited)
            }
            status @ (StatusCode::CONFLICT | StatusCode::FAILED_DEPENDENCY) => {
                Err(Error::Unconfirmed(Cause::Status(status)))
            }
            status if status.is_client_error() => Err(Error::Refused(Refusal::of(&answer))),
            status if is_replay(&answer) => Err(Error::Unconfirmed(Cause::Stored(status))),
            status => Err(Error::Unconfirmed(Cause::Status(status))),
        }
    }

    /// A 429 to a repeat says nothing about the first time: the limit is checked before the key is.
    fn judge_repeat(
        &self,
        answer: Result<Response<Bytes>, transport::Error>,
    ) -> Result<Response<Bytes>, Error> {
        self.judge(answer).map_err(|error| match error {
            Error::RateLimited => Error::Unconfirmed(Cause::Status(StatusCode::TOO_MANY_REQUESTS)),
            error => error,
        })
    }

    /// Keeps the circuit: failures of Stripe open it after a while, a wrong key at once.
    fn count(&self, error: Option<&Error>) {
        match error {
            Some(Error::Unauthorized(_)) => self.circuit.open(self.clock.now()),
            Some(Error::Unconfirmed(Cause::Transport(_))) => self.circuit.failed(self.clock.now()),
            Some(Error::Unconfirmed(Cause::Status(status))) if status.is_server_error() => {
                self.circuit.failed(self.clock.now());
            }
            _ => self.circuit.succeeded(),
        }
    }
}

/// A call: what is sent besides what every call carries.
struct Call<'a> {
    method: Method,
    path: &'a str,
    idempotency_key: Option<&'a str>,
    body: Bytes,
}

impl<'a> Call<'a> {
    fn read(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            idempotency_key: None,
            body: Bytes::new(),
        }
    }

    fn submit(path: &'a str, form: &[(&str, &str)], idempotency_key: &'a str) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        Self {
            method: Method::POST,
            path,
            idempotency_key: Some(idempotency_key),
            body: body.into(),
        }
    }
}

fn parse<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, Error> {
    serde_json::from_slice(answer.body()).map_err(|error| Error::Unconfirmed(Cause::Shape(error)))
}

/// Whether an answer comes from under the idempotency key.
fn is_replay(answer: &Response<Bytes>) -> bool {
    answer
        .headers()
        .get("idempotent-replayed")
        .is_some_and(|value| value == "true")
}

/// Whether a key moves real money: it says so itself.
/// <https://docs.stripe.com/keys>
fn is_live(secret_key: &SecretString) -> bool {
    let key = secret_key.expose_secret();
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

impl Error {
    /// Whether it is what an earlier attempt with the same key came to.
    fn is_stored(&self) -> bool {
        match self {
            Self::Unconfirmed(Cause::Stored(_)) => true,
            Self::Refused(refusal) => refusal.stored,
            _ => false,
        }
    }
}

impl Refusal {
    /// Reads what Stripe says about a request that it refuses.
    fn of(answer: &Response<Bytes>) -> Self {
        let ErrorBody { error } = serde_json::from_slice(answer.body()).unwrap_or_default();
        let request_id = answer
            .headers()
            .get("request-id")
            .and_then(|value| value.to_str().ok());
        Self {
            status: answer.status(),
            code: error.code,
            param: error.param,
            message: error.message.into(),
            request_id: request_id.unwrap_or_default().to_owned(),
            stored: is_replay(answer),
        }
    }
}

#[cfg(test)]
mod tests;
