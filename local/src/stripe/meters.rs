//! Meters: `/v1/billing/meters`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A meter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Meter {
    pub(super) id: String,
    pub(super) event_name: String,
    /// The key of an event's payload that holds the customer.
    pub(super) customer_key: String,
    /// The key of an event's payload that holds the value.
    pub(super) value_key: String,
    /// `sum`, `count` or `last`.
    pub(super) formula: String,
    display_name: String,
    event_time_window: Option<String>,
    created: i64,
    updated: i64,
    deactivated_at: Option<i64>,
}

impl Meter {
    /// Returns the meter that Sparks uses.
    pub(super) fn of_sparks(id: String, now: i64) -> Self {
        Self {
            id,
            event_name: "sparks_used".to_owned(),
            customer_key: "stripe_customer_id".to_owned(),
            value_key: "value".to_owned(),
            formula: "sum".to_owned(),
            display_name: "Sparks used".to_owned(),
            event_time_window: None,
            created: now,
            updated: now,
            deactivated_at: None,
        }
    }

    /// Returns whether it accepts events.
    pub(super) fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }

    fn status(&self) -> &'static str {
        if self.is_active() {
            "active"
        } else {
            "inactive"
        }
    }

    /// Stripe's `billing.meter`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "billing.meter",
            "created": self.created,
            "customer_mapping": { "event_payload_key": self.customer_key, "type": "by_id" },
            "default_aggregation": { "formula": self.formula },
            "display_name": self.display_name,
            "event_name": self.event_name,
            "event_time_window": self.event_time_window,
            "livemode": false,
            "status": self.status(),
            "status_transitions": { "deactivated_at": self.deactivated_at },
            "updated": self.updated,
            "value_settings": { "event_payload_key": self.value_key },
        })
    }
}

/// `POST /v1/billing/meters`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let aggregation = "default_aggregation[formula]";
    let formula = form.word(aggregation, &["sum", "count", "last"])?;
    let formula = formula.ok_or_else(|| Error::missing(aggregation))?;
    let mapping = form.word("customer_mapping[type]", &["by_id"])?;
    let customer_key = form.text("customer_mapping[event_payload_key]", 100)?;
    if mapping.is_some() != customer_key.is_some() {
        return Err(Error::missing("customer_mapping"));
    }
    let value_key = form.text("value_settings[event_payload_key]", 100)?;
    let window = form.word("event_time_window", &["hour", "day"])?;
    let display_name = form.required("display_name", 250)?;
    let event_name = form.required("event_name", 100)?;
    form.finish()?;
    // An archived meter keeps its name forever.
    let mut meters = state.meters.values();
    if meters.any(|meter| meter.event_name == event_name) {
        let message = format!("There is already a meter with the event name {event_name}.");
        let error = Error::param("resource_already_exists", "event_name", message);
        return Err(error.executed());
    }
    let meter = Meter {
        id: state.next_id("mtr_test_"),
        event_name,
        customer_key: customer_key.unwrap_or_else(|| "stripe_customer_id".to_owned()),
        value_key: value_key.unwrap_or_else(|| "value".to_owned()),
        formula: formula.to_owned(),
        display_name,
        event_time_window: window.map(str::to_owned),
        created: now,
        updated: now,
        deactivated_at: None,
    };
    let created = meter.to_json();
    state.meters.insert(meter.id.clone(), meter);
    Ok(created)
}

/// `GET /v1/billing/meters`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let status = form.word("status", &["active", "inactive"])?;
    form.finish()?;
    let all = state.meters.values().rev();
    let matching = all.filter(|meter| status.is_none_or(|status| meter.status() == status));
    page.of("/v1/billing/meters", matching.map(Meter::to_json).collect())
}

/// `GET /v1/billing/meters/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let meter = state.meters.get(id);
    let meter = meter.ok_or_else(|| Error::no_such("billing meter", "id", id))?;
    Ok(meter.to_json())
}

/// `POST /v1/billing/meters/{id}`: only the display name can change.
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let display_name = form.text("display_name", 250)?;
    form.finish()?;
    let meter = existing(state, id)?;
    if let Some(display_name) = display_name {
        meter.display_name = display_name;
        meter.updated = now;
    }
    Ok(meter.to_json())
}

/// `POST /v1/billing/meters/{id}/deactivate` and `…/reactivate`
pub(super) fn set_active(
    state: &mut State,
    form: &Form,
    id: &str,
    active: bool,
    now: i64,
) -> Result<Value, Error> {
    form.finish()?;
    let meter = existing(state, id)?;
    meter.deactivated_at = (!active).then_some(now);
    meter.updated = now;
    Ok(meter.to_json())
}

fn existing<'s>(state: &'s mut State, id: &str) -> Result<&'s mut Meter, Error> {
    let meter = state.meters.get_mut(id);
    meter.ok_or_else(|| Error::no_such("billing meter", "id", id))
}
