//! Events: `/v1/events`, changes in the account, each with a snapshot of its object.

use serde_json::{Value, json};

use super::API_VERSION;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;
use super::thin_events;

impl State {
    /// Records an event, and adds a delivery for each endpoint subscribed to it.
    pub(super) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = self.next_id("evt_");
        let receivers = self.receivers(kind);
        self.events.push(json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": receivers.len(),
            "request": { "id": null, "idempotency_key": null },
            "type": kind,
        }));
        for endpoint in receivers {
            self.deliver(&id, kind, &endpoint);
        }
    }

    /// Returns an event by its id.
    fn event(&self, id: &str) -> Option<&Value> {
        self.events.iter().find(|event| event["id"] == id)
    }

    /// Returns the payload for deliveries: the whole event, or a notification of a thin one.
    pub(super) fn payload(&self, id: &str) -> Option<Value> {
        let event = self.event(id).cloned();
        event.or_else(|| self.thin_event(id).map(thin_events::notification))
    }

    /// Returns the type of an event, and the ids of its receivers.
    pub(super) fn addressed(&self, id: &str) -> Option<(String, Vec<String>)> {
        let kind = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
        if let Some(kind) = self.event(id).map(kind) {
            let receivers = self.receivers(&kind);
            return Some((kind, receivers));
        }
        let kind = self.thin_event(id).map(kind)?;
        let receivers = self.thin_receivers(&kind);
        Some((kind, receivers))
    }
}

/// `GET /v1/events`, filtered by type and time.
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let mut kinds = form.list("types");
    kinds.extend(form.text("type", 100)?);
    let created = Created::take(form)?;
    form.finish()?;
    let within = |event: &Value| created.holds(event["created"].as_i64().unwrap_or_default());
    let newest_first = state.events.iter().rev();
    let matching = newest_first.filter(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        within(event) && (kinds.is_empty() || kinds.iter().any(|asked| asked == kind))
    });
    page.of("/v1/events", matching.cloned().collect())
}

/// `GET /v1/events/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let event = state.event(id).cloned();
    event.ok_or_else(|| Error::no_such("event", "id", id))
}
