//! Takes requests apart: bodies, keys and deadlines, each with its limit.

use http::{HeaderMap, header};
use jiff::Timestamp;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::id::IdempotencyKey;

/// The largest body of a usage route, in bytes.
pub const MAX_USAGE_BODY: usize = 1 << 20;

/// Why a request cannot be read.
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
    /// The body is JSON, but not of the schema.
    #[error("the body is not of the schema")]
    NotOfSchema {
        /// The field.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no `Idempotency-Key`.
    #[error("there is no idempotency key")]
    KeyRequired,
    /// The `Idempotency-Key` is not one.
    #[error("the idempotency key is not one")]
    KeyInvalid(String),
}

/// Reads a JSON body of at most `limit` bytes.
pub fn body<T: DeserializeOwned>(request: &Request, limit: usize) -> Result<T, Error> {
    let bytes = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    };
    if bytes.len() > limit {
        return Err(Error::TooLarge { limit });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::NotJson("The body is not UTF-8.".into()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        schema_error(field, error.inner())
    })?;
    deserializer
        .end()
        .map_err(|error| schema_error(".".into(), &error))?;
    Ok(parsed)
}

fn schema_error(field: String, error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Data => {
            let detail = error.to_string();
            // The position says nothing beside the field.
            let detail = detail.split(" at line ").next().unwrap_or_default();
            let field = if field == "." {
                "body".to_owned()
            } else {
                field
            };
            Error::NotOfSchema {
                field,
                detail: format!("is refused: {detail}"),
            }
        }
        Category::Syntax | Category::Eof | Category::Io => {
            let (line, column) = (error.line(), error.column());
            Error::NotJson(format!(
                "The body is not JSON: see line {line}, column {column}."
            ))
        }
    }
}

/// Reads a parameter of the query.
pub fn query<T>(field: &str, text: &str) -> Result<T, Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| Error::NotOfSchema {
        field: field.to_owned(),
        detail: error.to_string(),
    })
}

/// Reads the required `Idempotency-Key`.
pub fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Error> {
    let value = headers.get("idempotency-key").ok_or(Error::KeyRequired)?;
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    text.parse()
        .map_err(|error: crate::id::ParseError| Error::KeyInvalid(error.to_string()))
}

/// The API Gateway's id of a request, which the answer and the log carry.
pub fn id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(lambda_http::request::RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// When Lambda ends this invocation.
pub fn deadline(request: &Request) -> Option<Timestamp> {
    let deadline_ms = request.lambda_context_ref()?.deadline;
    Timestamp::from_millisecond(i64::try_from(deadline_ms).ok()?).ok()
}

/// A JSON answer.
///
/// # Panics
/// When a value cannot be JSON, which no answer of ours can bring about.
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
