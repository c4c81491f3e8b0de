//! Subscriptions: `/v1/subscriptions`. What they cost is in [`billing`].

mod subscription;

use serde_json::Value;

use super::billing;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

pub(super) use subscription::{Item, Items, Subscription};

/// What `status` may ask for besides a subscription's own.
const STATUSES: [&str; 10] = [
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
];

impl State {
    /// A subscription by its id.
    pub(super) fn subscription(&self, id: &str) -> Result<&Subscription, Error> {
        let subscription = self.subscriptions.get(id);
        subscription.ok_or_else(|| Error::no_such("subscription", "id", id))
    }

    /// A subscription by its id, to be changed.
    pub(super) fn subscription_mut(&mut self, id: &str) -> Result<&mut Subscription, Error> {
        let subscription = self.subscriptions.get_mut(id);
        subscription.ok_or_else(|| Error::no_such("subscription", "id", id))
    }
}

/// `GET /v1/subscriptions`: canceled ones only where they are asked for.
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let customer = form.text("customer", 255)?;
    let price = form.text("price", 255)?;
    let status = form.word("status", &STATUSES)?;
    let created = Created::take(form)?;
    form.finish()?;
    let of_status = |subscription: &Subscription| match status {
        None => subscription.status != "canceled",
        Some("all") => true,
        Some("ended") => subscription.has_ended(),
        Some(status) => subscription.status == status,
    };
    let of_price = |subscription: &Subscription, price: &String| {
        let mut items = subscription.items.data.iter();
        items.any(|item| item.price.id == *price)
    };
    let all = state.subscriptions.values().rev();
    let matching = all.filter(|subscription| {
        of_status(subscription)
            && created.holds(subscription.created)
            && (customer.is_none() || subscription.customer == customer)
            && price
                .as_ref()
                .is_none_or(|price| of_price(subscription, price))
    });
    let found = matching.map(Subscription::to_json).collect();
    page.of("/v1/subscriptions", found)
}

/// `GET /v1/subscriptions/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    Ok(state.subscription(id)?.to_json())
}

/// `POST /v1/subscriptions/{id}`
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let mut changed = state.subscription(id)?.clone();
    let more = ["cancel_at", "cancel_at_period_end", "items"];
    let only_metadata = !more.iter().any(|name| form.has(name));
    change_end(&mut changed, form, now)?;
    form.change_metadata("metadata", &mut changed.metadata)?;
    let item = changed_item(state, &changed, form)?;
    let prorate = form.word(
        "proration_behavior",
        &["always_invoice", "create_prorations", "none"],
    )?;
    form.finish()?;
    if changed.has_ended() && !only_metadata {
        let message =
            "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(Error::invalid(message).executed());
    }
    state.subscriptions.insert(id.to_owned(), changed);
    if let Some(item) = item {
        let prorate = prorate.unwrap_or("create_prorations");
        billing::change_price(state, id, &item, prorate, now)?;
    }
    let updated = state.subscription(id)?.to_json();
    state.emit("customer.subscription.updated", &updated, now);
    Ok(updated)
}

/// Takes when it is to end: with its period, at a moment, or not.
fn change_end(changed: &mut Subscription, form: &mut Form, now: i64) -> Result<(), Error> {
    let with_period = form.truth("cancel_at_period_end")?;
    let at = form.text("cancel_at", 20)?;
    if with_period == Some(true) && at.as_ref().is_some_and(|at| !at.is_empty()) {
        let message =
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.";
        return Err(Error::param("parameter_invalid", "cancel_at", message));
    }
    if let Some(ends) = with_period {
        changed.end_with_period(ends, now);
    }
    let Some(at) = at else { return Ok(()) };
    if at.is_empty() {
        if with_period.is_none() {
            changed.end_with_period(false, now);
        }
        return Ok(());
    }
    changed.end_with_period(false, now);
    let moment = at.parse().ok().filter(|moment| *moment > now);
    let moment = moment.ok_or_else(|| {
        let message = format!("Invalid timestamp, it must be in the future: {at}");
        Error::param("parameter_invalid_integer", "cancel_at", message)
    })?;
    changed.cancel_at = Some(moment);
    changed.canceled_at = Some(now);
    Ok(())
}

/// Takes the item that is to have another price or quantity; only one may.
fn changed_item(state: &State, of: &Subscription, form: &mut Form) -> Result<Option<Item>, Error> {
    if !form.has("items") {
        return Ok(None);
    }
    let id = form.required("items[0][id]", 255)?;
    let mut items = of.items.data.iter();
    let item = items.find(|item| item.id == id).cloned();
    let mut item = item.ok_or_else(|| Error::no_such("subscription item", "items[0][id]", &id))?;
    if let Some(price) = form.text("items[0][price]", 255)? {
        let known = state.prices.get(&price).cloned();
        let known = known.ok_or_else(|| Error::no_such("price", "items[0][price]", &price))?;
        if known.recurring.is_none() {
            let message = format!("The price specified is not recurring: `{price}`.");
            return Err(Error::param(
                "parameter_invalid",
                "items[0][price]",
                message,
            ));
        }
        item.price = known;
    }
    if let Some(quantity) = form.integer("items[0][quantity]")? {
        item.quantity = quantity;
    }
    Ok(Some(item))
}

/// `DELETE /v1/subscriptions/{id}`: ends it now.
pub(super) fn cancel(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    form.truth("invoice_now")?;
    form.truth("prorate")?;
    form.finish()?;
    if state.subscription(id)?.status == "canceled" {
        return Err(Error::no_such("subscription", "id", id));
    }
    billing::cancel(state, id, now, now)?;
    Ok(state.subscription(id)?.to_json())
}
