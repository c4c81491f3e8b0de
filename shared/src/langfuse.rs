//! Langfuse: one span per usage, sent as OTLP/HTTP JSON and confirmed by the status of the answer.
//!
//! Langfuse does not deduplicate: ids and start time derive from the entry, and a trace is sent again only
//! after a proven failure. <https://langfuse.com/faq/all/tracing-data-updates>

mod otlp;
mod span;

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::warn;

use crate::circuit::Circuit;
use crate::clock::{self, Clock};
use crate::config::LangfuseAccess;
use crate::id::UsageId;
use crate::telemetry::{self, Step, chain};
use crate::transport::{self, Transport};

pub use span::{Content, MAX_CONTENT_BYTES, Trace, trace_id};

/// How many traces are read at once: as many as Langfuse gives.
const PAGE: u32 = 1_000;

/// How many pages are read through for one question.
const MAX_PAGES: usize = 10;

/// To what Langfuse keeps the time at which something began.
const RESOLUTION: SignedDuration = SignedDuration::from_millis(1);

/// How far back a look at the keys goes: it is not about what is found.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// A page of observations, as far as it is of interest.
#[derive(Deserialize)]
struct Page {
    data: Vec<Observation>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Observation {
    trace_id: String,
    start_time: Timestamp,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    cursor: Option<String>,
}

/// What Langfuse has of some time.
#[derive(Debug)]
pub struct Traced {
    traces: HashSet<String>,
    /// Of when these are all there are.
    complete: Range<Timestamp>,
}

impl Traced {
    /// Whether the trace of a usage is there; nothing where it is not among what was read, and not all was.
    pub fn has(&self, usage: &UsageId, occurred_at: Timestamp) -> Option<bool> {
        if self.traces.contains(&trace_id(usage.as_str())) {
            return Some(true);
        }
        self.complete.contains(&occurred_at).then_some(false)
    }
}

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
}

/// Why Langfuse did not confirm.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent: Langfuse has failed repeatedly and is left alone for now.
    #[error("langfuse is left alone after repeated failures")]
    Skipped,
    /// Nothing was stored: no connection came up.
    #[error("langfuse could not be reached")]
    NotSent(#[source] transport::Error),
    /// Nothing was stored: too many calls. Try later.
    #[error("langfuse has too many calls")]
    RateLimited,
    /// Nothing was stored: the keys are wrong or suspended. An operator has to mend it.
    #[error("langfuse refused the keys with status {0}")]
    Unauthorized(StatusCode),
    /// Nothing was stored: the request is wrong as a whole and will not succeed as it is.
    #[error("langfuse refused the request with status {0}")]
    Refused(StatusCode),
    /// The answer was lost: it may be stored.
    #[error("langfuse did not answer")]
    Lost(#[source] transport::Error),
    /// Langfuse failed: it may be stored.
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
        }
    }

    /// Sends traces in one export, which Langfuse takes or refuses as a whole.
    pub async fn record(&self, traces: &[Trace<'_>], timeout: Duration) -> Result<(), Error> {
        if self.circuit.is_open(self.clock.now()) {
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
        self.count(outcome.as_ref().err());
        outcome
    }

    /// Which traces Langfuse has whose usage occurred at these times, to the millisecond, the last first.
    ///
    /// Where there are more of them than are read through, or a page does not come, the earliest are left out.
    /// <https://api.reference.langfuse.com/#tag/observationsv2>
    pub async fn traced(
        &self,
        times: RangeInclusive<Timestamp>,
        timeout: Duration,
    ) -> Result<Traced, Error> {
        let started = self.clock.now();
        let times = *times.start()..behind(*times.end());
        let mut traces = HashSet::new();
        let mut last = times.end;
        let mut cursor = String::new();
        for page in 0..MAX_PAGES {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            let listed = match self.list(&times, &cursor, left).await {
                Ok(listed) => listed,
                Err(error) if page == 0 => return Err(error),
                Err(error) => {
                    warn!(error = chain(&error), "langfuse did not tell all");
                    break;
                }
            };
            for observation in listed.data {
                if observation.start_time > last {
                    // What comes later would say nothing of what has not come.
                    return Err(Error::Failed(StatusCode::OK));
                }
                last = observation.start_time;
                traces.insert(observation.trace_id);
            }
            let Some(next) = listed.meta.cursor else {
                let complete = times;
                return Ok(Traced { traces, complete });
            };
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            cursor = format!("&cursor={next}");
        }
        // Others may have begun in the millisecond of the last one.
        let complete = behind(last).min(times.end)..times.end;
        Ok(Traced { traces, complete })
    }

    /// Whether Langfuse has the trace of one usage.
    pub async fn has(
        &self,
        usage: &UsageId,
        occurred_at: Timestamp,
        timeout: Duration,
    ) -> Result<bool, Error> {
        let times = occurred_at..behind(occurred_at);
        let only = format!("&traceId={}", trace_id(usage.as_str()));
        let listed = self.list(&times, &only, timeout).await?;
        Ok(!listed.data.is_empty())
    }

    async fn list(
        &self,
        times: &Range<Timestamp>,
        more: &str,
        timeout: Duration,
    ) -> Result<Page, Error> {
        if self.circuit.is_open(self.clock.now()) {
            return Err(Error::Skipped);
        }
        let uri = format!(
            "{}/api/public/v2/observations?fields=core&limit={PAGE}&environment={}\
             &fromStartTime={:.3}&toStartTime={:.3}{more}",
            self.host, self.environment, times.start, times.end
        );
        let page = self.page(&uri, timeout).await;
        self.count(page.as_ref().err());
        page
    }

    /// Whether Langfuse takes the keys: reads an observation of the last hour, which changes nothing.
    pub async fn check(&self, timeout: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        let from = now.saturating_sub(LOOK_BACK).unwrap_or(now);
        let uri = format!(
            "{}/api/public/v2/observations?fields=core&limit=1&fromStartTime={from:.3}",
            self.host
        );
        self.page(&uri, timeout).await.map(drop)
    }

    async fn page(&self, uri: &str, timeout: Duration) -> Result<Page, Error> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(uri)
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .header(
                header::USER_AGENT,
                concat!("sparks/", env!("CARGO_PKG_VERSION")),
            )
            .body(Bytes::new())
            .map_err(|error| Error::NotSent(transport::Error::NotSent(error.into())))?;
        let answer = self.transport.send(request, timeout).await;
        let body = answer.as_ref().map(|answer| answer.body().clone()).ok();
        judge(answer.map(|answer| answer.status()))?;
        let body = body.unwrap_or_default();
        serde_json::from_slice(&body).map_err(|_| Error::Failed(StatusCode::OK))
    }

    /// Keeps the circuit: failures open it after a while, wrong keys and rate limits at once.
    fn count(&self, error: Option<&Error>) {
        let now = self.clock.now();
        match error {
            Some(Error::Unauthorized(_) | Error::RateLimited) => self.circuit.open(now),
            Some(Error::NotSent(_) | Error::Lost(_) | Error::Failed(_)) => self.circuit.failed(now),
            Some(Error::Refused(_) | Error::Skipped) | None => self.circuit.succeeded(),
        }
    }
}

/// The first time after another one that Langfuse can tell from it.
fn behind(time: Timestamp) -> Timestamp {
    time.saturating_add(RESOLUTION).unwrap_or(Timestamp::MAX)
}

fn judge(answer: Result<StatusCode, transport::Error>) -> Result<(), Error> {
    match answer {
        Ok(StatusCode::OK) => Ok(()),
        Ok(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
            Err(Error::Unauthorized(status))
        }
        Ok(StatusCode::TOO_MANY_REQUESTS) => Err(Error::RateLimited),
        Ok(status) if status.is_client_error() => Err(Error::Refused(status)),
        Ok(status) => Err(Error::Failed(status)),
        Err(error @ transport::Error::NotSent(_)) => Err(Error::NotSent(error)),
        Err(error) => Err(Error::Lost(error)),
    }
}

#[cfg(test)]
mod tests;
