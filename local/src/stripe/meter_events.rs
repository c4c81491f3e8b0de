//! Meter events and their summaries: `/v1/billing/meter_events`, `…/meters/{id}/event_summaries`.
//!
//! The fake guarantees only what Stripe does: an identifier is unique for exactly 24 hours, and a customer's meter
//! accepts one call at a time.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Call;
use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::meters::Meter;
use super::prices::Price;
use super::state::State;

const MAX_PAST_SECONDS: i64 = 35 * 24 * 60 * 60;
const MAX_FUTURE_SECONDS: i64 = 5 * 60;
const IDENTIFIER_SECONDS: i64 = 24 * 60 * 60;
const MAX_VALUE_DIGITS: usize = 15;

/// An accepted event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct MeterEvent {
    event_name: String,
    identifier: String,
    payload: BTreeMap<String, String>,
    timestamp: i64,
    created: i64,
    customer: String,
    value: i64,
    /// The idempotency key of the request.
    #[serde(default)]
    key: Option<String>,
}

impl MeterEvent {
    /// Returns the event name, which selects the meter.
    pub(super) fn event_name(&self) -> &str {
        &self.event_name
    }

    /// Returns the time at which it was accepted.
    pub(super) fn created(&self) -> i64 {
        self.created
    }

    /// The idempotency key of the request.
    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the identifier that the caller chose.
    pub(super) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Stripe's `billing.meter_event`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "object": "billing.meter_event",
            "created": self.created,
            "event_name": self.event_name,
            "identifier": self.identifier,
            "livemode": false,
            "payload": self.payload,
            "timestamp": self.timestamp,
        })
    }
}

impl State {
    /// Loses events, and returns them. Their identifiers stay used, unless `forget` is true.
    pub(super) fn lose(&mut self, identifiers: &[String], forget: bool) -> Vec<MeterEvent> {
        let lost = |event: &mut MeterEvent| identifiers.contains(&event.identifier);
        let lost = self.meter_events.extract_if(.., lost).collect();
        if forget {
            self.identifiers
                .retain(|identifier, _| !identifiers.contains(identifier));
        }
        lost
    }

    /// Returns the usage of a customer in a period, for a metered price: a whole number, at least zero.
    pub(super) fn used(&self, price: &Price, customer: &str, period: Range<i64>) -> i64 {
        let meter = price.meter().and_then(|id| self.meters.get(id));
        let Some(meter) = meter else { return 0 };
        let events = self.meter_events.iter().filter(|event| {
            let own = event.event_name == meter.event_name && event.customer == customer;
            own && period.contains(&event.timestamp)
        });
        let events: Vec<&MeterEvent> = events.collect();
        let used = aggregate(&meter.formula, &events);
        used.as_i64().unwrap_or_default().max(0)
    }
}

/// `POST /v1/billing/meter_events`
pub(super) fn create(state: &mut State, call: &mut Call) -> Result<Value, Error> {
    let form = &mut call.form;
    let event_name = form.required("event_name", 100)?;
    let identifier = form.text("identifier", 100)?;
    let timestamp = form.integer("timestamp")?.unwrap_or(call.now);
    let payload = form.nested("payload");
    form.finish()?;
    if payload.is_empty() {
        return Err(Error::missing("payload"));
    }
    let meter = active_meter(state, &event_name)?;
    let value = value(&payload, &meter.value_key)?;
    check_time(timestamp, call.now)?;
    let (customer, deleted) = customer(state, &payload, &meter.customer_key)?;

    let exclusive = (customer.clone(), meter.id.clone());
    if !state.busy.insert(exclusive.clone()) {
        return Err(Error::busy());
    }
    call.exclusive = Some(exclusive);
    let identifier = identifier.filter(|identifier| !identifier.is_empty());
    let identifier = identifier.unwrap_or_else(|| state.next_id("evt_meter_"));
    let received = state.identifiers.get(&identifier);
    if received.is_some_and(|received| call.now - received < IDENTIFIER_SECONDS) {
        let message = format!("An event already exists with identifier {identifier}.");
        let error = Error::param("duplicate_meter_event", "identifier", message);
        return Err(error.executed());
    }
    let event = MeterEvent {
        event_name,
        identifier: identifier.clone(),
        payload,
        timestamp,
        created: call.now,
        customer,
        value,
        key: call.key.clone(),
    };
    let created = event.to_json();
    state.identifiers.insert(identifier, call.now);
    if deleted {
        state.rejected_events.push(event);
    } else {
        state.meter_events.push(event);
    }
    Ok(created)
}

fn active_meter(state: &State, event_name: &str) -> Result<Meter, Error> {
    let mut meters = state.meters.values();
    let (code, trouble) = match meters.find(|meter| meter.event_name == event_name) {
        Some(meter) if meter.is_active() => return Ok(meter.clone()),
        Some(_) => ("archived_meter", "is archived"),
        None => ("no_meter", "does not exist"),
    };
    let message = format!(
        "No active meter found corresponding to event name {event_name}: the meter {trouble}."
    );
    Err(Error::param(code, "event_name", message).executed())
}

fn value(payload: &BTreeMap<String, String>, key: &str) -> Result<i64, Error> {
    let param = format!("payload[{key}]");
    let text = payload.get(key).ok_or_else(|| Error::missing(&param))?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("Invalid meter event value: {text}. It must be a whole number.");
        return Err(Error::param("meter_event_invalid_value", &param, message));
    }
    let significant = digits.trim_start_matches('0');
    if significant.len() > MAX_VALUE_DIGITS {
        let message = format!(
            "Invalid meter event value: {text}. \
             It has more than {MAX_VALUE_DIGITS} significant digits."
        );
        let code = "meter_event_value_too_many_digits";
        return Err(Error::param(code, &param, message));
    }
    let value = significant
        .bytes()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Ok(if text.starts_with('-') { -value } else { value })
}

fn check_time(timestamp: i64, now: i64) -> Result<(), Error> {
    if timestamp < now - MAX_PAST_SECONDS {
        let message = "The timestamp must be within the past 35 calendar days.";
        return Err(Error::param(
            "timestamp_too_far_in_past",
            "timestamp",
            message,
        ));
    }
    if timestamp > now + MAX_FUTURE_SECONDS {
        let message = "The timestamp must be at most 5 minutes in the future.";
        return Err(Error::param("timestamp_in_future", "timestamp", message));
    }
    Ok(())
}

/// Returns the customer of an event, and whether it is deleted.
///
/// Documented: `meter_event_customer_not_found` is reported after the event was accepted. Assumed: this applies to a
/// deleted customer, and an id that was never a customer is refused at once.
fn customer(
    state: &State,
    payload: &BTreeMap<String, String>,
    key: &str,
) -> Result<(String, bool), Error> {
    let param = format!("payload[{key}]");
    let id = payload.get(key).ok_or_else(|| Error::missing(&param))?;
    let known = state.customers.get(id);
    let deleted = known.is_some_and(|customer| !customer.is_there());
    if known.is_none() || deleted && !state.settings.late_meter_errors {
        return Err(Error::no_such("customer", &param, id));
    }
    Ok((id.clone(), deleted))
}

/// `GET /v1/billing/meters/{id}/event_summaries`, from `start_time` up to but excluding `end_time`.
///
/// An event is included once the account's summary delay has passed.
pub(super) fn summaries(
    state: &State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let window = match form.word("value_grouping_window", &["hour", "day"])? {
        Some("hour") => Some(60 * 60),
        Some(_) => Some(24 * 60 * 60),
        None => None,
    };
    let customer = form.required("customer", 255)?;
    let start = aligned(form, "start_time", window.unwrap_or(60))?;
    let end = aligned(form, "end_time", window.unwrap_or(60))?;
    form.finish()?;
    if end <= start {
        let message = "end_time must be after start_time.";
        return Err(Error::param("parameter_invalid", "end_time", message));
    }
    let meter = state.meters.get(id);
    let meter = meter.ok_or_else(|| Error::no_such("billing meter", "id", id))?;
    if !state.customers.contains_key(&customer) {
        return Err(Error::no_such("customer", "customer", &customer));
    }

    let mut windows: BTreeMap<i64, Vec<&MeterEvent>> = BTreeMap::new();
    let events = state.meter_events.iter();
    for event in events.filter(|event| {
        let inside = (start..end).contains(&event.timestamp);
        let added_up = event.created + state.summary_delay_seconds <= now;
        event.event_name == meter.event_name && event.customer == customer && inside && added_up
    }) {
        let begins = window.map_or(start, |window| event.timestamp - event.timestamp % window);
        windows.entry(begins).or_default().push(event);
    }
    let newest_first = windows.iter().rev();
    let summaries = newest_first.map(|(begins, events)| {
        json!({
            "id": format!("mtrusg_test_Local{begins}"),
            "object": "billing.meter_event_summary",
            "aggregated_value": aggregate(&meter.formula, events),
            "start_time": begins,
            "end_time": window.map_or(end, |window| begins + window),
            "livemode": false,
            "meter": id,
        })
    });
    let url = format!("/v1/billing/meters/{id}/event_summaries");
    page.of(&url, summaries.collect())
}

fn aligned(form: &mut Form, name: &str, seconds: i64) -> Result<i64, Error> {
    let time = form.integer(name)?.ok_or_else(|| Error::missing(name))?;
    if time % seconds != 0 {
        let message = format!("{name} must be aligned with {seconds} seconds.");
        return Err(Error::param("parameter_invalid", name, message));
    }
    Ok(time)
}

fn aggregate(formula: &str, events: &[&MeterEvent]) -> Value {
    match formula {
        "count" => events.len().into(),
        "last" => {
            let last = events.iter().max_by_key(|event| event.timestamp);
            last.map(|event| event.value).into()
        }
        _ => events.iter().map(|event| event.value).sum::<i64>().into(),
    }
}
