//! The parts of the portal: plans, the card, and invoices.

use std::fmt::Write;

use crate::stripe::error::Error;
use crate::stripe::page::{alert, amount, day, escape};
use crate::stripe::portal_sessions::PortalSession;
use crate::stripe::prices::Price;
use crate::stripe::state::State;
use crate::stripe::subscriptions::Subscription;

use super::link;

/// The most invoices on the page.
const MAX_INVOICES: usize = 12;

/// Returns the body of the portal, or only the part that its link is for.
pub(super) fn body(state: &State, session: &PortalSession, error: Option<&Error>) -> String {
    let flow = session.open_flow();
    let only = flow.map(|flow| flow.kind.as_str());
    let asked = flow.and_then(|flow| flow.subscription.as_deref());
    let mut body = alert(error);
    let own = state.subscriptions.values().rev().filter(|known| {
        known.customer.as_deref() == Some(session.customer.as_str())
            && asked.is_none_or(|asked| asked == known.id)
    });
    if only != Some("payment_method_update") {
        let before = body.len();
        for subscription in own {
            body += &plan(state, session, subscription, only);
        }
        if body.len() == before {
            body += "<p>You have no plan.</p>";
        }
    }
    if only.is_none_or(|only| only == "payment_method_update") {
        body += &card(state, session);
    }
    if only.is_none() && has(state, session, "invoice_history") {
        body += &invoices(state, session);
    }
    body += &link(session.return_url.as_deref(), "Back");
    body += r#"<p class="fake">Nothing is charged here. The card <code>4000 0000 0000 0002</code> is declined.</p>"#;
    body
}

/// Returns whether the portal's configuration enables a feature.
fn has(state: &State, session: &PortalSession, feature: &str) -> bool {
    let known = state.portal_configurations.get(&session.configuration);
    known.is_some_and(|known| known.features[feature]["enabled"] == true)
}

/// Returns the prices that a subscription may change to: recurring ones of the configuration.
pub(super) fn offers<'s>(
    state: &'s State,
    session: &PortalSession,
    subscription: &Subscription,
) -> Vec<&'s Price> {
    let known = state.portal_configurations.get(&session.configuration);
    let products = known.map(|known| &known.features["subscription_update"]["products"]);
    let products = products.and_then(|products| products.as_array());
    let mut items = subscription.items.data.iter();
    let current = items.next().map(|item| item.price.id.as_str());
    products
        .into_iter()
        .flatten()
        .filter_map(|product| product["prices"].as_array())
        .flatten()
        .filter_map(|id| state.prices.get(id.as_str()?))
        .filter(|price| price.active && price.recurring.is_some())
        .filter(|price| Some(price.id.as_str()) != current)
        .collect()
}

fn plan(
    state: &State,
    session: &PortalSession,
    subscription: &Subscription,
    only: Option<&str>,
) -> String {
    let mut part = String::new();
    for item in &subscription.items.data {
        let (name, cost) = (name(state, &item.price), cost(&item.price, item.quantity));
        let _ = write!(part, "<h2>{name}</h2><p>{cost}</p>");
    }
    let status = escape(&subscription.status.replace('_', " "));
    let (_, end) = subscription.period().unwrap_or_default();
    let until = match (subscription.ended_at, subscription.cancel_at) {
        (Some(ended), _) => format!("ended on {}", day(ended)),
        (None, Some(at)) => format!("ends on {}", day(at)),
        (None, None) => format!("renews on {}", day(end)),
    };
    let _ = write!(part, "<p>Status: {status}; {until}.</p>");
    if subscription.has_ended() {
        return part;
    }
    let fits = |kind: &str| only.is_none_or(|only| only == kind) && has(state, session, kind);
    let form = |action: &str, inside: &str| {
        let (session, id) = (escape(&session.id), escape(&subscription.id));
        format!(
            r#"<form method="post" action="/p/session/{session}/{action}">
<input type="hidden" name="subscription" value="{id}">{inside}</form>"#
        )
    };
    if fits("subscription_update") {
        let options = offers(state, session, subscription)
            .into_iter()
            .map(|price| {
                let (id, name, cost) = (escape(&price.id), name(state, price), cost(price, 1));
                format!(r#"<option value="{id}">{name}, {cost}</option>"#)
            });
        let options: String = options.collect();
        if !options.is_empty() {
            let inside = format!(
                r#"<label>Another plan <select name="price">{options}</select></label><button>Change plan</button>"#
            );
            part += &form("plan", &inside);
        }
    }
    if subscription.cancel_at.is_some() {
        if only.is_none() {
            part += &form("resume", "<button>Do not cancel</button>");
        }
    } else if fits("subscription_cancel") {
        part += &form("cancel", "<button>Cancel plan</button>");
    }
    part
}

fn name(state: &State, price: &Price) -> String {
    let product = state.products.get(&price.product);
    escape(product.map_or(price.product.as_str(), |product| &product.name))
}

fn cost(price: &Price, quantity: i64) -> String {
    let cost = amount(price.unit_amount * quantity, &price.currency);
    let every = price
        .recurring
        .as_ref()
        .map(|every| match every.interval_count {
            1 => format!(" every {}", escape(&every.interval)),
            count => format!(" every {count} {}s", escape(&every.interval)),
        });
    format!("{cost}{}", every.unwrap_or_default())
}

fn card(state: &State, session: &PortalSession) -> String {
    if !has(state, session, "payment_method_update") {
        return String::new();
    }
    let customer = state.customers.get(&session.customer);
    let known = customer.and_then(|customer| customer.card());
    let known = known.map_or_else(String::new, |last4| {
        format!("<p>Card ending in {}.</p>", escape(last4))
    });
    format!(
        r#"<h2>Card</h2>{known}<form method="post" action="/p/session/{}/card">
<label>Card number <input name="card" inputmode="numeric" autocomplete="off" required></label>
<button>Update card</button></form>"#,
        escape(&session.id)
    )
}

fn invoices(state: &State, session: &PortalSession) -> String {
    let all = state.invoices.values().rev();
    let own = all.filter(|invoice| invoice.customer.as_deref() == Some(session.customer.as_str()));
    let rows = own.take(MAX_INVOICES).map(|invoice| {
        let total = amount(invoice.total(), &invoice.currency);
        let status = escape(&invoice.status);
        format!(
            "<tr><td>{}</td><td>{status}</td><td>{total}</td></tr>",
            day(invoice.created)
        )
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<h2>Invoices</h2><table>{rows}</table>")
}
