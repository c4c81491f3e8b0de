//! Parses requests: routes, bodies, keys and deadlines, each with its limit.

mod json;

use std::collections::HashMap;

use http::{HeaderMap, header};
use jiff::Timestamp;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::process::telemetry::TraceContext;
use crate::words::id::{AccountId, IdempotencyKey};

pub use json::json;

/// The largest body of a usage route, in bytes. It is the largest event that Lambda accepts, so the gateway refuses
/// larger ones first.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_USAGE_BODY: usize = 6 << 20;

/// The largest body of a webhook, in bytes.
pub const MAX_WEBHOOK_BODY: usize = 1 << 20;

/// The largest body of every other route, in bytes.
pub const MAX_BODY: usize = 1 << 16;

/// The reason why a request cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The body is larger than `limit` bytes.
    #[error("the body is too large")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is not JSON in UTF-8.
    #[error("the body is not JSON")]
    NotJson(String),
    /// The body is JSON, but does not match the schema.
    #[error("the body does not match the schema")]
    NotOfSchema {
        /// The field.
        field: String,
        /// The fault in it.
        detail: String,
    },
    /// There is no `Idempotency-Key`.
    #[error("there is no idempotency key")]
    KeyRequired,
    /// The `Idempotency-Key` is malformed.
    #[error("the idempotency key is malformed")]
    KeyInvalid(String),
}

/// Returns the bytes of a body as sent, at most `limit`.
pub fn raw_body(request: &Request, limit: usize) -> Result<&[u8], Error> {
    let bytes = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    };
    if bytes.len() > limit {
        return Err(Error::TooLarge { limit });
    }
    Ok(bytes)
}

/// Reads a JSON body of at most `limit` bytes.
pub fn body<T: DeserializeOwned>(request: &Request, limit: usize) -> Result<T, Error> {
    json(raw_body(request, limit)?)
}

/// Refuses a body with content, for a route without a body. An empty object has no content.
pub fn no_body(request: &Request) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    let bytes = raw_body(request, MAX_BODY)?;
    if json::without_mark(bytes).is_empty() {
        return Ok(());
    }
    json(bytes).map(|Nothing {}| ())
}

/// The query of a route with no parameter but the account, for services.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountQuery {
    /// The account.
    pub account_id: Option<AccountId>,
}

/// Reads the query's parameters, each of which is a text and may occur once.
pub fn query<T: DeserializeOwned>(request: &Request) -> Result<T, Error> {
    let mut parameters = Map::new();
    let given = request.query_string_parameters_ref();
    for (name, value) in given.into_iter().flat_map(QueryMap::iter) {
        let before = parameters.insert(name.to_owned(), Value::from(value));
        if before.is_some() {
            return Err(Error::NotOfSchema {
                field: name.to_owned(),
                detail: "must occur only once".to_owned(),
            });
        }
    }
    serde_path_to_error::deserialize(Value::Object(parameters)).map_err(|error| {
        let field = error.path().to_string();
        json::not_of_schema(field, error.inner())
    })
}

/// Reads the required `Idempotency-Key`.
pub fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Error> {
    let value = headers.get("idempotency-key").ok_or(Error::KeyRequired)?;
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    text.parse()
        .map_err(|error: crate::words::id::ParseError| Error::KeyInvalid(error.to_string()))
}

/// Returns API Gateway's id of a request, which the response and the log carry.
pub fn id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Returns the claims that the gateway's authorizer has verified; None without an authorizer.
pub(super) fn claims(request: &Request) -> Option<&HashMap<String, String>> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            let authorizer = context.authorizer.as_ref()?;
            Some(&authorizer.jwt.as_ref()?.claims)
        }
        _ => None,
    }
}

/// Returns the route of a request as `template.yaml` writes it, such as `POST /v1/usage`. Empty if the event has none.
///
/// API Gateway has matched it. The path is no substitute: behind a custom domain it begins with that domain's base
/// path.
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or(""),
        _ => "",
    }
}

/// Returns the part of the path that the route has in braces, such as `session_id`. API Gateway has decoded it.
pub fn path_parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.path_parameters_ref()?.first(name)
}

/// Returns the trace context of a request: Lambda's, the request's own, or none.
pub fn trace_context(request: &Request) -> TraceContext {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        value.to_str().ok()
    };
    let context = request.lambda_context_ref();
    let xray = context.and_then(|context| context.xray_trace_id.as_deref());
    TraceContext::new(
        xray.or_else(|| header("x-amzn-trace-id")),
        header("traceparent"),
    )
}

/// Returns the time at which Lambda ends this invocation.
pub fn deadline(request: &Request) -> Option<Timestamp> {
    let deadline_ms = request.lambda_context_ref()?.deadline;
    Timestamp::from_millisecond(i64::try_from(deadline_ms).ok()?).ok()
}

/// Makes a JSON response.
///
/// # Panics
/// If a value cannot be JSON, which no response of ours can cause.
pub fn answer(status: http::StatusCode, value: &impl Serialize) -> Response<Body> {
    let json =
        serde_json::to_string(value).expect("answers have text keys and no failing serializer");
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let json_type = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, json_type);
    response
}

/// The header of a response that repeats an earlier one.
const REPLAYED: &str = "idempotent-replayed";

/// Marks a response that repeats an earlier one.
pub fn mark_replayed(answer: &mut Response<Body>) {
    let name = http::HeaderName::from_static(REPLAYED);
    let value = http::HeaderValue::from_static("true");
    answer.headers_mut().insert(name, value);
}

/// Returns whether a response repeats an earlier one.
pub(crate) fn is_replayed(answer: &Response<Body>) -> bool {
    answer.headers().contains_key(REPLAYED)
}
