//! A delivery: one event for one endpoint.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One event for one endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) kind: String,
    pub(crate) endpoint: String,
    pub(crate) due_ms: i64,
    pub(crate) stage: Stage,
    pub(crate) attempts: Vec<Value>,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Not processed yet.
    New,
    /// Waiting until it is due.
    Pending,
    /// In flight.
    Sending,
    /// Waits until another delivery is accepted.
    Reordered,
    /// Held until it is released.
    Held,
    /// Dropped by a fault.
    Dropped,
    /// Accepted by the endpoint.
    Delivered,
    /// Given up.
    Failed,
}
