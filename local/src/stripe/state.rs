//! What is in a Stripe account, and what it was asked.

use std::collections::{BTreeMap, HashSet};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customers::Customer;
use super::idempotency::Keys;
use super::meter_events::MeterEvent;
use super::meters::Meter;
use crate::http::{Request, Response, single};

/// All of an account. Ids rise, so the order of ids is the order of creation.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct State {
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) meters: BTreeMap<String, Meter>,
    pub(super) meter_events: Vec<MeterEvent>,
    /// When each identifier of an event was last received.
    pub(super) identifiers: BTreeMap<String, i64>,
    pub(super) keys: Keys,
    pub(super) requests: Vec<Logged>,
    /// The customers' meters that a call has for itself at the moment.
    #[serde(skip)]
    pub(super) busy: HashSet<(String, String)>,
    last_id: u64,
}

impl State {
    /// An account with nothing but the meter of Sparks.
    pub(super) fn new(now: i64) -> Self {
        let mut state = Self {
            customers: BTreeMap::new(),
            meters: BTreeMap::new(),
            meter_events: Vec::new(),
            identifiers: BTreeMap::new(),
            keys: Keys::default(),
            requests: Vec::new(),
            busy: HashSet::new(),
            last_id: 0,
        };
        let meter = Meter::of_sparks(state.next_id("mtr_test_"), now);
        state.meters.insert(meter.id.clone(), meter);
        state
    }

    /// An id not yet used.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}Local{:09}", self.last_id)
    }

    /// All of it, for people and tests.
    pub(super) fn listed(&self) -> Value {
        let customers: Vec<Value> = self.customers.values().map(Customer::to_json).collect();
        let meters: Vec<Value> = self.meters.values().map(Meter::to_json).collect();
        let events: Vec<Value> = self.meter_events.iter().map(MeterEvent::to_json).collect();
        json!({
            "customers": customers,
            "checkout_sessions": [],
            "subscriptions": [],
            "invoices": [],
            "refunds": [],
            "disputes": [],
            "meters": meters,
            "meter_events": events,
            "events": [],
            "deliveries": [],
            "requests": self.requests,
        })
    }
}

/// One request and its answer, delivered or lost; without a status, it was refused at the door.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Logged {
    method: String,
    path: String,
    idempotency_key: Option<String>,
    status: Option<u16>,
    replayed: bool,
}

impl Logged {
    /// A request not yet answered.
    pub(super) fn of(request: &Request) -> Self {
        let posted = request.method() == Method::POST;
        let key = single(request.headers(), "idempotency-key").filter(|_| posted);
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            idempotency_key: key.map(str::to_owned),
            status: None,
            replayed: false,
        }
    }

    /// Notes the answer.
    pub(super) fn answered(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.replayed = response.headers().contains_key("idempotent-replayed");
    }
}
