//! Errors that Stripe reports after it has accepted meter events.
//!
//! An accepted event that cannot be billed is in no invoice and no summary. The only report of it is a thin event with
//! some samples. <https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api#handle-meter-event-errors>

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::stripe::objects::MeterEvent;
use crate::stripe::state::State;
use crate::stripe::wire::json::text;
use crate::stripe::wire::{Error, Result, v2};

/// The most samples in a report for each error.
const MAX_SAMPLES: usize = 100;

/// The window of events that a report covers.
const WINDOW_SECONDS: i64 = 10;

/// The code of events whose meter does not exist; they have their own report.
const NO_METER: &str = "no_meter";

/// The code of events whose customer does not exist.
const NO_CUSTOMER: &str = "meter_event_customer_not_found";

/// The names of events in a report. They are identifiers, or the keys that the events were sent with.
///
/// Stripe documents the identifier of a sample as "the request idempotency key".
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Naming {
    #[default]
    Identifier,
    IdempotencyKey,
}

/// The report that a test requests.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    /// One kind of error, or…
    #[serde(default)]
    identifiers: Vec<String>,
    code: Option<String>,
    /// …several of them.
    #[serde(default)]
    errors: Vec<Mistake>,
    /// The meter; by default that of the first event named.
    meter: Option<String>,
    /// The number of samples for each kind.
    samples: Option<usize>,
    /// True to keep the events in the summaries.
    #[serde(default)]
    keep: bool,
    /// True to let their identifiers be used again.
    #[serde(default)]
    forget: bool,
    #[serde(default, rename = "as")]
    naming: Naming,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    identifiers: Vec<String>,
    code: String,
}

/// Removes events from their meter and reports them; returns the thin event.
pub(crate) fn report(state: &mut State, body: &Value, now: i64) -> Result {
    let mut report = Report::deserialize(body)
        .map_err(|error| Error::invalid(format!("Invalid report of errors: {error}")))?;
    if let Some(code) = report.code.take() {
        let identifiers = std::mem::take(&mut report.identifiers);
        report.errors.push(Mistake { identifiers, code });
    }
    let empty = |mistake: &Mistake| mistake.identifiers.is_empty() || mistake.code.is_empty();
    if !report.identifiers.is_empty() || report.errors.is_empty() || report.errors.iter().any(empty)
    {
        let message = "Each error needs a `code` and `identifiers`.";
        return Err(Error::invalid(message));
    }
    publish(state, &report, now)
}

/// Reports events of deleted customers, once a window has passed since they were accepted.
pub(crate) fn report_rejected(state: &mut State, now: i64) {
    let due = |event: &MeterEvent| event.created + WINDOW_SECONDS <= now;
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in state.rejected_events.iter().filter(|event| due(event)) {
        let identifiers = kinds.entry(event.event_name.clone()).or_default();
        identifiers.push(event.identifier.clone());
    }
    for identifiers in kinds.into_values() {
        let report = Report {
            errors: vec![Mistake {
                identifiers,
                code: NO_CUSTOMER.to_owned(),
            }],
            naming: Naming::IdempotencyKey,
            ..Report::default()
        };
        // The events are gone even if their meter is, too.
        let _reported = publish(state, &report, now);
    }
    state.rejected_events.retain(|event| !due(event));
}

/// Loses events, and returns them. Their identifiers stay used, unless `forget` is true.
pub(crate) fn lose(state: &mut State, identifiers: &[String], forget: bool) -> Vec<MeterEvent> {
    let lost = |event: &mut MeterEvent| identifiers.contains(&event.identifier);
    let lost = state.meter_events.extract_if(.., lost).collect();
    if forget {
        state
            .identifiers
            .retain(|identifier, _| !identifiers.contains(identifier));
    }
    lost
}

fn publish(state: &mut State, report: &Report, now: i64) -> Result {
    let homeless = report
        .errors
        .iter()
        .filter(|one| one.code == NO_METER)
        .count();
    if homeless != 0 && homeless != report.errors.len() {
        let message = "Events without a meter need a report of their own.";
        return Err(Error::invalid(message));
    }
    let named = report.errors.iter().flat_map(|one| one.identifiers.iter());
    let named: Vec<String> = named.cloned().collect();
    let (kind, related) = if homeless > 0 {
        ("v1.billing.meter.no_meter_found", None)
    } else {
        let meter = meter(state, report.meter.as_deref(), &named)?;
        let related = json!({
            "id": meter,
            "type": "billing.meter",
            "url": format!("/v1/billing/meters/{meter}"),
        });
        ("v1.billing.meter.error_report_triggered", Some(related))
    };
    let data = data(state, report, named.len(), now);
    let lost = if report.keep {
        Vec::new()
    } else {
        lose(state, &named, report.forget)
    };
    let event = state.emit_thin(kind, related.as_ref(), &data, now);
    Ok(json!({ "event": event, "removed": lost.len() }))
}

/// Returns the id of the meter of a report.
fn meter(state: &State, wanted: Option<&str>, named: &[String]) -> Result<String> {
    if let Some(wanted) = wanted {
        state.object_of("meters", "meter", wanted)?;
        return Ok(wanted.to_owned());
    }
    let mut events = state.meter_events.iter().chain(&state.rejected_events);
    let first = events.find(|event| named.contains(&event.identifier));
    let name = first.map(|event| event.event_name.as_str());
    let mut meters = state.objects.all("meters");
    let meter = meters.find(|meter| name.is_none_or(|name| meter["event_name"] == name));
    let meter = meter.map(|meter| text(meter, "id").to_owned());
    meter.ok_or_else(|| Error::invalid("There is no meter for this report."))
}

/// Returns the idempotency key of an event.
fn key<'s>(state: &'s State, identifier: &str) -> Option<&'s str> {
    let mut events = state.meter_events.iter().chain(&state.rejected_events);
    let event = events.find(|event| event.identifier == identifier)?;
    event.key.as_deref()
}

fn data(state: &State, report: &Report, count: usize, now: i64) -> Value {
    let samples = report.samples.unwrap_or(MAX_SAMPLES).min(MAX_SAMPLES);
    let kinds = report.errors.iter().map(|mistake| {
        let named = mistake.identifiers.iter().take(samples);
        let samples = named.map(|identifier| {
            let name = match report.naming {
                Naming::Identifier => None,
                Naming::IdempotencyKey => key(state, identifier),
            };
            json!({
                "error_message": message(&mistake.code),
                "request": { "identifier": name.unwrap_or(identifier) },
            })
        });
        json!({
            "code": mistake.code,
            "error_count": mistake.identifiers.len(),
            "sample_errors": samples.collect::<Vec<_>>(),
        })
    });
    let kinds: Vec<Value> = kinds.collect();
    let summary = match count {
        1 => "There is 1 invalid event".to_owned(),
        count => format!("There are {count} invalid events"),
    };
    json!({
        "developer_message_summary": summary,
        "reason": { "error_count": count, "error_types": kinds },
        "validation_end": v2::time(now),
        "validation_start": v2::time(now - WINDOW_SECONDS),
    })
}

/// Returns the message for an error, similar to Stripe's.
fn message(code: &str) -> &'static str {
    match code {
        "archived_meter" => "The meter is archived.",
        NO_CUSTOMER => "The customer of the event does not exist.",
        "meter_event_no_customer_defined" => {
            "Customer mapping key stripe_customer_id not found in payload."
        }
        "meter_event_value_not_found" => "Value key value not found in payload.",
        "meter_event_invalid_value" => "The value of the event is not valid.",
        NO_METER => "No meter matches the event name.",
        _ => "The event is not valid.",
    }
}
