//! The objects of a Stripe account that a deployment needs, and their required shape.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::pricing::catalog::{CURRENCY, Kind, Offer};
use shared::words::money::Currency;

use super::STAGE;

/// The events that a deployment acts on.
/// <https://docs.stripe.com/api/events/types>
pub(crate) const EVENTS: [&str; 28] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.finalization_failed",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.voided",
    "radar.early_fraud_warning.created",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// A product.
#[derive(Deserialize)]
pub(crate) struct Product {
    pub(crate) id: String,
    name: String,
    active: bool,
}

/// A price.
#[derive(Deserialize)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(super) active: bool,
    currency: Currency,
    unit_amount: Option<i64>,
    recurring: Option<Recurring>,
}

#[derive(Deserialize)]
struct Recurring {
    interval: String,
    interval_count: i64,
    usage_type: String,
}

/// A meter.
#[derive(Deserialize)]
pub(crate) struct Meter {
    pub(crate) id: String,
    pub(super) event_name: String,
    status: String,
    default_aggregation: Aggregation,
    customer_mapping: Mapping,
    value_settings: PayloadKey,
}

#[derive(Deserialize)]
struct Aggregation {
    formula: String,
}

#[derive(Deserialize)]
struct Mapping {
    #[serde(rename = "type")]
    kind: String,
    event_payload_key: String,
}

#[derive(Deserialize)]
struct PayloadKey {
    event_payload_key: String,
}

/// A webhook endpoint; it has its secret only if it was just created.
#[derive(Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    url: String,
    pub(crate) api_version: Option<String>,
    enabled_events: Vec<String>,
    pub(crate) secret: Option<String>,
    pub(crate) status: String,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

/// A configuration of the customer portal.
#[derive(Deserialize)]
pub(crate) struct PortalConfiguration {
    pub(crate) id: String,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

/// Metadata of an object; Stripe may return null for objects that others have created.
pub(super) type Metadata = BTreeMap<String, String>;

/// Returns whether an object belongs to this deployment.
pub(super) fn is_of_stage(metadata: Option<&Metadata>, stage: &str) -> bool {
    metadata
        .and_then(|metadata| metadata.get(STAGE))
        .is_some_and(|of| of == stage)
}

impl Product {
    /// Returns whether it is active and has the offer's name.
    pub(crate) fn is_of(&self, offer: &Offer) -> bool {
        self.active && self.name == offer.name
    }
}

impl PortalConfiguration {
    /// Returns whether it has these terms.
    pub(crate) fn has(&self, terms: &str) -> bool {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.get("sparks_terms"))
            .is_some_and(|known| known == terms)
    }
}

impl Price {
    /// Returns whether it is active and matches the offer's amount and billing period.
    pub(crate) fn is_of(&self, offer: &Offer) -> bool {
        let rhythm = match (offer.kind, &self.recurring) {
            (Kind::Pack, None) => true,
            (Kind::Plan, Some(every)) => {
                every.interval == "month"
                    && every.interval_count == 1
                    && every.usage_type == "licensed"
            }
            _ => false,
        };
        rhythm
            && self.active
            && self.currency == CURRENCY
            && self.unit_amount == Some(offer.price_cents.into())
    }
}

impl Meter {
    /// Returns whether it accepts events.
    pub(crate) fn is_active(&self) -> bool {
        self.status == "active"
    }

    /// Returns whether it sums the values that usage is sent with, by customer.
    pub(crate) fn counts_sparks(&self) -> bool {
        self.default_aggregation.formula == "sum"
            && self.customer_mapping.kind == "by_id"
            && self.customer_mapping.event_payload_key == "stripe_customer_id"
            && self.value_settings.event_payload_key == "value"
    }
}

impl Endpoint {
    /// Returns whether it receives all events at this URL.
    pub(crate) fn serves(&self, url: &str) -> bool {
        self.url == url && self.status == "enabled" && self.missing_events().is_empty()
    }

    /// Returns the events that should be sent there but are not.
    pub(crate) fn missing_events(&self) -> Vec<&'static str> {
        let sent = |event: &&str| {
            let mut asked = self.enabled_events.iter();
            asked.any(|asked| asked == "*" || asked == event)
        };
        EVENTS.into_iter().filter(|event| !sent(event)).collect()
    }
}
