//! Objects of all kinds as Stripe shows them. They are lists, single objects, and the state of the account.

use serde_json::{Value, json};

use crate::stripe::money::payments::{charge_of, charged, is_disputed, refunded};
use crate::stripe::objects::{Invoice, MeterEvent, Price, Session, Subscription};
use crate::stripe::state::{KINDS, State, Test};
use crate::stripe::wire::json::{number, shown, text};
use crate::stripe::wire::{Call, Error, Page, Result};

/// Returns an object as Stripe shows it.
pub(crate) fn show(state: &State, kind: &str, id: &str) -> Option<Value> {
    match kind {
        "charges" => charged(state, id).map(|payment| charge_of(state, payment)),
        "checkout_sessions" => state.checkout_sessions.get(id).map(Session::to_json),
        "early_fraud_warnings" => Some(warning(state, state.objects.get(kind, id)?)),
        "invoices" => state.invoices.get(id).map(Invoice::to_json),
        "prices" => state.prices.get(id).map(Price::to_json),
        "subscriptions" => state.subscriptions.get(id).map(Subscription::to_json),
        _ => state.objects.get(kind, id).map(shown),
    }
}

/// Returns a warning. It is actionable until the payment is disputed or fully refunded.
fn warning(state: &State, warning: &Value) -> Value {
    let mut shown = shown(warning);
    let payment = text(warning, "payment_intent");
    let money = state.objects.get("payment_intents", payment);
    let left = money.is_some_and(|money| refunded(state, payment) < number(money, "amount"));
    shown["actionable"] = (left && !is_disputed(state, payment)).into();
    shown
}

/// Returns all objects of a kind as Stripe shows them, oldest first.
fn all<'s>(
    state: &'s State,
    kind: &'static str,
) -> Box<dyn DoubleEndedIterator<Item = Value> + 's> {
    match kind {
        "checkout_sessions" => Box::new(state.checkout_sessions.values().map(Session::to_json)),
        "invoices" => Box::new(state.invoices.values().map(Invoice::to_json)),
        "prices" => Box::new(state.prices.values().map(Price::to_json)),
        "subscriptions" => Box::new(state.subscriptions.values().map(Subscription::to_json)),
        "early_fraud_warnings" => Box::new(state.objects.all(kind).map(|one| warning(state, one))),
        _ => Box::new(state.objects.all(kind).map(shown)),
    }
}

/// Returns the state as lists, for `GET /_local/state`.
pub(crate) fn state(state: &State) -> Value {
    let kinds = KINDS.iter().filter(|kind| kind.name != "charges");
    let lists = kinds.map(|kind| (kind.name, all(state, kind.name).collect::<Value>()));
    let mut listed: Value = lists.collect();
    let meter_events = state.meter_events.iter().map(MeterEvent::to_json);
    listed["meter_events"] = meter_events.collect();
    listed["deliveries"] = state.listed_deliveries().into();
    listed["requests"] = json!(state.requests);
    listed
}

/// `GET` of a page of objects, newest first.
pub(crate) fn list(state: &mut State, call: &mut Call, _: &str) -> Result {
    let kind = KINDS.iter().find(|kind| kind.path == call.path);
    let kind = kind.ok_or_else(|| Error::unknown_url(&call.method, &call.path))?;
    if let Some(id) = call.form.peek("customer").filter(|_| kind.is_by_customer()) {
        // Known from public reports: a key of another account or mode gets this error. Assumed: a deleted customer is
        // still found, and its lists keep their objects, with its subscriptions canceled.
        state.object_of("customers", "customer", id)?;
    }
    let form = &mut call.form;
    let page = Page::take(form)?;
    let mut tests: Vec<Test> = Vec::new();
    for filter in kind.filters {
        tests.extend(filter.take(form)?);
    }
    form.finish()?;
    let newest_first = all(state, kind.name).rev();
    let listed =
        newest_first.filter(|one| one["deleted"] != true && tests.iter().all(|test| test(one)));
    page.of(kind.path, listed.collect())
}

/// `GET` of one object.
pub(crate) fn retrieve(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let kind = KINDS.iter().find(|kind| {
        let rest = call.path.strip_prefix(kind.path);
        rest.and_then(|rest| rest.strip_prefix('/')) == Some(id)
    });
    let kind = kind.ok_or_else(|| Error::unknown_url(&call.method, &call.path))?;
    show(state, kind.name, id).ok_or_else(|| Error::no_such(kind.noun, "id", id))
}

/// `GET` of the lines of an object.
pub(crate) fn lines(state: &mut State, call: &mut Call, id: &str) -> Result {
    let page = Page::take(&mut call.form)?;
    call.form.finish()?;
    let lines = if call.path.starts_with("/v1/credit_notes") {
        state.object("credit_notes", id)?["lines"]["data"].clone()
    } else if call.path.starts_with("/v1/invoices") {
        state.invoice(id)?.lines_json().into()
    } else {
        state.session(id)?.lines_json().into()
    };
    page.of(&call.path, lines.as_array().cloned().unwrap_or_default())
}
