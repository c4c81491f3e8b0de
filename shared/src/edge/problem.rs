//! Every failure that a caller can see, as RFC 9457 problems.
//!
//! A 4xx says what to change. A 5xx reveals nothing internal; its causes are logged once, here.

mod payments;
mod requests;
mod subscriptions;

use http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde_json::{Map, Value, json};
use tracing::warn;

use crate::pricing::catalog;
use crate::process::telemetry;
use crate::process::telemetry::Metric;
use crate::reports::{balance, history};
use crate::words::sparks::Sparks;
use crate::{ledger, usage};

/// Seconds after which a request that found the system busy should be sent again.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A failure, as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
}

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            more: Map::new(),
        }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// The function has no such route.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Not found",
            "There is no such route.",
        )
    }

    /// The status and members of the answer to a batch's item, counted as a refusal.
    pub fn of_item(&self, page: Option<&str>) -> (u16, Map<String, Value>) {
        self.count();
        (self.status.as_u16(), self.members(page))
    }

    /// The status.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, which names the problem for programs.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// Counts a refusal. A request counts once; in a batch, each item that has this problem does.
    pub fn count(&self) {
        telemetry::count(Metric::Refusals(self.code), 1);
    }

    /// Returns the members of the problem's JSON object.
    ///
    /// With a page, the problem's heading there is its type.
    ///
    /// Without a page, the type is `about:blank`, whose title is the status phrase (RFC 9457, section 4.2.1).
    pub fn members(&self, page: Option<&str>) -> Map<String, Value> {
        let (kind, title) = match page {
            Some(page) => {
                let heading = self.code.replace('_', "-");
                (format!("{page}#{heading}"), self.title)
            }
            None => ("about:blank".to_owned(), phrase(self.status)),
        };
        let mut members = Map::new();
        members.insert("type".into(), json!(kind));
        members.insert("title".into(), json!(title));
        members.insert("status".into(), json!(self.status.as_u16()));
        members.insert("detail".into(), json!(self.detail));
        members.insert("code".into(), json!(self.code));
        members.extend(self.more.clone());
        members
    }

    /// Makes the response to the request with this id.
    pub(super) fn respond(&self, request_id: &str, page: Option<&str>) -> Response<Body> {
        let mut members = self.members(page);
        members.insert("request_id".into(), json!(request_id));
        let mut response = Response::new(Body::from(Value::Object(members).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ]
        .contains(&self.status)
        {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response
    }

    fn invalid(field: &str, detail: &str) -> Self {
        let detail = format!("`{field}` {detail}.");
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_request",
            "Invalid request",
            detail,
        )
        .with("field", field)
    }

    fn account_not_found() -> Self {
        let detail = "There is no such account. An account's own first request creates it.";
        Self::new(
            StatusCode::NOT_FOUND,
            "account_not_found",
            "Account not found",
            detail,
        )
        .with("field", "account_id")
    }

    fn key_reused() -> Self {
        let detail = "This idempotency key was used for another request. Nothing was written.";
        let title = "Idempotency key reused";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            title,
            detail,
        )
    }

    fn unavailable() -> Self {
        let detail = "The request may or may not have taken effect. Send it again, with the same key if it has one.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Temporarily unavailable",
            detail,
        )
    }

    fn too_many_requests() -> Self {
        let detail = "This account sends too many requests that cost it nothing. Nothing was written. Wait, and top up.";
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests",
            detail,
        )
    }

    fn internal() -> Self {
        let detail = "Something went wrong on our side.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            detail,
        )
    }
}

impl From<usage::Error> for Problem {
    fn from(error: usage::Error) -> Self {
        match error {
            usage::Error::AccountNotFound => Self::account_not_found(),
            usage::Error::InsufficientSparks {
                required,
                available,
            } => insufficient_sparks(required, available),
            usage::Error::KeyReused => Self::key_reused(),
            usage::Error::Invalid(invalid) => invalid.into(),
            usage::Error::Ledger(error) => error.into(),
            usage::Error::Unknown => Self::unavailable(),
        }
    }
}

impl From<balance::Error> for Problem {
    fn from(error: balance::Error) -> Self {
        match error {
            balance::Error::AccountNotFound => Self::account_not_found(),
            balance::Error::Ledger(error) => error.into(),
        }
    }
}

impl From<history::Error> for Problem {
    fn from(error: history::Error) -> Self {
        match error {
            history::Error::Invalid(invalid) => Self::invalid(invalid.field, &invalid.detail),
            history::Error::Account(error) => error.into(),
            history::Error::Ledger(error) => error.into(),
        }
    }
}

impl From<ledger::Error> for Problem {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Busy(_) => {
                warn!(error = telemetry::chain(&error), "the ledger was busy");
                Self::unavailable()
            }
            ledger::Error::TooMuch => Self::too_many_requests(),
            ledger::Error::Broken(_) | ledger::Error::Malformed(_) | ledger::Error::OutOfRange => {
                telemetry::failure(&error, "the ledger failed");
                Self::internal()
            }
        }
    }
}

/// Returns the status phrase of RFC 9110. The crate `http` has older phrases for two of them.
fn phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        status => status
            .canonical_reason()
            .expect("problems have registered statuses"),
    }
}

fn insufficient_sparks(required: Sparks, available: Sparks) -> Problem {
    let detail = format!(
        "The usage costs {required} Sparks and {available} are available. Top up and try again."
    );
    Problem::new(
        StatusCode::PAYMENT_REQUIRED,
        "insufficient_sparks",
        "Insufficient Sparks",
        detail,
    )
    .with("required", required.to_string())
    .with("available", available.to_string())
    .with("top_up_items", catalog::packs_covering(required, available))
}
