//! What only the fake has, under `/_local`: what is in it, and what a person or the world would do.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::paying::{self, Payment};
use super::{Stripe, checkout_sessions};
use crate::http::{Request, Response, json as respond, text};

/// Answers a request under `/_local`.
pub(super) fn answer(stripe: &Stripe, request: &Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let answered = match (request.method().as_str(), segments.as_slice()) {
        ("GET", ["state"]) => Ok(stripe.state()),
        ("POST", ["checkout", id, action]) => checkout(stripe, id, action, &body),
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
        _ => return text(StatusCode::NOT_FOUND, "there is no such control"),
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
        _ => return Err(Error::invalid("pay, settle or expire")),
    }
    let session = state.session(id)?;
    Ok(json!({ "session": session.to_json(), "redirect": session.redirect() }))
}
