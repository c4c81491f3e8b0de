//! The destination of thin events, which version 2 of the API has beside webhook endpoints.
//! <https://docs.stripe.com/api/v2/core/event-destinations>

use serde::Deserialize;
use shared::providers::stripe;

use super::objects::{Metadata, is_of_stage};
use super::{CALL_TIMEOUT, StripeAccount};

/// Path of the event destinations.
pub(crate) const DESTINATIONS: &str = "/v2/core/event_destinations";

/// The thin events that a deployment acts on.
pub(crate) const THIN_EVENTS: [&str; 2] = [
    "v1.billing.meter.error_report_triggered",
    "v1.billing.meter.no_meter_found",
];

/// A destination of thin events; it has its secret only if it was just created.
#[derive(Deserialize)]
pub(crate) struct Destination {
    pub(crate) id: String,
    pub(crate) status: String,
    enabled_events: Vec<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    webhook_endpoint: Option<Receiver>,
}

#[derive(Deserialize)]
struct Receiver {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    signing_secret: Option<String>,
}

#[derive(Deserialize)]
struct Destinations {
    data: Vec<Destination>,
}

impl Destination {
    /// Returns whether it sends all events to this URL.
    pub(crate) fn serves(&self, url: &str) -> bool {
        let receiver = self.webhook_endpoint.as_ref();
        let there = receiver.and_then(|receiver| receiver.url.as_deref());
        there == Some(url) && self.sends_all()
    }

    /// Returns whether it is enabled and sends all events.
    pub(crate) fn sends_all(&self) -> bool {
        let sent = |event: &&str| self.enabled_events.iter().any(|sent| sent == event);
        self.status == "enabled" && THIN_EVENTS.iter().all(sent)
    }

    /// Returns its secret; None unless it was just created.
    pub(crate) fn secret(&self) -> Option<&String> {
        self.webhook_endpoint.as_ref()?.signing_secret.as_ref()
    }
}

impl StripeAccount {
    /// Returns the destination for reports of meter events that Stripe could not count.
    pub(crate) async fn destination(&self) -> Result<Option<Destination>, stripe::Error> {
        let path = format!("{DESTINATIONS}?limit=100&include[0]=webhook_endpoint.url");
        let found: Option<Destinations> = self.stripe.read(&path, CALL_TIMEOUT).await?;
        let all = found.into_iter().flat_map(|list| list.data);
        let ours = |one: &Destination| is_of_stage(one.metadata.as_ref(), &self.stage);
        Ok(all.into_iter().find(ours))
    }
}
