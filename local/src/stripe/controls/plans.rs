//! Lets time pass for subscriptions, and puts on invoices what a test wants there.

use serde_json::{Value, json};

use crate::stripe::Stripe;
use crate::stripe::billing::{self, Bill, Outcome};
use crate::stripe::error::Error;
use crate::stripe::invoices::{Invoice, Line, Period};
use crate::stripe::payment_intents::Status;
use crate::stripe::state::State;
use crate::stripe::subscriptions::Item;

/// Renews a subscription, or gives it a status; answers it, and its invoice where there is one.
pub(super) fn change(
    stripe: &Stripe,
    id: &str,
    action: &str,
    body: &Value,
) -> Result<Value, Error> {
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    let invoice = match action {
        "renew" => {
            let outcome = match body["outcome"].as_str() {
                None => Outcome::Paid,
                Some("succeeded") => Outcome::Settled,
                Some("failed") => Outcome::Failed,
                Some(_) => return Err(Error::invalid("succeeded or failed")),
            };
            billing::renew(&mut state, id, outcome, now)?
        }
        "status" => {
            let status = super::status(body)?;
            billing::change_status(&mut state, id, status, now)?;
            None
        }
        _ => return Err(Error::invalid("renew or status")),
    };
    let invoice = invoice.and_then(|invoice| state.invoices.get(&invoice));
    Ok(json!({
        "subscription": state.subscription(id)?.to_json(),
        "invoice": invoice.map(Invoice::to_json),
    }))
}

/// Puts lines on an invoice of a subscription, which is paid then.
pub(super) fn invoice(stripe: &Stripe, body: &Value) -> Result<Value, Error> {
    let now = stripe.clock.now().as_second();
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
        tax: body["tax"].as_i64().unwrap_or_default(),
        period: Period {
            start: item.current_period_start,
            end: item.current_period_end,
        },
    };
    let invoice = billing::charge(&mut state, &id, bill, Status::Succeeded, now)?;
    let payment = state.invoice_payment(&invoice);
    let payment = payment.map(|payment| payment.payment_intent.clone());
    Ok(json!({
        "invoice": state.invoice(&invoice)?.to_json(),
        "payment_intent": payment,
        "subscription": state.subscription(&id)?.to_json(),
    }))
}

/// A line as it is said to be; what is not said is as the subscription's item is.
fn line(state: &mut State, item: &Item, said: &Value) -> Result<Line, Error> {
    let mut item = item.clone();
    if let Some(price) = said["price"].as_str() {
        let known = state.prices.get(price).cloned();
        item.price = known.ok_or_else(|| Error::no_such("price", "price", price))?;
    }
    item.quantity = said["quantity"].as_i64().unwrap_or(1);
    let mut line = Line::of(state.next_id("il_"), &item);
    line.amount = said["amount"].as_i64().unwrap_or(line.amount);
    line.proration = said["proration"] == true;
    let moment = |name: &str| said["period"][name].as_i64();
    line.period = Period {
        start: moment("start").unwrap_or(line.period.start),
        end: moment("end").unwrap_or(line.period.end),
    };
    Ok(line)
}
