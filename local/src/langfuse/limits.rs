//! Langfuse's rate limits. They are fixed windows of a minute, one for exports and one for everything else.
//!
//! <https://langfuse.com/faq/all/api-limits>

use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::http::{self as server, Response};

/// The smallest plan's limit of exports in a window.
pub(super) const EXPORTS: u32 = 1_000;

/// The smallest plan's limit of other calls in a window.
pub(super) const READS: u32 = 30;

const WINDOW: SignedDuration = SignedDuration::from_secs(60);

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A window of calls, which begins with the first one.
#[derive(Debug, Default)]
pub(super) struct Window {
    began: Option<Timestamp>,
    calls: u32,
}

impl Window {
    /// Counts a call. The error is the rest of the window if there were too many.
    pub(super) fn count(&mut self, now: Timestamp, limit: u32) -> Result<(), SignedDuration> {
        let passed = self.began.map(|began| now.duration_since(began));
        let left = passed.map(|passed| WINDOW - passed);
        let left = left.filter(SignedDuration::is_positive);
        if left.is_none() {
            (self.began, self.calls) = (Some(now), 0);
        }
        if self.calls >= limit {
            return Err(left.unwrap_or(WINDOW));
        }
        self.calls += 1;
        Ok(())
    }
}

/// Returns Langfuse's 429 at the beginning of a window.
pub(super) fn refusal(limit: u32, now: Timestamp) -> Response {
    refusal_for(limit, WINDOW, now)
}

/// Returns Langfuse's 429 with this much of its window left.
pub(super) fn refusal_for(limit: u32, left: SignedDuration, now: Timestamp) -> Response {
    let reset = now.saturating_add(left).unwrap_or(now);
    let reset = format!("{reset:.3}");
    // Whole seconds, rounded up, so that a retry after them succeeds.
    let seconds = (left.as_millis() + 999) / 1_000;
    let body = json!({
        "message": "Rate limit exceeded",
        "code": "rate_limited",
        "details": {
            "retryAfterSeconds": seconds,
            "limit": limit,
            "remaining": 0,
            "resetAt": reset,
        },
    });
    let mut response = server::json(StatusCode::TOO_MANY_REQUESTS, &body);
    let headers = response.headers_mut();
    headers.insert(REMAINING, 0.into());
    headers.insert(LIMIT, limit.into());
    let texts = [(header::RETRY_AFTER, seconds.to_string()), (RESET, reset)];
    for (name, text) in texts {
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(name, text);
        }
    }
    response
}
