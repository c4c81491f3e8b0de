//! Controls of subscriptions and invoices: renewals, statuses, and invoices with given lines.

use serde_json::{Value, json};

use crate::stripe::billing::{self, Bill, Outcome};
use crate::stripe::money::customers::{Change, balance, change_balance};
use crate::stripe::money::invoice_payments::default_payment;
use crate::stripe::objects::{Card, Invoice, Item, Line, Parent, Period, Status};
use crate::stripe::server::account::Stripe;
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// Reads the status from a body.
fn status(body: &Value) -> Result<&str> {
    body["status"]
        .as_str()
        .ok_or_else(|| Error::missing("status"))
}

/// Renews a subscription, or changes its card or status. Returns it, and its invoice if there is one.
pub(crate) fn change(stripe: &Stripe, id: &str, action: &str, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    let invoice = match action {
        "renew" => {
            let said = outcome(body)?;
            // Without an outcome, the caller wants the next period without a draft hour.
            let skips_hour = said.is_none() || body["now"] == true;
            let outcome = said.unwrap_or(Outcome::Paid);
            billing::renew(&mut state, id, outcome, skips_hour, now)?
        }
        "card" => {
            let failed = outcome(body)? == Some(Outcome::Failed);
            state.subscription_mut(id)?.card = if failed { Card::Declined } else { Card::Good };
            None
        }
        "status" => {
            let status = status(body)?;
            billing::change_status(&mut state, id, status, now)?;
            None
        }
        _ => return Err(Error::invalid("The action must be renew, card or status.")),
    };
    let invoice = invoice.and_then(|invoice| state.invoices.get(&invoice));
    Ok(json!({
        "subscription": state.subscription(id)?.to_json(),
        "invoice": invoice.map(Invoice::to_json),
    }))
}

/// Reads the outcome from a body.
fn outcome(body: &Value) -> Result<Option<Outcome>> {
    match body["outcome"].as_str() {
        None => Ok(None),
        Some("succeeded") => Ok(Some(Outcome::Settled)),
        Some("failed") => Ok(Some(Outcome::Failed)),
        Some(_) => Err(Error::invalid("outcome must be succeeded or failed.")),
    }
}

/// Sets whether automatic tax knows a customer's location.
pub(crate) fn locate(stripe: &Stripe, id: &str, body: &Value) -> Result {
    let known = match body["location"].as_str() {
        Some("known") => true,
        Some("missing") => false,
        _ => return Err(Error::invalid("location must be known or missing.")),
    };
    let mut state = stripe.lock();
    let mut customer = state.customer("id", id)?.clone();
    customer["_location"] = if known { "known" } else { "missing" }.into();
    Ok(state.keep("customers", customer))
}

/// Pays a part of an open invoice.
pub(crate) fn pay_part(stripe: &Stripe, id: &str, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    let amount = body["amount"].as_i64();
    let amount = amount.ok_or_else(|| Error::missing("amount"))?;
    let payment = billing::pay_part(&mut state, id, amount, now)?;
    Ok(json!({ "invoice": state.invoice(id)?.to_json(), "payment_intent": payment }))
}

/// Makes an invoice of a subscription with the given lines, and pays it.
pub(crate) fn invoice(stripe: &Stripe, body: &Value) -> Result {
    let now = stripe.now();
    let mut state = stripe.lock();
    let id = body["subscription"].as_str().unwrap_or_default().to_owned();
    let subscription = state.subscription(&id)?;
    let items = subscription.items.data.first();
    let item = items.cloned();
    let item = item.ok_or_else(|| Error::invalid("The subscription has no item."))?;
    let mut lines = Vec::new();
    for said in body["lines"].as_array().into_iter().flatten() {
        lines.push(line(&mut state, &item, said)?);
    }
    let bill = Bill {
        reason: body["billing_reason"]
            .as_str()
            .unwrap_or("manual")
            .to_owned(),
        lines,
        discount: body["discount"].as_i64().unwrap_or_default(),
        tax: Some(body["tax"].as_i64().unwrap_or_default()),
        period: Period {
            start: item.current_period_start,
            end: item.current_period_end,
        },
        finalizes_at: None,
    };
    if let Some(balance) = body["starting_balance"].as_i64() {
        set_balance(&mut state, &id, balance, now)?;
    }
    let invoice = billing::charge(&mut state, &id, bill, Status::Succeeded, now)?;
    let payment = default_payment(&state, &invoice);
    Ok(json!({
        "invoice": state.invoice(&invoice)?.to_json(),
        "payment_intent": payment,
        "subscription": state.subscription(&id)?.to_json(),
    }))
}

/// Sets the balance of a subscription's customer, before an invoice uses it.
fn set_balance(state: &mut State, of: &str, wanted: i64, now: i64) -> Result<()> {
    let subscription = state.subscription(of)?;
    let currency = subscription.currency.clone();
    let customer = subscription.customer.clone();
    let before = balance(state, customer.as_deref());
    if let Some(customer) = customer.filter(|_| wanted != before) {
        let change = Change {
            amount: wanted - before,
            kind: "adjustment",
            currency,
            ..Change::default()
        };
        change_balance(state, &customer, &change, now)?;
    }
    Ok(())
}

/// Returns a line with the given values, and those of the subscription's item by default.
fn line(state: &mut State, item: &Item, said: &Value) -> Result<Line> {
    let mut item = item.clone();
    if let Some(price) = said["price"].as_str() {
        item.price = state.price("price", price)?.clone();
    }
    item.quantity = said["quantity"].as_i64().unwrap_or(1);
    let mut line = Line::of(state.next_id("il_"), &item);
    line.amount = said["amount"].as_i64().unwrap_or(line.amount);
    line.proration = said["proration"] == true;
    if said["parent"] == "invoice_item" {
        line.parent = Parent::InvoiceItem(state.next_id("ii_"));
    }
    let moment = |name: &str| said["period"][name].as_i64();
    line.period = Period {
        start: moment("start").unwrap_or(line.period.start),
        end: moment("end").unwrap_or(line.period.end),
    };
    Ok(line)
}
