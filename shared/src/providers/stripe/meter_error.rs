//! Reports of meter events that Stripe had accepted and could not count.
//! <https://docs.stripe.com/api/v2/core/events/event-types>

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Error, Stripe};
use crate::words::meter_event_id::MeterEventId;

/// A report.
#[derive(Debug, PartialEq, Eq)]
pub struct MeterErrors {
    /// The time at which Stripe created it.
    pub created: Timestamp,
    /// The number of events that it is about.
    pub count: u64,
    /// The usages and parcels that it names, which are samples.
    pub errors: Vec<MeterError>,
}

/// One event that was not counted.
#[derive(Debug, PartialEq, Eq)]
pub struct MeterError {
    /// The event.
    pub event: MeterEventId,
    /// Stripe's code, such as `meter_event_customer_not_found`.
    pub code: String,
}

#[derive(Deserialize)]
struct Event {
    created: Timestamp,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    reason: Reason,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    error_count: u64,
    #[serde(default)]
    error_types: Vec<ErrorType>,
}

#[derive(Deserialize)]
struct ErrorType {
    code: String,
    #[serde(default)]
    sample_errors: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    identifier: String,
}

impl Stripe {
    /// Reads a report by the id of its event. None if Stripe has none of this id.
    pub async fn meter_errors(
        &self,
        event: &str,
        timeout: Duration,
    ) -> Result<Option<MeterErrors>, Error> {
        let clear = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if event.is_empty() || !event.bytes().all(clear) {
            return Ok(None);
        }
        let found: Option<Event> = self
            .read(&format!("/v2/core/events/{event}"), timeout)
            .await?;
        Ok(found.map(MeterErrors::of))
    }
}

impl MeterErrors {
    fn of(event: Event) -> Self {
        let reason = event.data.reason;
        let errors = reason.error_types.into_iter().flat_map(|kind| {
            let code = kind.code;
            let samples = kind.sample_errors.into_iter();
            samples.filter_map(move |sample| {
                let event = without_attempt(&sample.request.identifier).parse();
                let code = code.clone();
                event.ok().map(|event| MeterError { event, code })
            })
        });
        Self {
            created: event.created,
            count: reason.error_count,
            errors: errors.collect(),
        }
    }
}

/// Returns the identifier of the event that a report names.
///
/// The name is the identifier, or the idempotency key that the event was sent with, which adds the number of the
/// attempt.
fn without_attempt(named: &str) -> &str {
    match named.rsplit_once(':') {
        Some((identifier, attempt)) if attempt.bytes().all(|byte| byte.is_ascii_digit()) => {
            identifier
        }
        _ => named,
    }
}
