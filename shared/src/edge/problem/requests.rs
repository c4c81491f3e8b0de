//! Maps requests that cannot be read, callers without the right, and invalid usages to problems.

use http::StatusCode;

use super::Problem;
use crate::edge::request;
use crate::usage::{Invalid, Rule};
use crate::words::identity;

impl From<request::Error> for Problem {
    fn from(error: request::Error) -> Self {
        match error {
            request::Error::TooLarge { limit } => {
                let detail = format!("The body is larger than {limit} bytes.");
                Self::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    "Body too large",
                    detail,
                )
            }
            request::Error::NotJson(detail) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_json",
                "Invalid JSON",
                detail,
            ),
            request::Error::NotOfSchema { field, detail } => Self::invalid(&field, &detail),
            request::Error::KeyRequired => {
                let detail = "Send an `Idempotency-Key` header, so that a retry is charged once.";
                let title = "Idempotency key required";
                Self::new(
                    StatusCode::BAD_REQUEST,
                    "idempotency_key_required",
                    title,
                    detail,
                )
                .with("field", "Idempotency-Key")
            }
            request::Error::KeyInvalid(rule) => Self::invalid("Idempotency-Key", &rule),
        }
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        let (status, code, title, detail) = match error {
            identity::Error::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "Unauthenticated",
                "Send a valid bearer token.",
            ),
            identity::Error::AccountInvalid => {
                let detail = "The token's account claim is missing, or is not 1 to 128 visible ASCII characters other than `#`.";
                (
                    StatusCode::FORBIDDEN,
                    "account_invalid",
                    "Account invalid",
                    detail,
                )
            }
            identity::Error::AccountForbidden => {
                let detail =
                    "The token belongs to another account. Omit `account_id` to act for its own.";
                (
                    StatusCode::FORBIDDEN,
                    "account_forbidden",
                    "Account forbidden",
                    detail,
                )
            }
            identity::Error::ServiceForbidden => (
                StatusCode::FORBIDDEN,
                "service_forbidden",
                "Service forbidden",
                "A service cannot pay for an account. Use a token of the account itself.",
            ),
            identity::Error::AccountIdRequired => {
                let detail = "A service must name the account it acts for in `account_id`.";
                (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "account_id_required",
                    "Account id required",
                    detail,
                )
            }
        };
        let problem = Self::new(status, code, title, detail);
        if code == "account_id_required" {
            problem.with("field", "account_id")
        } else {
            problem
        }
    }
}

impl From<Invalid> for Problem {
    fn from(
        Invalid {
            rule,
            field,
            detail,
        }: Invalid,
    ) -> Self {
        let (code, title) = match rule {
            Rule::Schema | Rule::Key => return Self::invalid(&field, &detail),
            Rule::Meter => ("unknown_meter", "Unknown meter"),
            Rule::Quantity => ("invalid_quantity", "Invalid quantity"),
            Rule::Model => ("unknown_model", "Unknown model"),
            Rule::Window => ("occurred_at_out_of_window", "Outside the time window"),
        };
        let detail = format!("`{field}` {detail}.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail).with("field", field)
    }
}
