//! Customers: `/v1/customers`.

mod balance;
mod cards;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::billing;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;
use super::subscriptions::Card;
use cards::{PaymentMethod, default_payment_method};

pub(super) use balance::{Change, Transaction, change_balance, create_transaction, transactions};

/// A customer; a deleted one keeps its id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Customer {
    id: String,
    created: i64,
    deleted: bool,
    details: Details,
    /// The last four digits of the customer's card.
    #[serde(default)]
    card_last4: Option<String>,
    /// The card for its subscriptions, if the customer was created with one.
    #[serde(default)]
    payment_method: Option<PaymentMethod>,
    /// The amount that the customer owes; below zero, a credit for the next invoice.
    #[serde(default)]
    pub(super) balance: i64,
    /// Automatic tax does not know the customer's location.
    #[serde(default)]
    location_missing: bool,
}

/// The properties of a customer that the caller sets.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Details {
    email: Option<String>,
    name: Option<String>,
    description: Option<String>,
    phone: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Details {
    /// Reads the parameters; an empty one removes the value.
    fn change(&mut self, form: &mut Form) -> Result<(), Error> {
        let changes = [
            ("email", 512, &mut self.email),
            ("name", 256, &mut self.name),
            ("description", 5000, &mut self.description),
            ("phone", 20, &mut self.phone),
        ];
        for (name, max, field) in changes {
            if let Some(text) = form.text(name, max)? {
                *field = Some(text).filter(|text| !text.is_empty());
            }
        }
        if let Some(email) = self.email.as_ref().filter(|email| !email.contains('@')) {
            let message = format!("Invalid email address: {email}");
            return Err(Error::param("email_invalid", "email", message));
        }
        form.change_metadata("metadata", &mut self.metadata)?;
        form.finish()
    }
}

impl Customer {
    /// Returns whether the customer is not deleted: it can be charged, metered and changed.
    pub(super) fn is_there(&self) -> bool {
        !self.deleted
    }

    /// Returns the last four digits of the customer's card, if it has one.
    pub(super) fn card(&self) -> Option<&str> {
        self.card_last4.as_deref()
    }

    /// Returns the outcome of the charges of a subscription. Without a known card, charges succeed.
    pub(super) fn answers(&self) -> Card {
        let method = self.payment_method.as_ref();
        method.map_or(Card::Good, |method| method.card)
    }

    /// Stripe's `customer`, or `deleted_customer`.
    pub(super) fn to_json(&self) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        let invoice_settings = json!({
            "custom_fields": null,
            "default_payment_method": self.payment_method.as_ref().map(|method| &method.id),
            "footer": null,
            "rendering_options": null,
        });
        json!({
            "id": self.id,
            "object": "customer",
            "address": null,
            "balance": self.balance,
            "created": self.created,
            "currency": null,
            "customer_account": null,
            "default_source": null,
            "delinquent": false,
            "description": self.details.description,
            "discount": null,
            "email": self.details.email,
            "invoice_prefix": null,
            "invoice_settings": invoice_settings,
            "livemode": false,
            "metadata": self.details.metadata,
            "name": self.details.name,
            "next_invoice_sequence": 1,
            "phone": self.details.phone,
            "preferred_locales": [],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }
}

/// `POST /v1/customers`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let payment_method = default_payment_method(state, form)?;
    let mut details = Details::default();
    details.change(form)?;
    let customer = Customer {
        id: state.next_id("cus_"),
        created: now,
        deleted: false,
        details,
        card_last4: payment_method.as_ref().map(|method| method.last4.clone()),
        payment_method,
        balance: 0,
        location_missing: false,
    };
    let created = customer.to_json();
    state.customers.insert(customer.id.clone(), customer);
    Ok(created)
}

/// `GET /v1/customers`, optionally by e-mail address, which is case-sensitive.
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let email = form.text("email", 512)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.customers.values().rev();
    let matching = all.filter(|customer| {
        let same = email.is_none() || customer.details.email == email;
        customer.is_there() && same && created.holds(customer.created)
    });
    page.of("/v1/customers", matching.map(Customer::to_json).collect())
}

/// `GET /v1/customers/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let customer = state.customers.get(id);
    let customer = customer.ok_or_else(|| Error::no_such("customer", "id", id))?;
    Ok(customer.to_json())
}

/// `POST /v1/customers/{id}`
pub(super) fn update(state: &mut State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let customer = existing(state, id)?;
    let mut details = customer.details.clone();
    details.change(form)?;
    customer.details = details;
    Ok(customer.to_json())
}

/// `DELETE /v1/customers/{id}`, which also ends its subscriptions.
pub(super) fn delete(state: &mut State, form: &Form, id: &str, now: i64) -> Result<Value, Error> {
    form.finish()?;
    let customer = existing(state, id)?;
    let was = customer.to_json();
    customer.deleted = true;
    customer.details = Details::default();
    customer.card_last4 = None;
    customer.payment_method = None;
    let deleted = customer.to_json();
    state.emit("customer.deleted", &was, now);
    let subscriptions = state.subscriptions.values();
    let own = subscriptions
        .filter(|one| one.customer.as_deref() == Some(id) && !one.has_ended())
        .map(|one| one.id.clone());
    for subscription in own.collect::<Vec<_>>() {
        billing::cancel(state, &subscription, now, now)?;
    }
    Ok(deleted)
}

impl State {
    /// Returns whether automatic tax knows the customer's location.
    pub(super) fn is_located(&self, id: Option<&str>) -> bool {
        let customer = id.and_then(|id| self.customers.get(id));
        customer.is_none_or(|customer| !customer.location_missing)
    }
}

/// Sets whether automatic tax knows a customer's location.
pub(super) fn locate(state: &mut State, id: &str, known: bool) -> Result<Value, Error> {
    let customer = existing(state, id)?;
    customer.location_missing = !known;
    Ok(customer.to_json())
}

/// Replaces a customer's card.
pub(super) fn take_card(state: &mut State, id: &str, last4: &str, now: i64) -> Result<(), Error> {
    let customer = existing(state, id)?;
    customer.card_last4 = Some(last4.to_owned());
    let updated = customer.to_json();
    state.emit("customer.updated", &updated, now);
    Ok(())
}

fn existing<'s>(state: &'s mut State, id: &str) -> Result<&'s mut Customer, Error> {
    let customer = state.customers.get_mut(id);
    customer
        .filter(|customer| customer.is_there())
        .ok_or_else(|| Error::no_such("customer", "id", id))
}
