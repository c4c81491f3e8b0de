//! The data of an account.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::calls::Logged;
use super::delivery::Delivery;
use super::keys::Keys;
use super::objects::Objects;
use super::rates::Rates;
use crate::stripe::objects::{Invoice, MeterEvent, Price, Session, Settings, Subscription};
use crate::stripe::wire::{Call, Result};

/// The state of an account. Ids rise, so their order is the order of creation.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) objects: Objects,
    pub(crate) prices: BTreeMap<String, Price>,
    pub(crate) checkout_sessions: BTreeMap<String, Session>,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    pub(crate) invoices: BTreeMap<String, Invoice>,
    pub(crate) meter_events: Vec<MeterEvent>,
    /// Accepted events that are to be reported as errors later.
    pub(crate) rejected_events: Vec<MeterEvent>,
    /// The time at which each identifier of an event was last received.
    pub(crate) identifiers: BTreeMap<String, i64>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) keys: Keys,
    pub(crate) requests: Vec<Logged>,
    /// The customers' meters that calls in progress have locked.
    #[serde(skip)]
    pub(crate) busy: HashSet<(String, String)>,
    /// The calls of this second.
    #[serde(skip)]
    rates: Rates,
    /// The delay until a meter's summaries include an event.
    #[serde(skip)]
    pub(crate) summary_delay_seconds: i64,
    /// The base URL of its pages.
    #[serde(skip)]
    pub(crate) base: String,
    last_id: u64,
}

impl State {
    /// Returns an empty account.
    pub(crate) fn new() -> Self {
        Self {
            base: "https://checkout.stripe.com".to_owned(),
            ..Self::default()
        }
    }

    /// Counts a call towards the rate limits; fails above them.
    pub(crate) fn count(&mut self, call: &Call) -> Result<()> {
        self.rates.count(call, &self.settings)
    }

    /// Returns a new id.
    pub(crate) fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}Local{:09}", self.last_id)
    }
}
