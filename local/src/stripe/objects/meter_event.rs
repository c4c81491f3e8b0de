//! A meter event: the usage of a customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An accepted event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct MeterEvent {
    pub(crate) event_name: String,
    pub(crate) identifier: String,
    pub(crate) payload: BTreeMap<String, String>,
    pub(crate) timestamp: i64,
    pub(crate) created: i64,
    pub(crate) customer: String,
    pub(crate) value: i64,
    /// The idempotency key of the request.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

impl MeterEvent {
    /// Stripe's `billing.meter_event`.
    pub(crate) fn to_json(&self) -> Value {
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

/// Adds up events by the formula of their meter.
pub(crate) fn aggregate(formula: &str, events: &[&MeterEvent]) -> Value {
    match formula {
        "count" => events.len().into(),
        "last" => {
            let last = events.iter().max_by_key(|event| event.timestamp);
            last.map(|event| event.value).into()
        }
        _ => events.iter().map(|event| event.value).sum::<i64>().into(),
    }
}
