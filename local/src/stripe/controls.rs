//! The fake's own endpoints under `/_local`: they list its data, and act as buyers, banks and time.

mod plans;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::charges::Of;
use super::error::Error;
use super::paying::{self, Payment};
use super::{
    Stripe, checkout_sessions, credit_notes, disputes, early_fraud_warnings, meter_errors, refunds,
};
use crate::http::{Request, Response, json as respond, text};

/// Handles a request under `/_local`.
pub(super) fn answer(stripe: &Stripe, request: &Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    meter_errors::report_rejected(&mut stripe.lock(), stripe.clock.now().as_second());
    let answered = match (request.method().as_str(), segments.as_slice()) {
        ("GET", ["state"]) => Ok(stripe.state()),
        ("POST", ["checkout", id, action]) => checkout(stripe, id, action, &body),
        ("POST", ["subscriptions", id, action]) => plans::change(stripe, id, action, &body),
        ("POST", ["settings"]) => stripe.lock().settings.change(&body),
        ("POST", ["customers", id]) => plans::locate(stripe, id, &body),
        ("POST", ["invoices"]) => plans::invoice(stripe, &body),
        ("POST", ["invoices", id, "pay"]) => plans::pay_part(stripe, id, &body),
        ("POST", ["disputes"]) => dispute(stripe, None, &body),
        ("POST", ["disputes", id]) => dispute(stripe, Some(id), &body),
        ("POST", ["refunds"]) => refund(stripe, None, &body),
        ("POST", ["refunds", id]) => refund(stripe, Some(id), &body),
        ("POST", ["early_fraud_warnings"]) => {
            let now = stripe.clock.now().as_second();
            early_fraud_warnings::warn(&mut stripe.lock(), &body, now)
        }
        ("POST", ["credit_notes", id, "void"]) => {
            let now = stripe.clock.now().as_second();
            credit_notes::end(&mut stripe.lock(), id, now)
        }
        ("POST", ["meter_errors"]) => {
            let now = stripe.clock.now().as_second();
            meter_errors::report(&mut stripe.lock(), &body, now)
        }
        ("DELETE", ["meter_events", identifier]) => lose(stripe, identifier, request),
        ("POST", ["webhooks", "release"]) => {
            stripe.release();
            Ok(json!({}))
        }
        ("POST", ["webhooks", event, "redeliver"]) => {
            Ok(json!({ "deliveries": stripe.redeliver(event) }))
        }
        ("POST", ["webhook_endpoints", id, "roll"]) => {
            let secret = stripe.lock().roll(id, body["expire"] == true);
            let secret = secret.ok_or_else(|| Error::no_such("webhook endpoint", "id", id));
            secret.map(|secret| json!({ "secret": secret }))
        }
        _ => return text(StatusCode::NOT_FOUND, "no such control"),
    };
    stripe.stir();
    match answered {
        Ok(answer) => respond(StatusCode::OK, &answer),
        Err(error) => error.response(),
    }
}

fn checkout(stripe: &Stripe, id: &str, action: &str, body: &Value) -> Result<Value, Error> {
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    checkout_sessions::expire_old(&mut state, now);
    match action {
        "pay" => {
            let payment = Payment {
                card: body["card"].as_str().unwrap_or_default(),
                confirm: body["confirm"].as_bool(),
                promotion_code: body["promotion_code"].as_str(),
            };
            paying::pay(&mut state, id, &payment, now)?;
        }
        "settle" => paying::settle(&mut state, id, body["outcome"] == "succeeded", now)?,
        "expire" => {
            checkout_sessions::end(&mut state, id, now)?;
        }
        _ => return Err(Error::invalid("The action must be pay, settle or expire.")),
    }
    let session = state.session(id)?;
    Ok(json!({ "session": session.to_json(), "redirect": session.redirect() }))
}

/// Loses a meter event without a report.
fn lose(stripe: &Stripe, identifier: &str, request: &Request) -> Result<Value, Error> {
    let identifier = percent_decode_str(identifier).decode_utf8_lossy();
    let forget = request.uri().query() == Some("forget=true");
    let lost = stripe
        .lock()
        .lose(&[identifier.clone().into_owned()], forget);
    if lost.is_empty() {
        return Err(Error::no_such("meter event", "id", &identifier));
    }
    Ok(json!({ "identifier": identifier, "removed": lost.len() }))
}

/// Reads the status from a body.
fn status(body: &Value) -> Result<&str, Error> {
    let status = body["status"].as_str();
    status.ok_or_else(|| Error::missing("status"))
}

fn dispute(stripe: &Stripe, id: Option<&str>, body: &Value) -> Result<Value, Error> {
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    let case_type = body["case_type"].as_str();
    if case_type.is_some_and(|case_type| !disputes::CASE_TYPES.contains(&case_type)) {
        return Err(Error::invalid(format!(
            "case_type must be one of {}",
            disputes::CASE_TYPES.join(", ")
        )));
    }
    let claim = disputes::Claim {
        payment_intent: body["payment_intent"].as_str().unwrap_or_default(),
        status: status(body)?,
        amount: body["amount"].as_i64(),
        currency: body["currency"].as_str(),
        settled: body["settled"].as_i64(),
        case_type,
        new: body["new"] == true,
    };
    match id {
        Some(id) => disputes::change(&mut state, id, &claim, now),
        None => disputes::claim(&mut state, &claim, now),
    }
}

/// The statuses of a refund.
const REFUND_STATUSES: [&str; 5] = [
    "canceled",
    "failed",
    "pending",
    "requires_action",
    "succeeded",
];

/// Creates a refund, as the Dashboard does, or moves one, as the bank does.
fn refund(stripe: &Stripe, id: Option<&str>, body: &Value) -> Result<Value, Error> {
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    let status = body["status"].as_str();
    if status.is_some_and(|status| !REFUND_STATUSES.contains(&status)) {
        return Err(Error::invalid(REFUND_STATUSES.join(", ")));
    }
    if let Some(id) = id {
        let status = status.ok_or_else(|| Error::missing("status"))?;
        return refunds::change(&mut state, id, status, now);
    }
    let of = Of {
        payment_intent: body["payment_intent"].as_str().map(str::to_owned),
        charge: None,
    };
    let terms = refunds::Terms {
        status: status.map(str::to_owned),
        ..refunds::Terms::default()
    };
    let made = refunds::give_back(&mut state, &of, body["amount"].as_i64(), terms, now)?;
    Ok(made.to_json())
}
