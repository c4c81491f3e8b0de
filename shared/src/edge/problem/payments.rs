//! Maps failures of checkouts, payments and webhooks to problems.

use http::StatusCode;
use tracing::warn;

use super::Problem;
use crate::customers;
use crate::payments::checkout::{self, Invalid, Rule};
use crate::payments::field::Field;
use crate::payments::{invoice, payment, reversal, webhook};
use crate::process::telemetry;
use crate::providers::stripe::{self, Unverified};

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let Invalid {
            rule,
            field,
            detail,
        } = invalid;
        let (code, title) = match rule {
            Rule::Item => ("unknown_item", "Unknown item"),
            Rule::Quantity => ("invalid_quantity", "Invalid quantity"),
            Rule::Url => ("url_not_allowed", "Address not allowed"),
        };
        let detail = format!("`{field}` {detail}.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail).with("field", field)
    }
}

impl From<checkout::Error> for Problem {
    fn from(error: checkout::Error) -> Self {
        match error {
            checkout::Error::Invalid(invalid) => invalid.into(),
            checkout::Error::KeyReused => Self::key_reused(),
            checkout::Error::TooLate => {
                let detail = "This checkout was never opened and has expired. Nothing was paid. Use a new key.";
                Self::new(
                    StatusCode::CONFLICT,
                    "checkout_expired",
                    "Checkout expired",
                    detail,
                )
            }
            checkout::Error::AlreadySubscribed => {
                let detail = "The account already has a plan. Change or cancel it in the portal before buying another one.";
                Self::new(
                    StatusCode::CONFLICT,
                    "already_subscribed",
                    "Already subscribed",
                    detail,
                )
            }
            checkout::Error::NotFound => Self::session_not_found(),
            checkout::Error::Stripe(error) => error.into(),
            checkout::Error::Subscription(error) => error.into(),
            checkout::Error::Customer(error) => error.into(),
            checkout::Error::Ledger(error) => error.into(),
            checkout::Error::Payment(error) => error.into(),
        }
    }
}

impl From<payment::Error> for Problem {
    fn from(error: payment::Error) -> Self {
        match error {
            payment::Error::Stripe(error) => error.into(),
            payment::Error::Ledger(error) => error.into(),
            payment::Error::NoSession => {
                telemetry::failure(&error, "checkout session not found at stripe");
                Self::internal()
            }
            // Logged once, by the code that found it.
            payment::Error::Mismatch(field) => Self::payment_mismatch("session", field),
            payment::Error::Unknown(_) => {
                telemetry::failure(&error, "stripe returned an unknown value");
                Self::unavailable()
            }
            payment::Error::Invoice(error) => error.into(),
            payment::Error::NoOrder => {
                telemetry::failure(&error, "checkout session has no matching order");
                Self::unavailable()
            }
        }
    }
}

impl From<customers::Error> for Problem {
    fn from(error: customers::Error) -> Self {
        match error {
            customers::Error::Stripe(error) => error.into(),
            customers::Error::Ledger(error) => error.into(),
        }
    }
}

impl From<invoice::Error> for Problem {
    fn from(error: invoice::Error) -> Self {
        match error {
            invoice::Error::Stripe(error) => error.into(),
            invoice::Error::Ledger(error) => error.into(),
            invoice::Error::NoInvoice | invoice::Error::NoCustomer => {
                telemetry::failure(&error, "invoice or its customer not found");
                Self::unavailable()
            }
            // Logged once, by the code that found it.
            invoice::Error::Mismatch(field) => Self::payment_mismatch("invoice", field),
        }
    }
}

impl From<reversal::Error> for Problem {
    fn from(error: reversal::Error) -> Self {
        match error {
            reversal::Error::Stripe(error) => error.into(),
            reversal::Error::Ledger(error) => error.into(),
            reversal::Error::Payment(error) => error.into(),
            reversal::Error::Invoice(error) => error.into(),
            reversal::Error::NotThere => {
                telemetry::failure(&error, "refund, dispute or payment not found at stripe");
                Self::unavailable()
            }
        }
    }
}

impl From<stripe::Error> for Problem {
    fn from(error: stripe::Error) -> Self {
        match error {
            // Stripe has responded, but the response has an unknown shape.
            stripe::Error::Unconfirmed(stripe::Cause::Shape(_)) => {
                telemetry::failure(&error, "stripe sent an unknown response");
                Self::unavailable()
            }
            stripe::Error::Skipped | stripe::Error::RateLimited | stripe::Error::Unconfirmed(_) => {
                warn!(error = telemetry::chain(&error), "stripe did not answer");
                Self::unavailable()
            }
            stripe::Error::Unauthorized(_) | stripe::Error::Refused(_) => {
                telemetry::failure(&error, "stripe refused");
                Self::internal()
            }
        }
    }
}

impl From<Unverified> for Problem {
    fn from(error: Unverified) -> Self {
        warn!(error = telemetry::chain(&error), "refused a webhook");
        let detail = "The body was not signed by Stripe with a secret of this endpoint within the last 300 seconds.";
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_signature",
            "Invalid signature",
            detail,
        )
    }
}

impl From<webhook::Error> for Problem {
    fn from(error: webhook::Error) -> Self {
        match error {
            webhook::Error::Stripe(error) => error.into(),
            webhook::Error::Ledger(error) => error.into(),
            webhook::Error::Payment(error) => error.into(),
            webhook::Error::Invoice(error) => error.into(),
            webhook::Error::Reversal(error) => error.into(),
            webhook::Error::Subscription(error) => error.into(),
            webhook::Error::NotThere => {
                telemetry::failure(&error, "webhook object not found at stripe");
                Self::unavailable()
            }
        }
    }
}

impl Problem {
    fn payment_mismatch(object: &str, field: Field) -> Self {
        let detail = format!(
            "The {object}'s {field} differs from the order. Nothing is credited, and the operator is informed."
        );
        Self::new(
            StatusCode::CONFLICT,
            "payment_mismatch",
            "Payment mismatch",
            detail,
        )
    }

    fn session_not_found() -> Self {
        let detail = "The account has no such checkout session.";
        Self::new(
            StatusCode::NOT_FOUND,
            "session_not_found",
            "Session not found",
            detail,
        )
    }
}
