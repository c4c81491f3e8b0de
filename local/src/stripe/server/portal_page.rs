//! The customer portal, `/p/session/{id}`: its pages and actions.

mod parts;

use http::{Method, StatusCode};

use serde_json::Value;

use super::account::Stripe;
use crate::http::{Request, Response};
use crate::stripe::billing;
use crate::stripe::state::State;
use crate::stripe::wire::html::{Entered, page, see_other};
use crate::stripe::wire::json::{number, text};
use crate::stripe::wire::{Error, Result};

/// The lifetime of a link, in seconds.
const OPEN_SECONDS: i64 = 60 * 60;

/// The actions, each with its flow; `resume` undoes `cancel`, and has none.
const ACTIONS: [(&str, Option<&str>); 4] = [
    ("cancel", Some("subscription_cancel")),
    ("resume", None),
    ("plan", Some("subscription_update")),
    ("card", Some("payment_method_update")),
];

/// Handles a request for the portal; None if it is not one.
pub(crate) fn answer(stripe: &Stripe, request: &Request) -> Option<Response> {
    let rest = request.uri().path().strip_prefix("/p/session/")?;
    let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
    let now = stripe.now();
    let mut state = stripe.lock();
    let session = state.objects.get("portal_sessions", id).cloned();
    let is_open = |session: &Value| now - number(session, "created") < OPEN_SECONDS;
    let Some(session) = session.filter(is_open) else {
        let body = "<p>It may have expired. Go back and open it again.</p>";
        return Some(page(StatusCode::NOT_FOUND, "No such page", body));
    };
    let known = ACTIONS.iter().find(|(name, _)| *name == action);
    let response = match (request.method() == Method::POST, known) {
        (true, Some((action, flow))) => {
            let entered = Entered::read(request.body());
            let own = parts::open_flow(&session).map(|own| text(own, "type"));
            let allowed = own.is_none() || own == *flow;
            let done = if allowed {
                act(&mut state, &session, action, &entered, now)
            } else {
                Err(Error::invalid("This link is for a different action."))
            };
            match done {
                Ok(()) => see_other(&leave(&mut state, &session)),
                Err(error) => shown(&state, &session, Some(&error)),
            }
        }
        (false, None) if action.is_empty() => shown(&state, &session, None),
        _ => page(StatusCode::NOT_FOUND, "No such page", ""),
    };
    drop(state);
    stripe.stir();
    Some(response)
}

fn shown(state: &State, session: &Value, error: Option<&Error>) -> Response {
    let status = error.map_or(StatusCode::OK, |_| StatusCode::BAD_REQUEST);
    page(status, "Your plan", &parts::body(state, session, error))
}

/// Returns the redirect after an action. It leads to the portal, or to the URL that the link names.
fn leave(state: &mut State, session: &Value) -> String {
    let id = text(session, "id");
    let redirect = parts::open_flow(session).map(|flow| {
        let redirect = &flow["after_completion"]["redirect"];
        redirect["return_url"].as_str()
    });
    if let Some(known) = state.objects.get_mut("portal_sessions", id) {
        known["_done"] = true.into();
    }
    let url = redirect.flatten().map(str::to_owned);
    url.unwrap_or_else(|| format!("/p/session/{id}"))
}

/// Performs a customer's action.
fn act(
    state: &mut State,
    session: &Value,
    action: &str,
    entered: &Entered,
    now: i64,
) -> Result<()> {
    let feature = |state: &State, name: &str| {
        let feature = Some(parts::feature(state, session, name).clone());
        let feature = feature.filter(|feature| feature["enabled"] == true);
        feature.ok_or_else(|| Error::invalid("This is not offered here."))
    };
    if action == "card" {
        feature(state, "payment_method_update")?;
        return take_card(state, session, entered, now);
    }
    let id = entered.field("subscription").unwrap_or_default();
    let owned = state.subscription(id).ok();
    let owned = owned.filter(|known| parts::is_for(session, known) && !known.has_ended());
    if owned.is_none() {
        let message = format!("There is no such plan: {id}");
        return Err(Error::invalid(message));
    }
    match action {
        "plan" => {
            let feature = feature(state, "subscription_update")?;
            let prorate = feature["proration_behavior"].as_str().unwrap_or("none");
            let price = entered.field("price").unwrap_or_default();
            change_plan(state, session, id, price, prorate, now)
        }
        "cancel" => {
            let feature = feature(state, "subscription_cancel")?;
            if feature["mode"] == "immediately" {
                return billing::cancel(state, id, now, now);
            }
            end_with_period(state, id, true, now)
        }
        _ => end_with_period(state, id, false, now),
    }
}

fn end_with_period(state: &mut State, id: &str, ends: bool, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(id)?;
    subscription.end_with_period(ends, now);
    let changed = subscription.to_json();
    state.emit("customer.subscription.updated", &changed, now);
    Ok(())
}

fn change_plan(
    state: &mut State,
    session: &Value,
    id: &str,
    price: &str,
    prorate: &str,
    now: i64,
) -> Result<()> {
    let subscription = state.subscription(id)?.clone();
    let mut offered = parts::offers(state, session, &subscription).into_iter();
    let price = offered.find(|known| known.id == price).cloned();
    let (Some(price), Some(item)) = (price, subscription.items.data.first()) else {
        return Err(Error::invalid("This plan is not offered here."));
    };
    let mut item = item.clone();
    item.price = price;
    billing::change_price(state, id, &item, prorate, now)?;
    let changed = state.subscription(id)?.to_json();
    state.emit("customer.subscription.updated", &changed, now);
    Ok(())
}

fn take_card(state: &mut State, session: &Value, entered: &Entered, now: i64) -> Result<()> {
    let card = entered.field("card").unwrap_or_default();
    let card: String = card.split_whitespace().collect();
    let sane = (12..=19).contains(&card.len()) && card.bytes().all(|byte| byte.is_ascii_digit());
    if !sane {
        return Err(Error::invalid("Your card number is incorrect."));
    }
    if card == billing::DECLINED {
        return Err(Error::declined());
    }
    let mut customer = state.customer("id", text(session, "customer"))?.clone();
    customer["_last4"] = card[card.len() - 4..].into();
    state.keep_and_emit("customers", customer, "customer.updated", now);
    Ok(())
}
