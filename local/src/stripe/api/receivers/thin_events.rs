//! Thin events: `/v2/core/events`. Their deliveries name the related object, without data.

use jiff::Timestamp;
use serde_json::Value;

use crate::stripe::state::State;
use crate::stripe::wire::v2::Page;
use crate::stripe::wire::{Call, Error, Form, Result};

/// The time for which an event can be read.
const READABLE_SECONDS: i64 = 30 * 24 * 60 * 60;

const MAX_TYPES: usize = 20;

/// `GET /v2/core/events`, filtered by type, time and object.
pub(crate) fn list(state: &mut State, call: &mut Call, _: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
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
    let newest_first = state.objects.all("thin_events").rev();
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
    page.of(&call.path, &found)
}

/// `GET /v2/core/events/{id}`
pub(crate) fn retrieve(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let event = state.object("thin_events", id)?;
    if is_readable(event, call.now) {
        Ok(event.clone())
    } else {
        Err(Error::no_such("event", "id", id))
    }
}

fn moment(form: &mut Form, name: &str) -> Result<Option<Timestamp>> {
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
