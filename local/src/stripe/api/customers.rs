//! Customers and their balances: `/v1/customers`.

use serde_json::{Value, json};

use crate::stripe::billing;
use crate::stripe::money::customers::{Change, change_balance};
use crate::stripe::objects::Card;
use crate::stripe::state::State;
use crate::stripe::wire::json::{set, shown, text};
use crate::stripe::wire::{Call, Error, Form, Page, Result, Rule};

/// Stripe's test cards that can be attached: name, last four digits, outcome of a charge.
/// <https://docs.stripe.com/testing>
const TEST_CARDS: [(&str, &str, Card); 2] = [
    ("pm_card_visa", "4242", Card::Good),
    ("pm_card_chargeCustomerFail", "0341", Card::Declined),
];

/// The parameters that change a customer.
const DETAILS: [(&str, Rule); 5] = [
    ("email", Rule::Optional(512)),
    ("name", Rule::Optional(256)),
    ("description", Rule::Optional(5_000)),
    ("phone", Rule::Optional(20)),
    ("metadata", Rule::Metadata),
];

/// Changes the details of a customer by the remaining parameters.
fn change(form: &mut Form, customer: &mut Value) -> Result<()> {
    form.change(customer, &DETAILS)?;
    if let Some(email) = customer["email"]
        .as_str()
        .filter(|email| !email.contains('@'))
    {
        let message = format!("Invalid email address: {email}");
        return Err(Error::param("email_invalid", "email", message));
    }
    form.finish()
}

/// `POST /v1/customers`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let card = default_card(&mut call.form)?;
    let card = card.map(|(last4, card)| (state.next_id("pm_"), last4, card));
    let mut customer = json!({
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": call.now,
        "currency": null,
        "customer_account": null,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "discount": null,
        "email": null,
        "invoice_prefix": null,
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": card.as_ref().map(|(id, ..)| id),
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": {},
        "name": null,
        "next_invoice_sequence": 1,
        "phone": null,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
        "_card": card.as_ref().map(|(_, _, card)| card),
        "_last4": card.as_ref().map(|(_, last4, _)| last4),
    });
    change(&mut call.form, &mut customer)?;
    customer["id"] = state.next_id("cus_").into();
    Ok(state.keep("customers", customer))
}

/// Takes the parameters of a new customer's card. Returns the last digits and the outcome of the card for its
/// subscriptions.
///
/// A card that is attached without being the default is not charged, and is not kept. The message for a default that
/// is not attached is assumed.
fn default_card(form: &mut Form) -> Result<Option<(&'static str, Card)>> {
    let attached = form.text("payment_method", 5_000)?;
    let param = "invoice_settings[default_payment_method]";
    let default = form.text(param, 5_000)?;
    let mut cards = TEST_CARDS.into_iter();
    let card = attached.as_deref().map(|name| {
        let card = cards.find(|(known, ..)| *known == name);
        card.ok_or_else(|| Error::no_such("PaymentMethod", "payment_method", name))
    });
    let card = card.transpose()?;
    let Some(default) = default.filter(|default| !default.is_empty()) else {
        return Ok(None);
    };
    let Some((_, last4, card)) = card.filter(|(known, ..)| *known == default) else {
        let message = format!(
            "The customer does not have a payment method with the ID {default}. The payment method \
             must be attached to the customer."
        );
        return Err(Error::param("resource_missing", param, message));
    };
    Ok(Some((last4, card)))
}

/// `POST /v1/customers/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let mut customer = state.customer("id", id)?.clone();
    change(&mut call.form, &mut customer)?;
    Ok(state.keep("customers", customer))
}

/// `DELETE /v1/customers/{id}`, which also ends its subscriptions. A deleted customer keeps its id.
pub(crate) fn delete(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let mut customer = state.customer("id", id)?.clone();
    let was = shown(&customer);
    let deletion = json!({ "deleted": true, "email": null, "_card": null, "_last4": null });
    set(&mut customer, deletion);
    let deleted = state.keep("customers", customer);
    state.emit("customer.deleted", &was, call.now);
    let subscriptions = state.subscriptions.values();
    let own = subscriptions
        .filter(|one| one.customer.as_deref() == Some(id) && !one.has_ended())
        .map(|one| one.id.clone());
    for subscription in own.collect::<Vec<_>>() {
        billing::cancel(state, &subscription, call.now, call.now)?;
    }
    Ok(deleted)
}

/// `POST /v1/customers/{id}/balance_transactions`
pub(crate) fn create_transaction(state: &mut State, call: &mut Call, id: &str) -> Result {
    let form = &mut call.form;
    let change = Change {
        amount: form.required_integer("amount")?,
        kind: "adjustment",
        currency: form.required("currency", 3)?,
        description: form.text("description", 350)?,
        invoice: None,
    };
    form.finish()?;
    change_balance(state, id, &change, call.now)
}

/// `GET /v1/customers/{id}/balance_transactions`
pub(crate) fn transactions(state: &mut State, call: &mut Call, id: &str) -> Result {
    let page = Page::take(&mut call.form)?;
    call.form.finish()?;
    state.object("customers", id)?;
    let all = state.objects.all("customer_balance_transactions").rev();
    let own = all.filter(|transaction| text(transaction, "customer") == id);
    page.of(&call.path, own.cloned().collect())
}
