//! Event destinations: `/v2/core/event_destinations`, where thin events go.
//!
//! Only webhook endpoints for thin events are made here; those for snapshots are
//! `/v1/webhook_endpoints`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::state::State;
use super::v2::{self, Page};

const PATH: &str = "/v2/core/event_destinations";
const SECRET: &str = "webhook_endpoint.signing_secret";
const URL: &str = "webhook_endpoint.url";

/// A destination. While its secret is being rolled it has two, and both sign.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Destination {
    id: String,
    name: String,
    description: String,
    pub(super) url: String,
    pub(super) secrets: Vec<String>,
    enabled: bool,
    enabled_events: Vec<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
    updated: i64,
}

impl Destination {
    /// Stripe's `v2.core.event_destination`, with its URL, which the API includes only on request.
    pub(super) fn to_json(&self) -> Value {
        self.show(&[URL.to_owned()])
    }

    fn show(&self, include: &[String]) -> Value {
        let asked = |field: &str| include.iter().any(|asked| asked == field);
        let url = asked(URL).then_some(&self.url);
        let secret = self.secrets.first().filter(|_| asked(SECRET));
        let details =
            (!include.is_empty()).then(|| json!({ "signing_secret": secret, "url": url }));
        let status = if self.enabled { "enabled" } else { "disabled" };
        let disabled = (!self.enabled).then(|| json!({ "disabled": { "reason": "user" } }));
        json!({
            "id": self.id,
            "object": "v2.core.event_destination",
            "created": v2::time(self.created),
            "description": self.description,
            "enabled_events": self.enabled_events,
            "event_payload": "thin",
            "events_from": ["@self"],
            "livemode": false,
            // Null without metadata, as in Stripe's types.
            "metadata": (!self.metadata.is_empty()).then_some(&self.metadata),
            "name": self.name,
            "snapshot_api_version": null,
            "status": status,
            "status_details": disabled,
            "type": "webhook_endpoint",
            "updated": v2::time(self.updated),
            "webhook_endpoint": details,
        })
    }

    /// Reads the parameters that may change.
    fn change(&mut self, form: &mut Form) -> Result<(), Error> {
        if let Some(name) = form.text("name", 255)? {
            self.name = name;
        }
        if let Some(description) = form.text("description", 5_000)? {
            self.description = description;
        }
        if let Some(url) = form.text("webhook_endpoint[url]", 2_048)? {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                let message = "Invalid webhook_endpoint.url: an explicit scheme must be provided.";
                return Err(Error::invalid(message));
            }
            self.url = url;
        }
        let events = form.list("enabled_events");
        if !events.is_empty() {
            // Refuses `*`, which would include future events, and snapshot events, whose types have no version.
            let thin = |event: &&String| event.starts_with("v1.") || event.starts_with("v2.");
            if let Some(event) = events.iter().find(|event| !thin(event)) {
                let message = format!("Invalid enabled_events: `{event}` is not a thin event.");
                return Err(Error::invalid(message));
            }
            self.enabled_events = events;
        }
        form.change_metadata("metadata", &mut self.metadata)
    }
}

impl State {
    /// Returns the ids of the destinations for a type of thin event.
    pub(super) fn thin_receivers(&self, kind: &str) -> Vec<String> {
        let destinations = self.event_destinations.values();
        destinations
            .filter(|one| one.enabled && one.enabled_events.iter().any(|asked| asked == kind))
            .map(|one| one.id.clone())
            .collect()
    }
}

/// `POST /v2/core/event_destinations`. The secret is in this response only, and only on request.
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let include = v2::include(form, &[SECRET, URL])?;
    let kind = form.word("type", &["webhook_endpoint"])?;
    kind.ok_or_else(|| Error::missing("type"))?;
    let payload = form.word("event_payload", &["thin"])?;
    payload.ok_or_else(|| Error::missing("event_payload"))?;
    let from = form.list("events_from");
    if from.iter().any(|from| from != "@self") {
        return Err(Error::invalid(
            "Invalid events_from: only `@self` is supported.",
        ));
    }
    let mut destination = Destination {
        enabled: true,
        created: now,
        updated: now,
        ..Destination::default()
    };
    destination.change(form)?;
    form.finish()?;
    let missing = [
        ("name", destination.name.is_empty()),
        ("webhook_endpoint.url", destination.url.is_empty()),
        ("enabled_events", destination.enabled_events.is_empty()),
    ];
    if let Some((name, _)) = missing.into_iter().find(|(_, missing)| *missing) {
        return Err(Error::missing(name));
    }
    destination.id = state.next_id("ed_test_");
    destination.secrets.push(state.next_id("whsec_"));
    let created = destination.show(&include);
    let id = destination.id.clone();
    state.event_destinations.insert(id, destination);
    Ok(created)
}

/// `GET /v2/core/event_destinations`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let include = v2::include(form, &[URL])?;
    form.finish()?;
    let all = state.event_destinations.values().rev();
    let all: Vec<Value> = all.map(|one| one.show(&include)).collect();
    page.of(PATH, &all)
}

/// `GET /v2/core/event_destinations/{id}`
pub(super) fn retrieve(state: &State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let include = v2::include(form, &[URL])?;
    form.finish()?;
    let destination = state.event_destinations.get(id);
    Ok(destination.ok_or_else(|| unknown(id))?.show(&include))
}

/// `POST /v2/core/event_destinations/{id}`
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let include = v2::include(form, &[URL])?;
    let destination = existing(state, id)?;
    let mut changed = destination.clone();
    changed.change(form)?;
    form.finish()?;
    changed.updated = now;
    *destination = changed;
    Ok(destination.show(&include))
}

/// `POST /v2/core/event_destinations/{id}/enable` and `…/disable`
pub(super) fn enable(
    state: &mut State,
    form: &Form,
    id: &str,
    enabled: bool,
    now: i64,
) -> Result<Value, Error> {
    form.finish()?;
    let destination = existing(state, id)?;
    destination.enabled = enabled;
    destination.updated = now;
    Ok(destination.show(&[]))
}

/// `DELETE /v2/core/event_destinations/{id}`
pub(super) fn delete(state: &mut State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let deleted = state.event_destinations.remove(id);
    deleted.ok_or_else(|| unknown(id))?;
    Ok(json!({ "id": id, "object": "v2.core.event_destination", "deleted": true }))
}

fn existing<'s>(state: &'s mut State, id: &str) -> Result<&'s mut Destination, Error> {
    let destination = state.event_destinations.get_mut(id);
    destination.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::no_such("event destination", "id", id)
}
