//! Stripe: customers and meter events, as thin calls with errors named for what the caller can do.
//!
//! Every POST carries an `Idempotency-Key`, so a connection that breaks is tried once more with the same
//! key. <https://docs.stripe.com/api/idempotent_requests>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::circuit::Circuit;
use crate::clock::{self, Clock};
use crate::config::StripeAccess;
use crate::id::{AccountId, CustomerId, UsageId};
use crate::sparks::Sparks;
use crate::transport::{self, Transport};

/// The API version all shapes here are of.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The name of the meter that all usage goes to. It has no price: Sparks are prepaid.
pub const METER_EVENT_NAME: &str = "sparks_used";

/// How long a customer is left alone after Stripe said that it is busy with them.
const CUSTOMER_PAUSE_MS: i64 = 1_000;

/// How many customers' pauses are remembered.
const MAX_PAUSES: usize = 1_000;

/// A client of Stripe's API.
#[derive(Debug)]
pub struct Stripe {
    transport: Transport,
    base: String,
    secret_key: SecretString,
    clock: Clock,
    circuit: Circuit,
    pauses: Mutex<HashMap<CustomerId, Timestamp>>,
}

/// Usage for Stripe's meter. <https://docs.stripe.com/api/billing/meter-event/create>
#[derive(Clone, Debug)]
pub struct MeterEvent<'a> {
    /// The usage; Stripe counts one event per identifier.
    pub identifier: &'a UsageId,
    /// Whose usage it is.
    pub customer: &'a CustomerId,
    /// How much; sent in milli-Sparks, since Stripe takes whole numbers only.
    pub value: Sparks,
    /// When it happened.
    pub occurred_at: Timestamp,
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
    /// Stripe's id of the request, to find it in their dashboard.
    pub request_id: String,
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

#[derive(Deserialize)]
struct Created {
    id: String,
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
}

impl Stripe {
    /// A client for the given access.
    pub fn new(access: &StripeAccess, transport: &Transport, clock: &Clock) -> Self {
        Self {
            transport: transport.clone(),
            base: access.base.clone(),
            secret_key: access.secret_key.clone(),
            clock: clock.clone(),
            circuit: Circuit::default(),
            pauses: Mutex::default(),
        }
    }

    /// Makes the customer for an account. Repeats within a day make no second one.
    ///
    /// The parameters never vary, because Stripe refuses a key that comes with other parameters. The
    /// generation rises when a customer was deleted, so that the key changes.
    pub async fn create_customer(
        &self,
        stage: &str,
        account: &AccountId,
        generation: u32,
        timeout: Duration,
    ) -> Result<CustomerId, Error> {
        let form = [("metadata[account]", account.as_str())];
        let key = format!("cust:{stage}:{account}:{generation}");
        let answer = self.post("/v1/customers", &form, &key, timeout).await?;
        let created: Created = serde_json::from_slice(answer.body())
            .map_err(|error| Error::Unconfirmed(Cause::Shape(error)))?;
        created
            .id
            .parse()
            .map_err(|_| Error::Refused(Refusal::of(&answer, "customer_id_unreadable".into())))
    }

    /// Tells the meter of a usage. An event that Stripe has already is a success.
    pub async fn record_meter_event(
        &self,
        event: &MeterEvent<'_>,
        timeout: Duration,
    ) -> Result<(), Error> {
        if self.is_paused(event.customer) {
            return Err(Error::Skipped);
        }
        let (value, timestamp) = (
            event.value.milli().to_string(),
            event.occurred_at.as_second().to_string(),
        );
        let form = [
            ("event_name", METER_EVENT_NAME),
            ("identifier", event.identifier.as_str()),
            ("timestamp", &timestamp),
            ("payload[stripe_customer_id]", event.customer.as_str()),
            ("payload[value]", &value),
        ];
        match self
            .post(
                "/v1/billing/meter_events",
                &form,
                event.identifier.as_str(),
                timeout,
            )
            .await
        {
            Ok(_) => Ok(()),
            Err(Error::Refused(refusal)) if refusal.is_duplicate_of(event.identifier) => Ok(()),
            Err(Error::RateLimited) => {
                self.pause(event.customer);
                Err(Error::RateLimited)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a form, and once more when the connection broke.
    async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        if self.circuit.is_open(self.clock.now()) {
            return Err(Error::Skipped);
        }
        let body: Bytes = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish()
            .into();
        let started = self.clock.now();
        let send = || {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            let request = Request::builder()
                .method(Method::POST)
                .uri(format!("{}{path}", self.base))
                .header(
                    header::AUTHORIZATION,
                    format!("Bearer {}", self.secret_key.expose_secret()),
                )
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(
                    header::USER_AGENT,
                    concat!("sparks/", env!("CARGO_PKG_VERSION")),
                )
                .header("stripe-version", API_VERSION)
                .header("idempotency-key", idempotency_key)
                .body(body.clone())
                .map_err(|error| transport::Error::NotSent(error.into()));
            async move { self.transport.send(request?, left).await }
        };
        let answer = match send().await {
            Err(transport::Error::Broken(_)) => self.judge_repeat(send().await),
            first => self.judge(first),
        };
        self.count(answer.as_ref().err());
        answer
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
            status if status.is_client_error() => Err(Error::Refused(refusal(&answer))),
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

    fn is_paused(&self, customer: &CustomerId) -> bool {
        let pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses
            .get(customer)
            .is_some_and(|until| self.clock.now() < *until)
    }

    fn pause(&self, customer: &CustomerId) {
        let now = self.clock.now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.len() >= MAX_PAUSES {
            pauses.retain(|_, until| now < *until);
        }
        if pauses.len() < MAX_PAUSES {
            let until = Timestamp::from_millisecond(now.as_millisecond() + CUSTOMER_PAUSE_MS);
            pauses.insert(customer.clone(), until.unwrap_or(now));
        }
    }
}

/// Reads what Stripe says about a request that it refuses.
fn refusal(answer: &Response<Bytes>) -> Refusal {
    let ErrorBody { error } = serde_json::from_slice(answer.body()).unwrap_or_default();
    Refusal {
        message: error.message.into(),
        ..Refusal::of(answer, error.code)
    }
}

impl Refusal {
    /// Whether Stripe has this very event already. Not every such refusal carries the code.
    fn is_duplicate_of(&self, identifier: &UsageId) -> bool {
        let message = self.message.expose_secret();
        let named = message.contains("already exists") && message.contains(identifier.as_str());
        self.status == StatusCode::BAD_REQUEST && (self.code == "duplicate_meter_event" || named)
    }

    fn of(answer: &Response<Bytes>, code: String) -> Self {
        let request_id = answer
            .headers()
            .get("request-id")
            .and_then(|value| value.to_str().ok());
        Self {
            status: answer.status(),
            code,
            message: SecretString::default(),
            request_id: request_id.unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
