//! Meter events: usage for Stripe's meter, one event per identifier.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{Error, Refusal, Stripe};
use crate::words::id::CustomerId;
use crate::words::sparks::Sparks;

/// The name of the meter that all usage goes to. It has no price: Sparks are prepaid.
pub const METER_EVENT_NAME: &str = "sparks_used";

/// The pause for a customer after Stripe limited the rate of their events, in milliseconds.
const CUSTOMER_PAUSE_MS: i64 = 1_000;

/// The maximum number of pauses that are remembered.
const MAX_PAUSES: usize = 1_000;

/// The paused customers, with the end of each pause.
pub(super) type Pauses = Mutex<HashMap<CustomerId, Timestamp>>;

/// Usage for Stripe's meter. <https://docs.stripe.com/api/billing/meter-event/create>
#[derive(Clone, Debug)]
pub struct MeterEvent<'a> {
    /// The usage or the parcel; Stripe counts one event per identifier.
    pub identifier: &'a str,
    /// The customer whose usage it is.
    pub customer: &'a CustomerId,
    /// The amount, sent in milli-Sparks, since Stripe accepts whole numbers only.
    pub value: Sparks,
    /// The time of the usage.
    pub occurred_at: Timestamp,
    /// The number of earlier attempts. Stripe keeps a failure under its key, so each attempt has a key of its own; the
    /// identifier makes it count once.
    pub attempt: i64,
}

impl Stripe {
    /// Sends an event to the meter. Succeeds if Stripe already has the event.
    pub async fn record_meter_event(
        &self,
        event: &MeterEvent<'_>,
        timeout: Duration,
    ) -> Result<(), Error> {
        if self.is_paused(event.customer) {
            return Err(Error::Skipped);
        }
        let (value, timestamp) = (
            event.value.milli().to_string(),
            event.occurred_at.as_second().to_string(),
        );
        let form = [
            ("event_name", METER_EVENT_NAME),
            ("identifier", event.identifier),
            ("timestamp", &timestamp),
            ("payload[stripe_customer_id]", event.customer.as_str()),
            ("payload[value]", &value),
        ];
        let key = match event.attempt {
            0 => event.identifier.to_owned(),
            attempt => format!("{}:{attempt}", event.identifier),
        };
        match self
            .submit("/v1/billing/meter_events", &form, &key, timeout)
            .await
        {
            Ok(_) => Ok(()),
            Err(Error::Refused(refusal)) if refusal.is_duplicate_of(event.identifier) => Ok(()),
            Err(Error::RateLimited) => {
                self.pause(event.customer);
                Err(Error::RateLimited)
            }
            Err(error) => Err(error),
        }
    }

    fn is_paused(&self, customer: &CustomerId) -> bool {
        let pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses
            .get(customer)
            .is_some_and(|until| self.clock.now() < *until)
    }

    fn pause(&self, customer: &CustomerId) {
        let now = self.clock.now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.len() >= MAX_PAUSES {
            pauses.retain(|_, until| now < *until);
        }
        if pauses.len() < MAX_PAUSES {
            let until = Timestamp::from_millisecond(now.as_millisecond() + CUSTOMER_PAUSE_MS);
            pauses.insert(customer.clone(), until.unwrap_or(now));
        }
    }
}

impl Refusal {
    /// Returns whether Stripe already has this event. Not every such refusal carries the code.
    fn is_duplicate_of(&self, identifier: &str) -> bool {
        let message = self.message.expose_secret();
        let named = message.contains("already exists") && message.contains(identifier);
        self.status == StatusCode::BAD_REQUEST && (self.code == "duplicate_meter_event" || named)
    }
}
