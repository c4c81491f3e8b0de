//! The customer portal, `/p/session/{id}`: its pages and actions.

mod parts;

use http::{Method, StatusCode};

use super::error::Error;
use super::page::{Entered, escape, page, see_other};
use super::portal_sessions::PortalSession;
use super::state::State;
use super::{Stripe, billing, customers, paying};
use crate::http::{Request, Response};

/// The actions, each with its flow; `resume` undoes `cancel`, and has none.
const ACTIONS: [(&str, Option<&str>); 4] = [
    ("cancel", Some("subscription_cancel")),
    ("resume", None),
    ("plan", Some("subscription_update")),
    ("card", Some("payment_method_update")),
];

/// Handles a request for the portal; None if it is not one.
pub(super) fn answer(stripe: &Stripe, request: &Request) -> Option<Response> {
    let rest = request.uri().path().strip_prefix("/p/session/")?;
    let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    let session = state.portal_sessions.get(id).cloned();
    let Some(session) = session.filter(|session| session.is_open(now)) else {
        let body = "<p>It may have expired. Go back and open it again.</p>";
        return Some(page(StatusCode::NOT_FOUND, "No such page", body));
    };
    let known = ACTIONS.iter().find(|(name, _)| *name == action);
    let response = match (request.method() == Method::POST, known) {
        (true, Some((action, flow))) => {
            let entered = Entered::read(request.body());
            let allowed = session
                .open_flow()
                .is_none_or(|own| Some(own.kind.as_str()) == *flow);
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

fn shown(state: &State, session: &PortalSession, error: Option<&Error>) -> Response {
    let status = error.map_or(StatusCode::OK, |_| StatusCode::BAD_REQUEST);
    page(status, "Your plan", &parts::body(state, session, error))
}

/// Returns the redirect after an action: to the portal, or to the URL that the link names.
fn leave(state: &mut State, session: &PortalSession) -> String {
    let home = format!("/p/session/{}", session.id);
    let known = state.portal_sessions.get_mut(&session.id);
    let flow = known.and_then(|known| known.flow.as_mut());
    let Some(flow) = flow.filter(|flow| !flow.done) else {
        return home;
    };
    flow.done = true;
    flow.redirect.clone().unwrap_or(home)
}

/// Performs a customer's action.
fn act(
    state: &mut State,
    session: &PortalSession,
    action: &str,
    entered: &Entered,
    now: i64,
) -> Result<(), Error> {
    let feature = |state: &State, name: &str| {
        let known = state.portal_configurations.get(&session.configuration);
        let feature = known.map(|known| known.features[name].clone());
        let feature = feature.filter(|feature| feature["enabled"] == true);
        feature.ok_or_else(|| Error::invalid("This is not offered here."))
    };
    if action == "card" {
        feature(state, "payment_method_update")?;
        return take_card(state, session, entered, now);
    }
    let id = entered.field("subscription").unwrap_or_default();
    let flow = session.open_flow();
    let asked = flow.and_then(|flow| flow.subscription.as_deref());
    let owned = state.subscription(id).ok().filter(|known| {
        known.customer.as_deref() == Some(session.customer.as_str())
            && asked.is_none_or(|asked| asked == known.id)
            && !known.has_ended()
    });
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

fn end_with_period(state: &mut State, id: &str, ends: bool, now: i64) -> Result<(), Error> {
    let subscription = state.subscription_mut(id)?;
    subscription.end_with_period(ends, now);
    let changed = subscription.to_json();
    state.emit("customer.subscription.updated", &changed, now);
    Ok(())
}

fn change_plan(
    state: &mut State,
    session: &PortalSession,
    id: &str,
    price: &str,
    prorate: &str,
    now: i64,
) -> Result<(), Error> {
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

fn take_card(
    state: &mut State,
    session: &PortalSession,
    entered: &Entered,
    now: i64,
) -> Result<(), Error> {
    let card = entered.field("card").unwrap_or_default();
    let card: String = card.split_whitespace().collect();
    let sane = (12..=19).contains(&card.len()) && card.bytes().all(|byte| byte.is_ascii_digit());
    if !sane {
        return Err(Error::invalid("Your card number is incorrect."));
    }
    if card == paying::DECLINED {
        return Err(Error::declined());
    }
    customers::take_card(state, &session.customer, &card[card.len() - 4..], now)
}

/// Returns a link, or an empty string without a URL.
fn link(url: Option<&str>, text: &str) -> String {
    url.map_or_else(String::new, |url| {
        format!(r#"<p><a href="{}">{text}</a></p>"#, escape(url))
    })
}
