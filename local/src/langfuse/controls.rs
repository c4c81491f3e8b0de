//! Endpoints that only the fake has, under `/_local`. They are its state, its settings, and changes to its spans.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::attributes::Attributes;
use super::span::Span;
use super::{Langfuse, refuse, unkept};
use crate::http::{self as server, Request, Response};

const STATE: &str = "/_local/state";
const SETTINGS: &str = "/_local/settings";
const OBSERVATIONS: &str = "/_local/observations";

/// An observation without a trace, as older ways of writing leave it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traceless {
    start_time: jiff::Timestamp,
    environment: String,
}

impl Langfuse {
    /// Handles a request under `/_local`.
    pub(super) fn control(&self, request: &Request) -> Response {
        let path = request.uri().path();
        let trace = path
            .strip_prefix(OBSERVATIONS)
            .and_then(|rest| rest.strip_prefix('/'));
        match (request.method(), path, trace) {
            (&Method::GET, STATE, _) => server::json(StatusCode::OK, &self.state()),
            (&Method::GET, SETTINGS, _) => server::json(StatusCode::OK, &json!(self.settings())),
            (&Method::POST, SETTINGS, _) => match self.settings().with(request.body()) {
                Ok(settings) => {
                    self.set(settings);
                    server::json(StatusCode::OK, &json!(settings))
                }
                Err(error) => refuse(StatusCode::BAD_REQUEST, "message", &error.to_string()),
            },
            (&Method::POST, OBSERVATIONS, _) => self.add_traceless(request.body()),
            (&Method::DELETE, _, Some(trace)) => self.lose(trace),
            _ => {
                let message = format!("this fake has no `{path}`");
                refuse(StatusCode::NOT_FOUND, "message", &message)
            }
        }
    }

    fn add_traceless(&self, body: &[u8]) -> Response {
        let bad = |message: &str| refuse(StatusCode::BAD_REQUEST, "message", message);
        let given: Traceless = match serde_json::from_slice(body) {
            Ok(given) => given,
            Err(error) => return bad(&error.to_string()),
        };
        let start = given.start_time.as_nanosecond().to_string();
        let value = json!({ "stringValue": given.environment });
        let span = json!({
            "spanId": format!("{:016x}", given.start_time.as_millisecond()),
            "name": "of no trace",
            "startTimeUnixNano": start,
            "endTimeUnixNano": start,
            "attributes": [{ "key": "langfuse.environment", "value": value }],
        });
        let mut span = match Span::read(&span, &Attributes::default()) {
            Ok(span) => span,
            Err(error) => return bad(&error),
        };
        span.taken_at = Some(self.clock.now());
        match self.lock().spans.add(vec![span]) {
            Ok(()) => server::json(StatusCode::OK, &json!({ "added": 1 })),
            Err(error) => unkept(&error),
        }
    }

    /// Removes the spans of a trace.
    fn lose(&self, trace_id: &str) -> Response {
        match self.lock().spans.lose(trace_id) {
            Ok(0) => refuse(StatusCode::NOT_FOUND, "message", "there is no such trace"),
            Ok(lost) => {
                let body = json!({ "trace_id": trace_id, "removed": lost });
                server::json(StatusCode::OK, &body)
            }
            Err(error) => unkept(&error),
        }
    }
}
