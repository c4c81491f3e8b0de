//! Langfuse: one span per usage, sent as OTLP/HTTP JSON. The status of the response confirms it.
//!
//! Langfuse does not deduplicate: ids and start time derive from the entry, and a trace is sent again only
//! after a proven failure. <https://langfuse.com/faq/all/tracing-data-updates>
//!
//! Every version accepts exports. Reading back needs Langfuse Cloud, or a self-hosted version 4 in v4 write mode.

mod labels;
mod otlp;
mod reading;
mod span;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};

use crate::process::clock::Clock;
use crate::process::config::LangfuseAccess;
use crate::process::telemetry::{self, Step};
use crate::process::transport::{self, Transport};
use crate::providers::circuit::Circuit;

pub use reading::{Reads, Traced, is_shown};
pub use span::{Content, MAX_CONTENT_BYTES, Trace, trace_id};

/// A client of Langfuse's OpenTelemetry endpoint.
#[derive(Debug)]
pub struct Langfuse {
    transport: Transport,
    endpoint: String,
    host: String,
    authorization: SecretString,
    environment: String,
    clock: Clock,
    circuit: Circuit,
    /// The circuit of reads. They have a rate limit of their own and may fail while exports succeed.
    reading: Circuit,
}

/// An export that is not confirmed, or a failed read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent: Langfuse has failed repeatedly, so calls are skipped for now.
    #[error("calls to langfuse are skipped after repeated failures")]
    Skipped,
    /// Nothing was stored: no connection was established.
    #[error("langfuse could not be reached")]
    NotSent(#[source] transport::Error),
    /// Nothing was stored: too many calls. Try later.
    #[error("langfuse limits the rate of calls")]
    RateLimited,
    /// Nothing was stored: the keys are wrong or suspended. An operator must fix them.
    #[error("langfuse refused the keys with status {0}")]
    Unauthorized(StatusCode),
    /// Nothing was stored. The request is wrong as a whole and will not succeed as it is.
    #[error("langfuse refused the request with status {0}")]
    Refused(StatusCode),
    /// Nothing was stored. The address was not found, for example while a proxy is deployed in front of it. Try later.
    #[error("langfuse was not found at its address: status {0}")]
    NotFound(StatusCode),
    /// This Langfuse cannot list its traces. It is version 3, or not in v4 write mode.
    #[error("langfuse cannot list its traces: status {0}")]
    Unreadable(StatusCode),
    /// The response was lost: the traces may be stored.
    #[error("langfuse did not answer")]
    Lost(#[source] transport::Error),
    /// Langfuse failed: the traces may be stored.
    #[error("langfuse failed with status {0}")]
    Failed(StatusCode),
}

impl Langfuse {
    /// A client for the given access. Spans carry `stage` as their environment.
    pub fn new(access: &LangfuseAccess, stage: &str, transport: &Transport, clock: &Clock) -> Self {
        let keys = format!(
            "{}:{}",
            access.public_key,
            access.secret_key.expose_secret()
        );
        Self {
            transport: transport.clone(),
            endpoint: format!("{}/api/public/otel/v1/traces", access.host),
            host: access.host.clone(),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(keys)).into(),
            environment: stage.to_owned(),
            clock: clock.clone(),
            circuit: Circuit::default(),
            reading: Circuit::default(),
        }
    }

    /// Returns whether exports are skipped for now, after repeated failures.
    pub fn is_left_alone(&self) -> bool {
        self.circuit.is_open(self.clock.now())
    }

    /// Sends traces in one export, which Langfuse accepts or refuses as a whole.
    pub async fn record(&self, traces: &[Trace<'_>], timeout: Duration) -> Result<(), Error> {
        if self.is_left_alone() {
            return Err(Error::Skipped);
        }
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint)
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("sparks/", env!("CARGO_PKG_VERSION")),
            )
            .header("x-langfuse-ingestion-version", "4")
            .header("x-langfuse-sdk-name", "sparks");
        if let Some(traceparent) = telemetry::traceparent() {
            request = request.header("traceparent", traceparent);
        }
        let request = request
            .body(Bytes::from(span::export(traces, &self.environment)))
            .map_err(|error| Error::NotSent(transport::Error::NotSent(error.into())))?;
        let answer = self.transport.send(request, timeout);
        let answer = telemetry::step(Step::Langfuse, answer).await;
        let outcome = judge(answer.map(|answer| answer.status()));
        count(&self.circuit, outcome.as_ref().err(), self.clock.now());
        outcome
    }
}

/// Updates a circuit. Repeated failures open it, wrong keys and rate limits open it at once.
fn count(circuit: &Circuit, error: Option<&Error>, now: jiff::Timestamp) {
    match error {
        Some(Error::Unauthorized(_) | Error::RateLimited) => circuit.open(now),
        Some(Error::NotSent(_) | Error::Lost(_) | Error::Failed(_) | Error::NotFound(_)) => {
            circuit.failed(now);
        }
        Some(Error::Refused(_) | Error::Unreadable(_) | Error::Skipped) | None => {
            circuit.succeeded();
        }
    }
}

/// Maps the response to an export to its outcome.
///
/// Only a status about the request itself refuses it for good. A 404 and its like come from something in front of
/// Langfuse that does not know the address. After a 408 or a 409, as after a failure, the traces may be stored.
fn judge(answer: Result<StatusCode, transport::Error>) -> Result<(), Error> {
    match answer {
        Ok(StatusCode::OK) => Ok(()),
        Ok(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
            Err(Error::Unauthorized(status))
        }
        Ok(StatusCode::TOO_MANY_REQUESTS) => Err(Error::RateLimited),
        Ok(
            status @ (StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY),
        ) => Err(Error::Refused(status)),
        Ok(
            status @ (StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::GONE
            | StatusCode::MISDIRECTED_REQUEST),
        ) => Err(Error::NotFound(status)),
        Ok(status) => Err(Error::Failed(status)),
        Err(error @ transport::Error::NotSent(_)) => Err(Error::NotSent(error)),
        Err(error) => Err(Error::Lost(error)),
    }
}

#[cfg(test)]
mod tests;
