//! Calls to Stripe: their headers, the meaning of responses, and retries.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{API_VERSION, Cause, Error, Refusal, Stripe};
use crate::process::clock;
use crate::process::telemetry::{self, Step};
use crate::process::transport;

/// The content type for version 1 of the API.
const FORM: &str = "application/x-www-form-urlencoded";

/// The maximum number of attempts of a call that may be retried.
const MAX_ATTEMPTS: u32 = 3;

/// The shortest wait before the second attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

impl Stripe {
    /// Returns whether calls are skipped for now, after repeated failures.
    pub fn is_left_alone(&self) -> bool {
        self.circuit.is_open(self.clock.now())
    }

    /// Sends a form.
    pub(super) async fn submit(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        self.send(&Call::submit(path, form, idempotency_key), timeout)
            .await
    }

    /// Makes a call, and retries it once if the connection broke.
    async fn send(&self, call: &Call<'_>, timeout: Duration) -> Result<Response<Bytes>, Error> {
        if self.circuit.is_open(self.clock.now()) {
            return Err(Error::Skipped);
        }
        let started = self.clock.now();
        let left = || timeout.saturating_sub(clock::until(self.clock.now(), started));
        let answer = match self.attempt(call, left()).await {
            Err(transport::Error::Broken(_)) => {
                let again = self.attempt(call, left()).await;
                self.judge_repeat(again)
            }
            first => self.judge(first),
        };
        self.count(answer.as_ref().err());
        answer
    }

    /// Makes a call that may be retried, up to three times within `timeout`. Stripe's own libraries do the same.
    /// <https://docs.stripe.com/error-low-level>
    pub(super) async fn persist(
        &self,
        call: &Call<'_>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        if self.circuit.is_open(self.clock.now()) {
            return Err(Error::Skipped);
        }
        let started = self.clock.now();
        let left = || timeout.saturating_sub(clock::until(self.clock.now(), started));
        let mut attempt = 1;
        let answer = loop {
            let answer = self.attempt(call, left()).await;
            let broken = matches!(answer, Err(transport::Error::Broken(_)));
            let wished = answer.as_ref().ok().and_then(should_retry);
            let judged = if attempt == 1 {
                self.judge(answer)
            } else {
                self.judge_repeat(answer)
            };
            let Err(error) = &judged else { break judged };
            // A connection that broke was most likely a stale one, so there is no need to wait.
            let pause = if broken && attempt == 1 {
                Duration::ZERO
            } else {
                pause_after(attempt)
            };
            let again = wished.unwrap_or_else(|| error.may_pass());
            if attempt == MAX_ATTEMPTS || !again || left() <= pause {
                break judged;
            }
            self.clock.sleep(pause).await;
            attempt += 1;
        };
        self.count(answer.as_ref().err());
        answer
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, transport::Error> {
        let answer = self.transport.send(self.request(call)?, timeout);
        telemetry::step(Step::Stripe, answer).await
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
        if let Some(traceparent) = telemetry::traceparent() {
            request = request.header("traceparent", traceparent);
        }
        if let Some(key) = call.idempotency_key {
            request = request
                .header(header::CONTENT_TYPE, call.content_type)
                .header("idempotency-key", key);
        }
        request
            .body(call.body.clone())
            .map_err(|error| transport::Error::NotSent(error.into()))
    }

    /// Judges the response to a first attempt.
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
            status if status.is_client_error() => Err(match Refusal::of(&answer) {
                // Limits that Stripe reports in the body. Nothing was done.
                // https://docs.stripe.com/rate-limits#object-lock-timeouts
                Ok(refusal) if refusal.is_limit() => Error::RateLimited,
                Ok(refusal) => Error::Refused(refusal),
                Err(error) => Error::Unconfirmed(Cause::shape(&error)),
            }),
            status if is_replay(&answer) => Err(Error::Unconfirmed(Cause::Stored(status))),
            status => Err(Error::Unconfirmed(Cause::Status(status))),
        }
    }

    /// Judges the response to a retry. A 429 says nothing about the first attempt: the limit is checked before the key.
    fn judge_repeat(
        &self,
        answer: Result<Response<Bytes>, transport::Error>,
    ) -> Result<Response<Bytes>, Error> {
        self.judge(answer).map_err(|error| match error {
            Error::RateLimited => Error::Unconfirmed(Cause::Status(StatusCode::TOO_MANY_REQUESTS)),
            error => error,
        })
    }

    /// Updates the circuit. Repeated failures of Stripe open it, a wrong key opens it at once. A missing permission
    /// concerns only one call.
    fn count(&self, error: Option<&Error>) {
        match error {
            Some(Error::Unauthorized(StatusCode::UNAUTHORIZED)) => {
                self.circuit.open(self.clock.now());
            }
            Some(Error::Unconfirmed(Cause::Transport(_))) => self.circuit.failed(self.clock.now()),
            Some(Error::Unconfirmed(Cause::Status(status))) if status.is_server_error() => {
                self.circuit.failed(self.clock.now());
            }
            _ => self.circuit.succeeded(),
        }
    }
}

/// A call, without the headers that every call carries.
pub(super) struct Call<'a> {
    method: Method,
    path: &'a str,
    idempotency_key: Option<&'a str>,
    content_type: &'static str,
    body: Bytes,
}

impl<'a> Call<'a> {
    pub(super) fn read(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            idempotency_key: None,
            content_type: FORM,
            body: Bytes::new(),
        }
    }

    pub(super) fn submit(path: &'a str, form: &[(&str, &str)], idempotency_key: &'a str) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        Self {
            method: Method::POST,
            path,
            idempotency_key: Some(idempotency_key),
            content_type: FORM,
            body: body.into(),
        }
    }

    /// The same call under another key.
    pub(super) fn with_key<'k>(&self, idempotency_key: &'k str) -> Call<'k>
    where
        'a: 'k,
    {
        Call {
            method: self.method.clone(),
            path: self.path,
            idempotency_key: Some(idempotency_key),
            content_type: self.content_type,
            body: self.body.clone(),
        }
    }

    /// A call of version 2 of the API, which takes JSON.
    pub(super) fn submit_json(path: &'a str, body: &Value, idempotency_key: &'a str) -> Self {
        Self {
            method: Method::POST,
            path,
            idempotency_key: Some(idempotency_key),
            content_type: "application/json",
            body: body.to_string().into(),
        }
    }
}

pub(super) fn parse<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, Error> {
    serde_json::from_slice(answer.body()).map_err(|error| Error::Unconfirmed(Cause::shape(&error)))
}

/// Returns Stripe's wish about a retry; None if it states none.
fn should_retry(answer: &Response<Bytes>) -> Option<bool> {
    let wish = answer.headers().get("stripe-should-retry")?.to_str().ok()?;
    wish.parse().ok()
}

/// Returns the wait after a failed attempt. It is half a second, then twice as long, with jitter.
fn pause_after(attempt: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(4));
    (longest * fastrand::u32(500..=1_000) / 1_000).max(FIRST_PAUSE)
}

impl Error {
    /// Returns whether the same call may succeed later. A timeout has used up the time, and a failure that Stripe keeps
    /// under the key stays.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unconfirmed(Cause::Transport(error)) => {
                !matches!(error, transport::Error::TimedOut)
            }
            Self::Unconfirmed(Cause::Status(_)) => true,
            _ => false,
        }
    }
}

/// Returns whether a response is a replay under the idempotency key.
pub(super) fn is_replay(answer: &Response<Bytes>) -> bool {
    answer
        .headers()
        .get("idempotent-replayed")
        .is_some_and(|value| value == "true")
}
