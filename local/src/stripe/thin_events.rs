//! Thin events: `/v2/core/events`. Their deliveries name the related object, without data.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::state::State;
use super::v2::{self, Page};

/// The time for which an event can be read.
const READABLE_SECONDS: i64 = 30 * 24 * 60 * 60;

const MAX_TYPES: usize = 20;

impl State {
    /// Records an event, and adds a delivery of its notification for each destination subscribed to it.
    pub(super) fn emit_thin(
        &mut self,
        kind: &str,
        related_object: Option<&Value>,
        data: &Value,
        now: i64,
    ) -> Value {
        let id = self.next_id("evt_test_");
        let event = json!({
            "id": id,
            "object": "v2.core.event",
            "changes": null,
            "context": null,
            "created": v2::time(now),
            "data": data,
            "livemode": false,
            "reason": null,
            "related_object": related_object,
            "type": kind,
        });
        self.thin_events.push(event.clone());
        for destination in self.thin_receivers(kind) {
            self.deliver(&id, kind, &destination);
        }
        event
    }

    /// Returns an event by its id.
    pub(super) fn thin_event(&self, id: &str) -> Option<&Value> {
        self.thin_events.iter().find(|event| event["id"] == id)
    }
}

/// Returns the notification of an event, which is delivered.
pub(super) fn notification(event: &Value) -> Value {
    json!({
        "id": event["id"],
        "object": event["object"],
        "type": event["type"],
        "livemode": event["livemode"],
        "created": event["created"],
        "context": event["context"],
        "related_object": event["related_object"],
    })
}

/// `GET /v2/core/events`, filtered by type, time and object.
pub(super) fn list(state: &State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let kinds = form.list("types");
    if kinds.len() > MAX_TYPES {
        return Err(Error::invalid(format!(
            "Invalid types: at most {MAX_TYPES}."
        )));
    }
    let object = form.text("object_id", 255)?;
    let mut bounds = Vec::new();
    for name in ["gt", "gte", "lt", "lte"] {
        if let Some(bound) = moment(form, &format!("created[{name}]"))? {
            bounds.push((name, bound));
        }
    }
    form.finish()?;
    let newest_first = state.thin_events.iter().rev();
    let matching = newest_first.filter(|event| {
        let created = created(event);
        let of_kind = |kind: &String| event["type"] == kind.as_str();
        let within = |(name, bound): &(&str, Timestamp)| match *name {
            "gt" => created > *bound,
            "gte" => created >= *bound,
            "lt" => created < *bound,
            _ => created <= *bound,
        };
        is_readable(event, now)
            && (kinds.is_empty() || kinds.iter().any(of_kind))
            && object
                .as_ref()
                .is_none_or(|id| event["related_object"]["id"] == id.as_str())
            && bounds.iter().all(within)
    });
    let found: Vec<Value> = matching.cloned().collect();
    page.of("/v2/core/events", &found)
}

/// `GET /v2/core/events/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str, now: i64) -> Result<Value, Error> {
    form.finish()?;
    let event = state.thin_event(id);
    let event = event.filter(|event| is_readable(event, now)).cloned();
    event.ok_or_else(|| Error::no_such("event", "id", id))
}

fn moment(form: &mut Form, name: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = form.text(name, 100)? else {
        return Ok(None);
    };
    let read = text.parse().map(Some);
    read.map_err(|_| Error::invalid(format!("Invalid {name}: `{text}` is not an RFC 3339 time.")))
}

fn created(event: &Value) -> Timestamp {
    let created = event["created"].as_str().and_then(|text| text.parse().ok());
    created.unwrap_or(Timestamp::MIN)
}

fn is_readable(event: &Value, now: i64) -> bool {
    now - created(event).as_second() < READABLE_SECONDS
}
