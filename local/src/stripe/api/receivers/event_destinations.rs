//! Event destinations: `/v2/core/event_destinations`, where thin events go.
//!
//! Only webhook endpoints for thin events are made here; those for snapshots are `/v1/webhook_endpoints`.

use serde_json::{Value, json};

use super::webhook_endpoints::is_url;
use crate::stripe::state::State;
use crate::stripe::wire::json::shown;
use crate::stripe::wire::v2::{self, Page};
use crate::stripe::wire::{Call, Error, Form, Result, Rule};

const KIND: &str = "event_destinations";
const SECRET: &str = "webhook_endpoint.signing_secret";
const URL: &str = "webhook_endpoint.url";

/// Returns a destination with only those details of its endpoint that the caller asks for.
fn show(destination: &Value, include: &[String]) -> Value {
    let asked = |field: &str| include.iter().any(|asked| asked == field);
    let mut shown = shown(destination);
    if asked(SECRET) {
        shown["webhook_endpoint"]["signing_secret"] = destination["_secrets"][0].clone();
    }
    if !asked(URL) {
        shown["webhook_endpoint"]["url"] = Value::Null;
    }
    if include.is_empty() {
        shown["webhook_endpoint"] = Value::Null;
    }
    shown
}

/// Changes a destination by the remaining parameters.
fn change(form: &mut Form, destination: &mut Value) -> Result<()> {
    let rules = [
        ("name", Rule::Text(255)),
        ("description", Rule::Text(5_000)),
        ("webhook_endpoint[url]", Rule::Text(2_048)),
    ];
    let url = form.peek("webhook_endpoint[url]");
    if url.is_some_and(|url| !is_url(url)) {
        let message = "Invalid webhook_endpoint.url: an explicit scheme must be provided.";
        return Err(Error::invalid(message));
    }
    form.change(destination, &rules)?;
    let events = form.list("enabled_events");
    if !events.is_empty() {
        // Refuses `*`, which would include future events, and snapshot events, whose types have no version.
        let thin = |event: &str| event.starts_with("v1.") || event.starts_with("v2.");
        if let Some(event) = events.iter().find(|event| !thin(event)) {
            let message = format!("Invalid enabled_events: `{event}` is not a thin event.");
            return Err(Error::invalid(message));
        }
        destination["enabled_events"] = events.into();
    }
    form.change(destination, &[("metadata", Rule::MetadataOrNull)])?;
    form.finish()
}

/// `POST /v2/core/event_destinations`. The secret is in this response only, and only on request.
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let include = v2::include(form, &[SECRET, URL])?;
    form.required_word("type", &["webhook_endpoint"])?;
    form.required_word("event_payload", &["thin"])?;
    let from = form.list("events_from");
    if from.iter().any(|from| from != "@self") {
        let message = "Invalid events_from: only `@self` is supported.";
        return Err(Error::invalid(message));
    }
    let mut destination = json!({
        "object": "v2.core.event_destination",
        "created": v2::time(call.now),
        "description": "",
        "enabled_events": [],
        "event_payload": "thin",
        "events_from": ["@self"],
        "livemode": false,
        "metadata": null,
        "name": "",
        "snapshot_api_version": null,
        "status": "enabled",
        "status_details": null,
        "type": "webhook_endpoint",
        "updated": v2::time(call.now),
        "webhook_endpoint": { "signing_secret": null, "url": "" },
    });
    change(form, &mut destination)?;
    let empty = [json!(""), json!([])];
    for required in ["name", "webhook_endpoint.url", "enabled_events"] {
        let member = destination.pointer(&format!("/{}", required.replace('.', "/")));
        if member.is_some_and(|member| empty.contains(member)) {
            return Err(Error::missing(required));
        }
    }
    destination["id"] = state.next_id("ed_test_").into();
    destination["_secrets"] = json!([state.next_id("whsec_")]);
    let created = show(&destination, &include);
    state.keep(KIND, destination);
    Ok(created)
}

/// `GET /v2/core/event_destinations`
pub(crate) fn list(state: &mut State, call: &mut Call, _: &str) -> Result {
    let page = Page::take(&mut call.form)?;
    let include = v2::include(&mut call.form, &[URL])?;
    call.form.finish()?;
    let all = state.objects.all(KIND).rev();
    let all: Vec<Value> = all.map(|one| show(one, &include)).collect();
    page.of(&call.path, &all)
}

/// `GET /v2/core/event_destinations/{id}`
pub(crate) fn retrieve(state: &mut State, call: &mut Call, id: &str) -> Result {
    let include = v2::include(&mut call.form, &[URL])?;
    call.form.finish()?;
    Ok(show(state.object(KIND, id)?, &include))
}

/// `POST /v2/core/event_destinations/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let include = v2::include(&mut call.form, &[URL])?;
    let mut destination = state.object(KIND, id)?.clone();
    change(&mut call.form, &mut destination)?;
    destination["updated"] = v2::time(call.now).into();
    let updated = show(&destination, &include);
    state.keep(KIND, destination);
    Ok(updated)
}

/// `POST /v2/core/event_destinations/{id}/enable` and `…/disable`
pub(crate) fn switch(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let mut destination = state.object(KIND, id)?.clone();
    let enabled = call.path.ends_with("/enable");
    let by_user = (!enabled).then(|| json!({ "disabled": { "reason": "user" } }));
    destination["status"] = if enabled { "enabled" } else { "disabled" }.into();
    destination["status_details"] = by_user.into();
    destination["updated"] = v2::time(call.now).into();
    let switched = show(&destination, &[]);
    state.keep(KIND, destination);
    Ok(switched)
}

/// `DELETE /v2/core/event_destinations/{id}`
pub(crate) fn delete(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    state.object(KIND, id)?;
    state.objects.remove(KIND, id);
    Ok(json!({ "id": id, "object": "v2.core.event_destination", "deleted": true }))
}
