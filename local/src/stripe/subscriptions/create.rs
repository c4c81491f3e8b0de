//! `POST /v1/subscriptions`: a subscription without a page, charged to the customer's card.

use serde_json::Value;

use super::update::{TrialEnd, trial_end};
use crate::stripe::billing::{self, Beginning, Ordered};
use crate::stripe::customers::Customer;
use crate::stripe::error::Error;
use crate::stripe::form::Form;
use crate::stripe::state::State;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// `POST /v1/subscriptions`
pub(in crate::stripe) fn create(
    state: &mut State,
    form: &mut Form,
    now: i64,
) -> Result<Value, Error> {
    let customer = form.required("customer", 255)?;
    let known = state.customers.get(&customer);
    let known = known.filter(|customer| customer.is_there());
    let card = known.map(Customer::answers);
    let card = card.ok_or_else(|| Error::no_such("customer", "customer", &customer))?;
    let ordered = ordered(state, form)?;
    let automatic_tax = form.truth("automatic_tax[enabled]")? == Some(true);
    let end = match trial_end(form, now)? {
        Some(TrialEnd::At(end)) => Some(end),
        Some(TrialEnd::Now) | None => None,
    };
    let days = form.integer("trial_period_days")?;
    let billing_mode = form.word("billing_mode[type]", &["classic", "flexible"])?;
    let metadata = form.metadata("metadata")?;
    form.finish()?;
    let prices: Vec<_> = ordered.iter().map(|one| &one.price).collect();
    if automatic_tax {
        state.settings.tax.require(&prices)?;
    }
    let beginning = Beginning {
        currency: prices[0].currency.clone(),
        customer: Some(customer),
        metadata,
        ordered,
        automatic_tax,
        discount: 0,
        trial_end: end.or(days.map(|days| now + days * DAY_SECONDS)),
        billing_mode: billing_mode.map(str::to_owned),
        card,
    };
    let begun = billing::subscribe(state, beginning, None, card.outcome(), now)?;
    Ok(state.subscription(&begun.subscription)?.to_json())
}

fn ordered(state: &State, form: &mut Form) -> Result<Vec<Ordered>, Error> {
    let mut ordered = Vec::new();
    for number in 0.. {
        let path = format!("items[{number}]");
        if !form.has(&path) {
            break;
        }
        let param = format!("{path}[price]");
        let id = form.required(&param, 255)?;
        let price = state.prices.get(&id).cloned();
        let price = price.ok_or_else(|| Error::no_such("price", &param, &id))?;
        if !price.active {
            let message = format!("The price specified is inactive: `{id}`.");
            return Err(Error::param("price_inactive", &param, message).executed());
        }
        if price.recurring.is_none() {
            let message = format!("The price specified is not recurring: `{id}`.");
            return Err(Error::param("parameter_invalid", &param, message));
        }
        let product = state.products.get(&price.product);
        ordered.push(Ordered {
            quantity: form.integer(&format!("{path}[quantity]"))?.unwrap_or(1),
            name: product.map_or_else(String::new, |product| product.name.clone()),
            price,
        });
    }
    if ordered.is_empty() {
        return Err(Error::missing("items"));
    }
    Ok(ordered)
}
