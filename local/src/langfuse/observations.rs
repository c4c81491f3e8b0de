//! `GET /api/public/v2/observations`: reads observations back, newest first, in pages.
//!
//! A page ends at a place and not at an index, as in Langfuse. If it ends between two copies of one span, the second
//! copy is never returned.

use serde_json::{Map, Value, json};

use super::query::{Place, Query};
use super::span::Span;

/// The length to which metadata values are cut, unless the query expands them.
const METADATA_CHARACTERS: usize = 200;

/// Returns a page of the readable observations, which must come newest first.
pub(super) fn page<'a>(query: &Query, readable: impl Iterator<Item = &'a Span>) -> Value {
    let mut found = readable.filter(|span| query.holds(span));
    let page: Vec<&Span> = found.by_ref().take(query.limit).collect();
    let data: Vec<Value> = page.iter().map(|span| observation(span, query)).collect();
    let mut meta = Map::new();
    if let Some(last) = page.last().filter(|_| found.next().is_some()) {
        meta.insert("cursor".to_owned(), Place::of(last).cursor().into());
    }
    json!({ "data": data, "meta": meta })
}

/// Returns Langfuse's observation, with the field groups of the query.
fn observation(span: &Span, query: &Query) -> Value {
    // Times of the model belong to start and end, so they are present with those.
    let mut observation = json!({
        "id": span.span_id,
        "traceId": Some(&span.trace_id).filter(|trace| !trace.is_empty()),
        "startTime": span.start,
        "endTime": span.end,
        "projectId": "local",
        "parentObservationId": span.parent_span_id,
        "type": span.shown_kind(),
        "latency": latency(span),
        "timeToFirstToken": null,
        "modelId": null,
        "inputPrice": null,
        "outputPrice": null,
        "totalPrice": null,
    });
    for group in &query.groups {
        let fields = fields(span, group, query.whole_metadata);
        if let (Value::Object(fields), Some(observation)) = (fields, observation.as_object_mut()) {
            observation.extend(fields);
        }
    }
    observation
}

fn fields(span: &Span, group: &str, whole_metadata: bool) -> Value {
    let attribute = |name: &str| span.attributes.get(name).cloned().unwrap_or_default();
    match group {
        "basic" => json!({
            "name": span.name,
            "level": span.shown_level(),
            "statusMessage": span.status_message,
            "version": span.version,
            "environment": span.environment,
            "bookmarked": false,
            "public": attribute("langfuse.trace.public") == true,
            "userId": span.user_id,
            "sessionId": span.session_id,
            "isRootObservation": span.is_root(),
        }),
        "time" => {
            let taken_at = span.taken_at.map(|time| format!("{time:.3}"));
            json!({
                "completionStartTime": attribute("langfuse.observation.completion_start_time"),
                "createdAt": taken_at,
                "updatedAt": taken_at,
            })
        }
        "io" => json!({ "input": span.input, "output": span.output }),
        "metadata" => json!({ "metadata": metadata(span, whole_metadata) }),
        // Langfuse documents `providedModelName` and returns `model`.
        "model" => json!({
            "model": span.model,
            "providedModelName": span.model,
            "internalModelId": null,
            "modelParameters": attribute("langfuse.observation.model.parameters"),
        }),
        "usage" => json!({
            "usageDetails": object(&span.usage),
            "costDetails": object(&span.cost),
            "totalCost": span.cost["total"],
            "usagePricingTierName": null,
        }),
        "prompt" => json!({
            "promptId": null,
            "promptName": attribute("langfuse.observation.prompt.name"),
            "promptVersion": attribute("langfuse.observation.prompt.version"),
        }),
        "trace_context" => json!({
            "tags": span.tags.as_array().cloned().unwrap_or_default(),
            "traceName": span.trace_name,
            "release": attribute("langfuse.release"),
        }),
        _ => Value::Null,
    }
}

fn metadata(span: &Span, whole: bool) -> Value {
    let shown = |value: &Value| match value {
        Value::String(text) if !whole => {
            let beginning: String = text.chars().take(METADATA_CHARACTERS).collect();
            beginning.into()
        }
        value => value.clone(),
    };
    let entries = span.metadata.iter();
    let entries: Map<_, _> = entries
        .map(|(key, value)| (key.clone(), shown(value)))
        .collect();
    entries.into()
}

fn object(details: &Value) -> Value {
    if details.is_null() {
        return json!({});
    }
    details.clone()
}

/// Returns the time from start to end, in seconds.
fn latency(span: &Span) -> Value {
    let took = span.ended().duration_since(span.started()).as_millis();
    let seconds = format!("{}.{:03}", took / 1000, took % 1000);
    serde_json::from_str(&seconds).unwrap_or_default()
}
