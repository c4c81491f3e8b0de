//! The fake's own endpoints under `/_local`. They list its data, and act as buyers, banks and time.

mod plans;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::account::Stripe;
use super::meter_errors;
use crate::http::{Request, Response, json as respond, text};
use crate::stripe::api::lists;
use crate::stripe::billing::{self, Payment};
use crate::stripe::money::payments::Of;
use crate::stripe::money::{credit_notes, disputes, refunds};
use crate::stripe::state::Kind;
use crate::stripe::wire::json::text as text_of;
use crate::stripe::wire::{Error, Result};

/// Handles a request under `/_local`.
pub(crate) fn answer(stripe: &Stripe, request: &Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    meter_errors::report_rejected(&mut stripe.lock(), stripe.now());
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
        ("POST", ["early_fraud_warnings"]) => warn(stripe, &body),
        ("POST", ["credit_notes", id, "void"]) => {
            credit_notes::void(&mut stripe.lock(), id, stripe.now())
        }
        ("POST", ["meter_errors"]) => meter_errors::report(&mut stripe.lock(), &body, stripe.now()),
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
            let secret = secret.ok_or_else(|| Kind::no_such("webhook_endpoints", "id", id));
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

fn checkout(stripe: &Stripe, id: &str, action: &str, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    billing::expire_old(&mut state, now);
    match action {
        "pay" => {
            let payment = Payment {
                card: body["card"].as_str().unwrap_or_default(),
                confirm: body["confirm"].as_bool(),
                promotion_code: body["promotion_code"].as_str(),
            };
            billing::pay(&mut state, id, &payment, now)?;
        }
        "settle" => billing::settle(&mut state, id, body["outcome"] == "succeeded", now)?,
        "expire" => {
            billing::expire(&mut state, id, now)?;
        }
        _ => return Err(Error::invalid("The action must be pay, settle or expire.")),
    }
    let session = state.session(id)?;
    Ok(json!({ "session": session.to_json(), "redirect": session.redirect() }))
}

/// Loses a meter event without a report.
fn lose(stripe: &Stripe, identifier: &str, request: &Request) -> Result {
    let identifier = percent_decode_str(identifier).decode_utf8_lossy();
    let forget = request.uri().query() == Some("forget=true");
    let identifiers = [identifier.clone().into_owned()];
    let lost = meter_errors::lose(&mut stripe.lock(), &identifiers, forget);
    if lost.is_empty() {
        return Err(Error::no_such("meter event", "id", &identifier));
    }
    Ok(json!({ "identifier": identifier, "removed": lost.len() }))
}

fn dispute(stripe: &Stripe, id: Option<&str>, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    let (case_type, status) = (body["case_type"].as_str(), body["status"].as_str());
    if case_type.is_some_and(|case_type| !disputes::CASE_TYPES.contains(&case_type)) {
        return Err(Error::invalid(format!(
            "case_type must be one of {}",
            disputes::CASE_TYPES.join(", ")
        )));
    }
    let claim = disputes::Claim {
        payment_intent: body["payment_intent"].as_str().unwrap_or_default(),
        status: status.ok_or_else(|| Error::missing("status"))?,
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

/// The kinds of fraud that issuers report.
const FRAUD_TYPES: [&str; 7] = [
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
];

/// Creates an early fraud warning for a payment, as the issuer of its card does.
fn warn(stripe: &Stripe, body: &Value) -> Result {
    const KIND: &str = "early_fraud_warnings";
    let fraud_type = body["fraud_type"].as_str().unwrap_or("misc");
    if !FRAUD_TYPES.contains(&fraud_type) {
        let message = format!("fraud_type must be one of {}", FRAUD_TYPES.join(", "));
        return Err(Error::invalid(message));
    }
    let mut state = stripe.lock();
    let (payment, charge) = Of::in_body(body).paid(&state)?;
    let warning = json!({
        "id": state.next_id("issfr_"),
        "object": "radar.early_fraud_warning",
        "charge": charge,
        "created": stripe.now(),
        "fraud_type": fraud_type,
        "livemode": false,
        "payment_intent": payment["id"],
    });
    state.objects.insert(KIND, warning.clone());
    let shown = lists::show(&state, KIND, text_of(&warning, "id")).unwrap_or_default();
    state.emit("radar.early_fraud_warning.created", &shown, stripe.now());
    Ok(shown)
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
fn refund(stripe: &Stripe, id: Option<&str>, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    let status = body["status"].as_str();
    if status.is_some_and(|status| !REFUND_STATUSES.contains(&status)) {
        return Err(Error::invalid(REFUND_STATUSES.join(", ")));
    }
    if let Some(id) = id {
        let status = status.ok_or_else(|| Error::missing("status"))?;
        return refunds::change(&mut state, id, status, now);
    }
    let terms = refunds::Terms {
        status: status.map(str::to_owned),
        ..refunds::Terms::default()
    };
    let amount = body["amount"].as_i64();
    refunds::give_back(&mut state, &Of::in_body(body), amount, &terms, now)
}
