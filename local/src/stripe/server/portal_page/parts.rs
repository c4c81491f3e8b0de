//! The parts of the portal: plans, the card, and invoices.

use std::fmt::Write;

use serde_json::Value;

use crate::stripe::money::customers::last4;
use crate::stripe::objects::{Price, Subscription};
use crate::stripe::state::State;
use crate::stripe::wire::Error;
use crate::stripe::wire::html::{alert, amount, day, escape};
use crate::stripe::wire::json::text;

/// The most invoices on the page.
const MAX_INVOICES: usize = 12;

/// Returns the body of the portal, or only the part that its link is for.
pub(crate) fn body(state: &State, session: &Value, error: Option<&Error>) -> String {
    let only = open_flow(session).map(|flow| text(flow, "type"));
    let mut body = alert(error);
    let all = state.subscriptions.values().rev();
    let own = all.filter(|known| is_for(session, known));
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
    if let Some(url) = session["return_url"].as_str() {
        body.extend([r#"<p><a href=""#, &escape(url), r#"">Back</a></p>"#]);
    }
    body += r#"<p class="fake">Nothing is charged here. The card <code>4000 0000 0000 0002</code> is declined.</p>"#;
    body
}

/// Returns whether the portal's configuration enables a feature.
fn has(state: &State, session: &Value, feature: &str) -> bool {
    self::feature(state, session, feature)["enabled"] == true
}

/// Returns a feature of the portal's configuration; null if there is none.
pub(crate) fn feature<'s>(state: &'s State, session: &Value, name: &str) -> &'s Value {
    let configuration = text(session, "configuration");
    let known = state.objects.get("portal_configurations", configuration);
    known.map_or(&Value::Null, |known| &known["features"][name])
}

/// Returns the flow of a link, until it is done.
pub(crate) fn open_flow(session: &Value) -> Option<&Value> {
    let flow = Some(&session["flow"]).filter(|flow| flow.is_object());
    flow.filter(|_| session["_done"] != true)
}

/// Returns whether a link is for a subscription. That is one of its customer, and the one that its flow names.
pub(crate) fn is_for(session: &Value, subscription: &Subscription) -> bool {
    let asked = open_flow(session).and_then(|flow| {
        let own = &flow[text(flow, "type")];
        own["subscription"].as_str()
    });
    subscription.customer.as_deref() == session["customer"].as_str()
        && asked.is_none_or(|asked| asked == subscription.id)
}

/// Returns the prices that a subscription may change to: recurring ones of the configuration.
pub(crate) fn offers<'s>(
    state: &'s State,
    session: &Value,
    subscription: &Subscription,
) -> Vec<&'s Price> {
    let products = &feature(state, session, "subscription_update")["products"];
    let products = products.as_array();
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

fn plan(state: &State, session: &Value, subscription: &Subscription, only: Option<&str>) -> String {
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
        let (session, id) = (escape(text(session, "id")), escape(&subscription.id));
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
    let product = state.objects.get("products", &price.product);
    escape(product.map_or(price.product.as_str(), |product| text(product, "name")))
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

fn card(state: &State, session: &Value) -> String {
    if !has(state, session, "payment_method_update") {
        return String::new();
    }
    let customer = state.objects.get("customers", text(session, "customer"));
    let known = customer.and_then(last4);
    let known = known.map_or_else(String::new, |last4| {
        format!("<p>Card ending in {}.</p>", escape(last4))
    });
    format!(
        r#"<h2>Card</h2>{known}<form method="post" action="/p/session/{}/card">
<label>Card number <input name="card" inputmode="numeric" autocomplete="off" required></label>
<button>Update card</button></form>"#,
        escape(text(session, "id"))
    )
}

fn invoices(state: &State, session: &Value) -> String {
    let all = state.invoices.values().rev();
    let own = all.filter(|invoice| invoice.customer.as_deref() == session["customer"].as_str());
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
