//! Stripe's errors: `{"error":{"type","code","message","param","doc_url"}}`.

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::version::{API_VERSION, is_v2};
use crate::faults::Firing;
use crate::http::{Response, json as json_response, text};

/// The result of an operation. It is an object as Stripe shows it, unless `T` is something else.
pub(crate) type Result<T = Value> = std::result::Result<T, Error>;

/// An error response.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    stored: bool,
}

const INVALID: &str = "invalid_request_error";
const IDEMPOTENCY: &str = "idempotency_error";

impl Error {
    /// The call is wrong, and nothing was executed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: INVALID,
            code: None,
            message: message.into(),
            param: None,
            headers: Vec::new(),
            stored: false,
        }
    }

    /// A parameter is wrong, and nothing was executed.
    pub(crate) fn param(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            param: Some(param.to_owned()),
            ..Self::invalid(message)
        }
    }

    /// A required parameter is missing.
    pub(crate) fn missing(param: &str) -> Self {
        let message = format!("Missing required param: {param}.");
        Self::param("parameter_missing", param, message)
    }

    /// No object has this id. That is a 404 if the id is in the path, a 400 if it is a parameter.
    pub(crate) fn no_such(object: &str, param: &str, id: &str) -> Self {
        let message = format!("No such {object}: '{id}'");
        let mut error = Self::param("resource_missing", param, message).executed();
        if param == "id" {
            error.status = StatusCode::NOT_FOUND;
        }
        error
    }

    /// No operation has this URL.
    pub(crate) fn unknown_url(method: &Method, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs \
             or we can help at https://support.stripe.com/."
        );
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::invalid(message)
        }
    }

    /// The key is missing or wrong.
    pub(crate) fn unauthenticated(message: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            headers: header("www-authenticate", "Basic realm=\"Stripe\""),
            ..Self::invalid(message)
        }
    }

    /// The version is not the one that Sparks is written for. Stripe itself would accept others.
    pub(crate) fn version(given: &str) -> Self {
        Self::invalid(format!(
            "Invalid Stripe API version: `{given}`. This fake accepts `{API_VERSION}` only, \
             and wants it on every call."
        ))
    }

    /// The idempotency key was used for another call.
    pub(crate) fn key_reused(key: &str) -> Self {
        Self {
            kind: IDEMPOTENCY,
            ..Self::invalid(format!(
                "Keys for idempotent requests can only be used with the same parameters they were \
                 first used with. Try using a key other than '{key}' if you meant to execute a \
                 different request."
            ))
        }
    }

    /// The first call with this idempotency key is still in progress.
    pub(crate) fn key_in_use(key: &str) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            kind: IDEMPOTENCY,
            code: Some("idempotency_key_in_use"),
            headers: header("stripe-should-retry", "true"),
            ..Self::invalid(format!(
                "There is currently another in-progress request using this Idempotent Key \
                 ('{key}'). Please try again later."
            ))
        }
    }

    /// Another call for the same customer and meter is in progress. It is kept under no key.
    ///
    /// A lock timeout is not a rate limit, so there is no header with a reason.
    /// <https://docs.stripe.com/rate-limits#object-lock-timeouts>
    pub(crate) fn busy() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: Some("lock_timeout"),
            headers: header("stripe-should-retry", "true"),
            ..Self::invalid(
                "This object cannot be accessed right now because another API request or Stripe \
                 process is currently accessing it. If you see this error intermittently, retry \
                 the request. If you see this error frequently and are making multiple concurrent \
                 requests to a single object, make your requests serially or at a lower rate.",
            )
        }
    }

    /// Too many calls in this second. It is kept under no key.
    pub(crate) fn rate_limited(reason: &'static str) -> Self {
        Self {
            headers: header("stripe-rate-limited-reason", reason),
            ..Self::fault(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    /// The error of a `code:…` fault: a 400, as some of Stripe's systems return.
    ///
    /// Stripe's own libraries treat a 400 with `rate_limit` like a 429.
    pub(crate) fn coded(code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..Self::invalid("This error was injected.")
        }
    }

    /// The error of a `status:N` fault.
    pub(crate) fn fault(status: StatusCode) -> Self {
        let (kind, code, message) = match status.as_u16() {
            402 => (
                "card_error",
                Some("card_declined"),
                "Your card was declined.",
            ),
            409 => (INVALID, Some("lock_timeout"), "This object is in use."),
            429 => (INVALID, Some("rate_limit"), "Too many requests."),
            500.. => (
                "api_error",
                None,
                "An unknown error occurred. This one was injected.",
            ),
            _ => (INVALID, None, "This error was injected."),
        };
        Self {
            status,
            kind,
            code,
            ..Self::invalid(message)
        }
    }

    /// The card is declined.
    pub(crate) fn declined() -> Self {
        Self::fault(StatusCode::PAYMENT_REQUIRED)
    }

    /// Returns the message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// A fault during execution; its response is kept under the idempotency key.
    pub(crate) fn of_execution(firing: &Firing) -> Self {
        let mut error = Self::fault(StatusCode::INTERNAL_SERVER_ERROR).executed();
        error.headers.clone_from(&firing.headers);
        error
    }

    /// The folder cannot be written.
    pub(crate) fn unkept(error: &std::io::Error) -> Self {
        let mut fault = Self::fault(StatusCode::INTERNAL_SERVER_ERROR);
        fault.message = format!("The folder of this fake cannot be written: {error}");
        fault
    }

    /// Marks the error as one of execution. So its response is kept under the idempotency key.
    pub(crate) fn executed(mut self) -> Self {
        self.stored = true;
        self
    }

    /// Returns whether the response is kept under the idempotency key.
    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    /// Returns the response to a call of this path, in its API version's shape.
    pub(crate) fn response_at(&self, path: &str) -> Response {
        if is_v2(path) && !matches!(self.status.as_u16(), 502..=504) {
            return self.response_of_v2();
        }
        self.response()
    }

    /// Returns the response in version 2, `{"error":{"code","message"}}`. Every error has a code.
    fn response_of_v2(&self) -> Response {
        let (kind, code) = match self.status.as_u16() {
            401 => (None, "unauthorized"),
            404 => (None, "not_found"),
            429 => (Some("rate_limit"), "rate_limit"),
            500.. => (Some("api_error"), "internal_error"),
            _ if self.kind == IDEMPOTENCY => (Some(IDEMPOTENCY), IDEMPOTENCY),
            _ => (None, "invalid_fields"),
        };
        let mut error = json!({ "code": code, "message": self.message });
        if let Some(kind) = kind {
            error["type"] = kind.into();
        }
        self.dressed(&error)
    }

    fn dressed(&self, error: &Value) -> Response {
        let mut response = json_response(self.status, &json!({ "error": error }));
        let headers = self.headers.iter().cloned();
        response.headers_mut().extend(headers);
        response
    }

    /// Returns the response. A 502 to 504 comes from a proxy and is not JSON, as at Stripe.
    pub(crate) fn response(&self) -> Response {
        if matches!(self.status.as_u16(), 502..=504) {
            return text(self.status, "upstream error\n");
        }
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            let page = code.replace('_', "-");
            error["code"] = code.into();
            error["doc_url"] = format!("https://stripe.com/docs/error-codes/{page}").into();
        }
        if let Some(param) = &self.param {
            error["param"] = Value::from(param.as_str());
        }
        self.dressed(&error)
    }
}

fn header(name: &'static str, value: &'static str) -> Vec<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_static(name);
    vec![(name, HeaderValue::from_static(value))]
}
