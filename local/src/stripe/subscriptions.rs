//! Subscriptions: `/v1/subscriptions`. Their invoices are made in [`billing`].

mod create;
mod subscription;
mod update;

use serde_json::Value;

use super::billing;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

pub(super) use create::create;
pub(super) use subscription::{Card, Item, Items, PauseCollection, Subscription};
pub(super) use update::{TrialEnd, pause, resume, update};

/// The values of the filter `status`.
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
    /// Returns a subscription by its id.
    pub(super) fn subscription(&self, id: &str) -> Result<&Subscription, Error> {
        let subscription = self.subscriptions.get(id);
        subscription.ok_or_else(|| Error::no_such("subscription", "id", id))
    }

    /// Returns a subscription by its id, mutable.
    pub(super) fn subscription_mut(&mut self, id: &str) -> Result<&mut Subscription, Error> {
        let subscription = self.subscriptions.get_mut(id);
        subscription.ok_or_else(|| Error::no_such("subscription", "id", id))
    }
}

/// `GET /v1/subscriptions`; canceled ones only if `status` asks for them.
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

/// `DELETE /v1/subscriptions/{id}`, which ends it now.
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
