//! Invoice items: `/v1/invoiceitems`, amounts that wait for the next invoice of a subscription.

use serde_json::{Value, json};

use crate::stripe::billing;
use crate::stripe::objects::{Item, Line, Parent, Price};
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Result};

/// `POST /v1/invoiceitems`, for a subscription.
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let customer = form.required("customer", 255)?;
    let of = form.required("subscription", 255)?;
    let amount = form.integer("amount")?;
    let price = form.text("pricing[price]", 255)?;
    let quantity = form.integer("quantity")?.unwrap_or(1);
    let currency = form.text("currency", 3)?;
    let description = form.text("description", 5_000)?;
    form.finish()?;
    let subscription = state.subscription(&of)?.clone();
    if subscription.customer.as_ref() != Some(&customer) {
        return Err(Error::no_such("subscription", "subscription", &of));
    }
    let price = match (price, amount) {
        (Some(id), None) => state.price("pricing[price]", &id)?.clone(),
        (None, Some(amount)) => {
            let currency = currency.unwrap_or(subscription.currency);
            Price::of_amount(state.next_id("price_"), &currency, amount, now)
        }
        (Some(_), Some(_)) => return Err(Error::invalid("Pass `amount` or `pricing`, not both.")),
        (None, None) => return Err(Error::missing("amount")),
    };
    let item = Item {
        id: String::new(),
        price,
        quantity,
        current_period_start: now,
        current_period_end: now,
    };
    let mut line = Line::of(state.next_id("il_"), &item);
    line.description = description.unwrap_or(line.description);
    billing::wait(state, &of, vec![line])?;
    let subscription = state.subscription(&of)?;
    let waiting = subscription.pending.last();
    let waiting = waiting.expect("the item has just been added");
    Ok(shown(waiting, &customer, &of))
}

/// Stripe's `invoiceitem`.
fn shown(line: &Line, customer: &str, subscription: &str) -> Value {
    let id = match &line.parent {
        Parent::InvoiceItem(id) => id.as_str(),
        Parent::SubscriptionItem => "",
    };
    json!({
        "id": id,
        "object": "invoiceitem",
        "amount": line.amount,
        "currency": line.price.currency,
        "customer": customer,
        "customer_account": null,
        "date": line.period.start,
        "description": line.description,
        "discountable": true,
        "discounts": [],
        "invoice": null,
        "livemode": false,
        "metadata": {},
        "net_amount": line.amount,
        "parent": {
            "type": "subscription_details",
            "subscription_details": { "subscription": subscription },
        },
        "period": line.period,
        "pricing": {
            "type": "price_details",
            "price_details": { "price": line.price.id, "product": line.price.product },
            "unit_amount_decimal": line.price.unit_amount.to_string(),
        },
        "proration": line.proration,
        "proration_details": null,
        "quantity": line.quantity,
        "quantity_decimal": line.quantity.to_string(),
        "tax_rates": [],
        "test_clock": null,
    })
}
