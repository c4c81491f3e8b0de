//! Rate limits: the calls that Stripe accepts in a second. <https://docs.stripe.com/rate-limits>
//!
//! They apply only with the setting `rate_limits`. They count by whole seconds of the clock; a refused call does not
//! count.

use std::collections::BTreeMap;

use crate::stripe::objects::Settings;
use crate::stripe::wire::{Call, Error, Result};

const PER_ENDPOINT: u32 = 25;
const LIVE: u32 = 100;
const SANDBOX: u32 = 25;

/// Live meter events have their own limit, and count towards no other one.
const METER_EVENTS: u32 = 1_000;
const METER_EVENTS_ENDPOINT: &str = "POST /v1/billing/meter_events";

/// The first segments of paths whose second segment names the objects.
const NAMESPACES: [&str; 5] = ["billing", "billing_portal", "checkout", "core", "radar"];

/// The calls of the current second.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    second: i64,
    all: u32,
    endpoints: BTreeMap<String, u32>,
}

impl Rates {
    /// Counts a call. Fails if its endpoint or the account has reached its limit in this second.
    pub(crate) fn count(&mut self, call: &Call, settings: &Settings) -> Result<()> {
        if !settings.rate_limits {
            return Ok(());
        }
        if self.second != call.now {
            *self = Self {
                second: call.now,
                ..Self::default()
            };
        }
        let endpoint = endpoint(call);
        let apart = endpoint == METER_EVENTS_ENDPOINT && !settings.sandbox;
        let of_endpoint = self.endpoints.entry(endpoint).or_default();
        if *of_endpoint >= if apart { METER_EVENTS } else { PER_ENDPOINT } {
            return Err(Error::rate_limited("endpoint-rate"));
        }
        let of_account = if settings.sandbox { SANDBOX } else { LIVE };
        if !apart && self.all >= of_account {
            return Err(Error::rate_limited("global-rate"));
        }
        *of_endpoint += 1;
        self.all += u32::from(!apart);
        Ok(())
    }
}

/// Returns the operation of a call: its method, and its path without the object's id.
fn endpoint(call: &Call) -> String {
    let mut words: Vec<&str> = call.path.split('/').skip(1).collect();
    let namespaced = words.get(1).is_some_and(|word| NAMESPACES.contains(word));
    if let Some(id) = words.get_mut(if namespaced { 3 } else { 2 }) {
        *id = "{id}";
    }
    format!("{} /{}", call.method, words.join("/"))
}
