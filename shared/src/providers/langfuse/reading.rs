//! Reads back the traces that Langfuse has.
//!
//! Langfuse Cloud and a self-hosted version 4 in v4 write mode list a trace some time after they accepted it. Others
//! respond with 404 or 501, which proves nothing about any trace. Reads have a rate limit and a circuit of their own.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::{Error, Langfuse, count, judge, trace_id};
use crate::process::clock;
use crate::process::telemetry::chain;
use crate::process::transport;
use crate::words::id::UsageId;

/// The number of traces per page: the most that Langfuse allows.
const PAGE: u32 = 1_000;

/// The maximum number of pages per query.
const MAX_PAGES: usize = 10;

/// The resolution of start times at Langfuse.
const RESOLUTION: SignedDuration = SignedDuration::from_millis(1);

/// The time range of the query that checks the keys; its result does not matter.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// The age up to which Langfuse certainly shows a trace. Its smallest plan shows 30 days and leaves out older ones.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(29 * 24);

/// A budget of reads.
#[derive(Debug)]
pub struct Reads(AtomicU32);

impl Reads {
    /// A budget of this many reads.
    pub const fn at_most(reads: u32) -> Self {
        Self(AtomicU32::new(reads))
    }

    /// Returns whether another read may be made.
    pub fn are_left(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Ends all reads, since Langfuse limits their rate.
    fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Takes one read from the budget; returns false if none is left.
    fn take(&self) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        taken.is_ok()
    }
}

/// A page of observations, with only the members that Sparks uses.
#[derive(Deserialize)]
struct Page {
    data: Vec<Observation>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Observation {
    /// None for an observation that another client wrote without a trace.
    trace_id: Option<String>,
    start_time: Timestamp,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Health {
    version: String,
}

/// The traces that Langfuse has of a time range.
#[derive(Debug)]
pub struct Traced {
    pub(super) traces: HashSet<String>,
    /// The time range for which the traces are complete.
    pub(super) complete: Range<Timestamp>,
}

impl Traced {
    /// Returns whether the trace of a usage is there. None if the read neither saw it nor covered its time.
    pub fn has(&self, usage: &UsageId, occurred_at: Timestamp) -> Option<bool> {
        if self.traces.contains(&trace_id(usage.as_str())) {
            return Some(true);
        }
        self.complete.contains(&occurred_at).then_some(false)
    }
}

/// Returns whether every plan of Langfuse shows traces of this time. Older traces may exist without being shown.
pub fn is_shown(occurred_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(occurred_at) < SHOWN_FOR
}

impl Langfuse {
    /// Reads the traces of usages that occurred in a time range, latest first. The range counts to the millisecond.
    ///
    /// If there are more than the maximum number of pages, or a later page fails, the earliest are left out.
    /// <https://api.reference.langfuse.com/#tag/observationsv2>
    pub async fn traced(
        &self,
        times: RangeInclusive<Timestamp>,
        reads: &Reads,
        timeout: Duration,
    ) -> Result<Traced, Error> {
        let started = self.clock.now();
        let times = *times.start()..behind(*times.end());
        let mut traces = HashSet::new();
        let mut last = times.end;
        let mut cursor = String::new();
        for page in 0..MAX_PAGES {
            let left = timeout.saturating_sub(clock::until(self.clock.now(), started));
            let listed = match self.list(&times, &cursor, reads, left).await {
                Ok(listed) => listed,
                Err(error) if page == 0 => return Err(error),
                Err(error) => {
                    warn!(error = chain(&error), "langfuse listed only some traces");
                    break;
                }
            };
            for observation in listed.data {
                if observation.start_time > last {
                    // An unordered page proves nothing about the pages that follow.
                    return Err(Error::Failed(StatusCode::OK));
                }
                last = observation.start_time;
                traces.extend(observation.trace_id);
            }
            let Some(next) = listed.meta.cursor else {
                let complete = times;
                return Ok(Traced { traces, complete });
            };
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            cursor = format!("&cursor={next}");
        }
        // Others may have begun in the same millisecond as the last one.
        let complete = behind(last).min(times.end)..times.end;
        Ok(Traced { traces, complete })
    }

    /// Returns whether Langfuse has the trace of one usage.
    pub async fn has(
        &self,
        usage: &UsageId,
        occurred_at: Timestamp,
        reads: &Reads,
        timeout: Duration,
    ) -> Result<bool, Error> {
        let times = occurred_at..behind(occurred_at);
        let only = format!("&traceId={}", trace_id(usage.as_str()));
        let listed = self.list(&times, &only, reads, timeout).await?;
        Ok(!listed.data.is_empty())
    }

    async fn list(
        &self,
        times: &Range<Timestamp>,
        more: &str,
        reads: &Reads,
        timeout: Duration,
    ) -> Result<Page, Error> {
        if self.reading.is_open(self.clock.now()) || !reads.take() {
            return Err(Error::Skipped);
        }
        let path = format!(
            "/api/public/v2/observations?fields=core&limit={PAGE}&environment={}\
             &fromStartTime={:.3}&toStartTime={:.3}{more}",
            self.environment, times.start, times.end
        );
        let page = self.read(&path, timeout).await;
        count(&self.reading, page.as_ref().err(), self.clock.now());
        if let Err(Error::RateLimited) = page {
            reads.end();
        }
        page
    }

    /// Checks that Langfuse accepts the keys. Reads an observation of the last hour, which changes nothing.
    pub async fn check(&self, timeout: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        let from = now.saturating_sub(LOOK_BACK).unwrap_or(now);
        let path =
            format!("/api/public/v2/observations?fields=core&limit=1&fromStartTime={from:.3}");
        self.read(&path, timeout).await.map(|Page { .. }| ())
    }

    /// Reads the version of Langfuse.
    pub async fn version(&self, timeout: Duration) -> Result<String, Error> {
        let health: Health = self.read("/api/public/health", timeout).await?;
        Ok(health.version)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, timeout: Duration) -> Result<T, Error> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}{path}", self.host))
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .header(
                header::USER_AGENT,
                concat!("sparks/", env!("CARGO_PKG_VERSION")),
            )
            .body(Bytes::new())
            .map_err(|error| Error::NotSent(transport::Error::NotSent(error.into())))?;
        let answer = self.transport.send(request, timeout).await;
        let body = answer.as_ref().map(|answer| answer.body().clone()).ok();
        judge(answer.map(|answer| answer.status())).map_err(of_read)?;
        let body = body.unwrap_or_default();
        serde_json::from_slice(&body).map_err(|_| Error::Failed(StatusCode::OK))
    }
}

/// Maps a refused read to an error of its own. This Langfuse cannot list its traces, which proves nothing about them.
fn of_read(error: Error) -> Error {
    match error {
        Error::Refused(status) | Error::NotFound(status) => Error::Unreadable(status),
        Error::Failed(StatusCode::NOT_IMPLEMENTED) => {
            Error::Unreadable(StatusCode::NOT_IMPLEMENTED)
        }
        error => error,
    }
}

/// The first later time that Langfuse can distinguish from this one.
fn behind(time: Timestamp) -> Timestamp {
    time.saturating_add(RESOLUTION).unwrap_or(Timestamp::MAX)
}
