//! Routes each call to its operation.

use http::Method;
use serde_json::Value;

use super::call::Call;
use super::error::Error;
use super::form::Form;
use super::state::State;
use super::{
    balance_transactions, charges, checkout_sessions, credit_notes, customers, discounts, disputes,
    early_fraud_warnings, events, expand, invoice_items, invoice_payments, invoices, meter_events,
    meters, payment_intents, portal_configurations, portal_sessions, prices, products, refunds,
    subscriptions, tax, v2, webhook_endpoints,
};

/// The lists that can be filtered by customer.
const LISTS_BY_CUSTOMER: [&str; 5] = [
    "/v1/checkout/sessions",
    "/v1/credit_notes",
    "/v1/invoices",
    "/v1/payment_intents",
    "/v1/subscriptions",
];

/// Refuses a list for a customer that the account does not have.
///
/// Known from public reports: a key of another account or mode gets this error. Assumed: a deleted customer is still
/// found, and its lists keep their objects, with its subscriptions canceled.
fn check_customer(state: &State, form: &Form) -> Result<(), Error> {
    match form.peek("customer") {
        Some(id) if !state.customers.contains_key(id) => {
            Err(Error::no_such("customer", "customer", id))
        }
        _ => Ok(()),
    }
}

/// Executes a call.
pub(super) fn route(state: &mut State, call: &mut Call) -> Result<Value, Error> {
    let path = call.path.clone();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if let ["v2", rest @ ..] = segments.as_slice() {
        return v2::route(state, call, rest);
    }
    if call.method == Method::GET && LISTS_BY_CUSTOMER.contains(&path.as_str()) {
        check_customer(state, &call.form)?;
    }
    let expand = call.form.list("expand");
    match (call.method.as_str(), segments.as_slice()) {
        (_, ["v1", "checkout", rest @ ..]) => checkout(state, call, rest, &expand),
        (_, ["v1", "billing", rest @ ..]) => billing(state, call, rest),
        (_, ["v1", rest @ ..]) => object(state, call, rest, &expand),
        _ => Err(Error::unknown_url(&call.method, &path)),
    }
}

fn checkout(
    state: &mut State,
    call: &mut Call,
    segments: &[&str],
    expand: &[String],
) -> Result<Value, Error> {
    let form = &mut call.form;
    match (call.method.as_str(), segments) {
        ("POST", ["sessions"]) => checkout_sessions::create(state, call),
        ("GET", ["sessions"]) => checkout_sessions::list(state, form),
        ("GET", ["sessions", id]) => checkout_sessions::retrieve(state, form, expand, id),
        ("POST", ["sessions", id, "expire"]) => {
            checkout_sessions::expire(state, form, id, call.now)
        }
        ("GET", ["sessions", id, "line_items"]) => checkout_sessions::line_items(state, form, id),
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

fn billing(state: &mut State, call: &mut Call, segments: &[&str]) -> Result<Value, Error> {
    let form = &mut call.form;
    match (call.method.as_str(), segments) {
        ("POST", ["meters"]) => meters::create(state, form, call.now),
        ("GET", ["meters"]) => meters::list(state, form),
        ("GET", ["meters", id]) => meters::retrieve(state, form, id),
        ("POST", ["meters", id]) => meters::update(state, form, id, call.now),
        ("POST", ["meters", id, "deactivate"]) => {
            meters::set_active(state, form, id, false, call.now)
        }
        ("POST", ["meters", id, "reactivate"]) => {
            meters::set_active(state, form, id, true, call.now)
        }
        ("GET", ["meters", id, "event_summaries"]) => {
            meter_events::summaries(state, form, id, call.now)
        }
        ("POST", ["meter_events"]) => meter_events::create(state, call),
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

fn object(
    state: &mut State,
    call: &mut Call,
    segments: &[&str],
    expand: &[String],
) -> Result<Value, Error> {
    let (form, now) = (&mut call.form, call.now);
    match (call.method.as_str(), segments) {
        ("POST", ["customers"]) => customers::create(state, form, now),
        ("GET", ["customers"]) => customers::list(state, form),
        ("GET", ["customers", id]) => customers::retrieve(state, form, id),
        ("POST", ["customers", id]) => customers::update(state, form, id),
        ("DELETE", ["customers", id]) => customers::delete(state, form, id, now),
        ("POST", ["customers", id, "balance_transactions"]) => {
            customers::create_transaction(state, form, id, now)
        }
        ("GET", ["customers", id, "balance_transactions"]) => {
            customers::transactions(state, form, id)
        }
        ("GET", ["tax", "settings"]) => tax::retrieve(state, form),
        ("POST", ["tax", "settings"]) => tax::update(state, form),
        ("POST", ["products"]) => products::create(state, form, now),
        ("GET", ["products"]) => products::list(state, form),
        ("GET", ["products", id]) => products::retrieve(state, form, id),
        ("POST", ["products", id]) => products::update(state, form, id, now),
        ("POST", ["prices"]) => prices::create(state, form, now),
        ("GET", ["prices"]) => prices::list(state, form),
        ("GET", ["prices", id]) => prices::retrieve(state, form, id),
        ("POST", ["prices", id]) => prices::update(state, form, id),
        ("POST", ["coupons"]) => discounts::create_coupon(state, form, now),
        ("POST", ["promotion_codes"]) => discounts::create_code(state, form, now),
        ("GET", ["promotion_codes"]) => discounts::list_codes(state, form),
        ("GET", ["events"]) => events::list(state, form),
        ("GET", ["events", id]) => events::retrieve(state, form, id),
        ("POST", ["webhook_endpoints"]) => webhook_endpoints::create(state, form, now),
        ("GET", ["webhook_endpoints"]) => webhook_endpoints::list(state, form),
        ("GET", ["webhook_endpoints", id]) => webhook_endpoints::retrieve(state, form, id),
        ("POST", ["webhook_endpoints", id]) => webhook_endpoints::update(state, form, id),
        ("DELETE", ["webhook_endpoints", id]) => webhook_endpoints::delete(state, form, id),
        (_, ["billing_portal", rest @ ..]) => portal(state, call, rest),
        (
            _,
            [
                "balance_transactions"
                | "charges"
                | "credit_notes"
                | "disputes"
                | "payment_intents"
                | "radar"
                | "refunds",
                ..,
            ],
        ) => {
            let mut found = money(state, call, segments)?;
            expand::expand(state, &mut found, expand)?;
            Ok(found)
        }
        (
            _,
            [
                "invoice_payments" | "invoiceitems" | "invoices" | "subscriptions",
                ..,
            ],
        ) => {
            let mut found = plan(state, call, segments)?;
            expand_plan(state, &mut found, expand)?;
            Ok(found)
        }
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

fn portal(state: &mut State, call: &mut Call, segments: &[&str]) -> Result<Value, Error> {
    let (form, now) = (&mut call.form, call.now);
    match (call.method.as_str(), segments) {
        ("POST", ["configurations"]) => portal_configurations::create(state, form, now),
        ("GET", ["configurations"]) => portal_configurations::list(state, form),
        ("GET", ["configurations", id]) => portal_configurations::retrieve(state, form, id),
        ("POST", ["configurations", id]) => portal_configurations::update(state, form, id, now),
        ("POST", ["sessions"]) => portal_sessions::create(state, form, now),
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

/// Routes calls about payments, refunds, disputes and the like.
fn money(state: &mut State, call: &mut Call, segments: &[&str]) -> Result<Value, Error> {
    let (form, now) = (&mut call.form, call.now);
    match (call.method.as_str(), segments) {
        ("GET", ["payment_intents"]) => payment_intents::list(state, form),
        ("GET", ["payment_intents", id]) => payment_intents::retrieve(state, form, id),
        ("GET", ["balance_transactions"]) => balance_transactions::list(state, form),
        ("GET", ["balance_transactions", id]) => balance_transactions::retrieve(state, form, id),
        ("POST", ["credit_notes"]) => credit_notes::create(state, form, now),
        ("GET", ["credit_notes"]) => credit_notes::list(state, form),
        ("GET", ["credit_notes", id]) => credit_notes::retrieve(state, form, id),
        ("POST", ["credit_notes", id]) => credit_notes::update(state, form, id, now),
        ("GET", ["credit_notes", id, "lines"]) => credit_notes::lines(state, form, id),
        ("POST", ["credit_notes", id, "void"]) => credit_notes::void(state, form, id, now),
        ("GET", ["radar", "early_fraud_warnings"]) => early_fraud_warnings::list(state, form),
        ("GET", ["radar", "early_fraud_warnings", id]) => {
            early_fraud_warnings::retrieve(state, form, id)
        }
        ("GET", ["charges", id]) => charges::retrieve(state, form, id),
        ("GET", ["disputes"]) => disputes::list(state, form),
        ("GET", ["disputes", id]) => disputes::retrieve(state, form, id),
        ("POST", ["refunds"]) => refunds::create(state, form, now),
        ("GET", ["refunds"]) => refunds::list(state, form),
        ("GET", ["refunds", id]) => refunds::retrieve(state, form, id),
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

/// Routes calls about subscriptions and invoices.
fn plan(state: &mut State, call: &mut Call, segments: &[&str]) -> Result<Value, Error> {
    let (form, now) = (&mut call.form, call.now);
    match (call.method.as_str(), segments) {
        ("GET", ["invoice_payments"]) => invoice_payments::list(state, form),
        ("GET", ["invoice_payments", id]) => invoice_payments::retrieve(state, form, id),
        ("GET", ["invoices"]) => invoices::list(state, form),
        ("GET", ["invoices", id]) => invoices::retrieve(state, form, id),
        ("GET", ["invoices", id, "lines"]) => invoices::lines(state, form, id),
        ("POST", ["invoices", id, "finalize"]) => invoices::finalize(state, form, id, now),
        ("POST", ["invoices", id, "pay"]) => invoices::pay(state, form, id, now),
        ("POST", ["invoices", id, "void"]) => invoices::void(state, form, id, now),
        ("POST", ["invoices", id, "mark_uncollectible"]) => {
            invoices::mark_uncollectible(state, form, id, now)
        }
        ("POST", ["invoiceitems"]) => invoice_items::create(state, form, now),
        ("POST", ["subscriptions"]) => subscriptions::create(state, form, now),
        ("GET", ["subscriptions"]) => subscriptions::list(state, form),
        ("GET", ["subscriptions", id]) => subscriptions::retrieve(state, form, id),
        ("POST", ["subscriptions", id, "pause"]) => subscriptions::pause(state, form, id, now),
        ("POST", ["subscriptions", id, "resume"]) => subscriptions::resume(state, form, id, now),
        ("POST", ["subscriptions", id]) => subscriptions::update(state, form, id, now),
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(state, form, id, now),
        _ => Err(Error::unknown_url(&call.method, &call.path)),
    }
}

/// Expands fields of subscriptions and invoices, which are otherwise ids, or absent.
fn expand_plan(state: &State, found: &mut Value, expand: &[String]) -> Result<(), Error> {
    for field in expand {
        let id = found["id"].as_str().unwrap_or_default();
        match (found["object"].as_str().unwrap_or_default(), field.as_str()) {
            ("subscription", "latest_invoice") => {
                let invoice = found["latest_invoice"].as_str().map(str::to_owned);
                if let Some(invoice) = invoice {
                    found["latest_invoice"] = state.invoice(&invoice)?.to_json();
                }
            }
            ("list", "data.latest_invoice") => {
                for one in found["data"].as_array_mut().into_iter().flatten() {
                    let latest = &mut one["latest_invoice"];
                    if let Some(id) = latest.as_str().map(str::to_owned) {
                        *latest = state.invoice(&id)?.to_json();
                    }
                }
            }
            ("list", "data.payment.payment_intent") => {
                for one in found["data"].as_array_mut().into_iter().flatten() {
                    let payment = &mut one["payment"]["payment_intent"];
                    let known = payment
                        .as_str()
                        .and_then(|id| state.payment_intents.get(id));
                    if let Some(known) = known {
                        *payment = known.to_json();
                    }
                }
            }
            ("invoice", "payments") => {
                let mut form = Form::read(format!("invoice={id}").as_bytes())?;
                found["payments"] = invoice_payments::list(state, &mut form)?;
            }
            _ => {
                let message = format!("This property cannot be expanded ({field}).");
                return Err(Error::invalid(message));
            }
        }
    }
    Ok(())
}
