//! Meter events and their summaries: `/v1/billing/meter_events`, `…/meters/{id}/event_summaries`.
//!
//! The fake guarantees only what Stripe does: an identifier is unique for exactly 24 hours, and a customer's meter
//! accepts one call at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stripe::objects::{MeterEvent, aggregate};
use crate::stripe::state::State;
use crate::stripe::wire::json::text;
use crate::stripe::wire::{Call, Error, Form, Page, Result};

const MAX_PAST_SECONDS: i64 = 35 * 24 * 60 * 60;
const MAX_FUTURE_SECONDS: i64 = 5 * 60;
const IDENTIFIER_SECONDS: i64 = 24 * 60 * 60;
const MAX_VALUE_DIGITS: usize = 15;

/// `POST /v1/billing/meter_events`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
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
    let value = value(
        &payload,
        text(&meter["value_settings"], "event_payload_key"),
    )?;
    check_time(timestamp, call.now)?;
    let key = text(&meter["customer_mapping"], "event_payload_key");
    let (customer, deleted) = customer(state, &payload, key)?;

    let exclusive = (customer.clone(), text(&meter, "id").to_owned());
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

fn active_meter(state: &State, event_name: &str) -> Result<Value> {
    let mut meters = state.objects.all("meters");
    let (code, trouble) = match meters.find(|meter| meter["event_name"] == event_name) {
        Some(meter) if meter["status"] == "active" => return Ok(meter.clone()),
        Some(_) => ("archived_meter", "is archived"),
        None => ("no_meter", "does not exist"),
    };
    let message = format!(
        "No active meter found corresponding to event name {event_name}: the meter {trouble}."
    );
    Err(Error::param(code, "event_name", message).executed())
}

fn value(payload: &BTreeMap<String, String>, key: &str) -> Result<i64> {
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

fn check_time(timestamp: i64, now: i64) -> Result<()> {
    if timestamp < now - MAX_PAST_SECONDS {
        let message = "The timestamp must be within the past 35 calendar days.";
        let code = "timestamp_too_far_in_past";
        return Err(Error::param(code, "timestamp", message));
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
) -> Result<(String, bool)> {
    let param = format!("payload[{key}]");
    let id = payload.get(key).ok_or_else(|| Error::missing(&param))?;
    let known = state.object_of("customers", &param, id)?;
    let deleted = known["deleted"] == true;
    if deleted && !state.settings.late_meter_errors {
        return Err(Error::no_such("customer", &param, id));
    }
    Ok((id.clone(), deleted))
}

/// `GET /v1/billing/meters/{id}/event_summaries`, from `start_time` up to but excluding `end_time`.
///
/// An event is included once the account's summary delay has passed.
pub(crate) fn summaries(state: &mut State, call: &mut Call, id: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
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
    let meter = state.object("meters", id)?;
    let formula = text(&meter["default_aggregation"], "formula");
    state.object_of("customers", "customer", &customer)?;

    let mut windows: BTreeMap<i64, Vec<&MeterEvent>> = BTreeMap::new();
    let events = state.meter_events.iter();
    for event in events.filter(|event| {
        let inside = (start..end).contains(&event.timestamp);
        let added_up = event.created + state.summary_delay_seconds <= now;
        meter["event_name"] == event.event_name.as_str()
            && event.customer == customer
            && inside
            && added_up
    }) {
        let begins = window.map_or(start, |window| event.timestamp - event.timestamp % window);
        windows.entry(begins).or_default().push(event);
    }
    let newest_first = windows.iter().rev();
    let summaries = newest_first.map(|(begins, events)| {
        json!({
            "id": format!("mtrusg_test_Local{begins}"),
            "object": "billing.meter_event_summary",
            "aggregated_value": aggregate(formula, events),
            "start_time": begins,
            "end_time": window.map_or(end, |window| begins + window),
            "livemode": false,
            "meter": id,
        })
    });
    page.of(&call.path, summaries.collect())
}

fn aligned(form: &mut Form, name: &str, seconds: i64) -> Result<i64> {
    let time = form.required_integer(name)?;
    if time % seconds != 0 {
        let message = format!("{name} must be aligned with {seconds} seconds.");
        return Err(Error::param("parameter_invalid", name, message));
    }
    Ok(time)
}
