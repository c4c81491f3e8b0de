//! A subscription: its items, its periods, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::item::{Card, Items};
use super::line::Line;
use crate::stripe::wire::json::{overwrite, with_nulls};

/// The fields that are always null here.
const UNUSED: &str = "\
    application application_fee_percent billing_cycle_anchor_config billing_thresholds customer_account \
    days_until_due default_payment_method default_source description next_pending_invoice_item_invoice \
    on_behalf_of payment_settings pending_invoice_item_interval pending_setup_intent pending_update \
    schedule test_clock transfer_data trial_settings";

/// A subscription.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    /// `active`, `past_due` and so on; a test may set any word.
    pub(crate) status: String,
    pub(crate) customer: Option<String>,
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) items: Items,
    pub(crate) latest_invoice: Option<String>,
    pub(crate) automatic_tax: bool,
    pub(crate) cancel_at: Option<i64>,
    pub(crate) cancel_at_period_end: bool,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) created: i64,
    /// The moment that periods are counted from, if it is not that of the creation.
    pub(crate) anchor: Option<i64>,
    /// `flexible` or `classic`.
    pub(crate) billing_mode: String,
    /// The outcome of each charge of the card from now on.
    pub(crate) card: Card,
    pub(crate) pause_collection: Option<PauseCollection>,
    pub(crate) paused_at: Option<i64>,
    pub(crate) trial_start: Option<i64>,
    pub(crate) trial_end: Option<i64>,
    /// The pending invoice items for the next invoice, as its future lines.
    pub(crate) pending: Vec<Line>,
    /// Fields that a test has falsified.
    pub(crate) overrides: BTreeMap<String, Value>,
}

/// A pause of the collection: invoices are made, but not charged.
/// <https://docs.stripe.com/billing/subscriptions/pause-payment>
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct PauseCollection {
    /// `keep_as_draft`, `mark_uncollectible` or `void`.
    pub(crate) behavior: String,
    pub(crate) resumes_at: Option<i64>,
}

impl Subscription {
    /// Returns whether it has ended for good.
    pub(crate) fn has_ended(&self) -> bool {
        ["canceled", "incomplete_expired"].contains(&self.status.as_str())
    }

    /// Returns the moment that its periods are counted from.
    pub(crate) fn anchor(&self) -> i64 {
        self.anchor.unwrap_or(self.created)
    }

    fn billing_mode_json(&self) -> Value {
        if self.billing_mode == "flexible" {
            let flexible = json!({ "proration_discounts": "included" });
            json!({ "flexible": flexible, "type": "flexible" })
        } else {
            json!({ "flexible": null, "type": "classic" })
        }
    }

    fn status_details_json(&self) -> Value {
        let Some(paused_at) = self.paused_at else {
            return Value::Null;
        };
        json!({
            "paused": {
                "type": "subscription",
                "subscription": { "type": "pause_requested" },
                "transitioned_at": paused_at,
            },
        })
    }

    /// Returns the current period: that of the item that ends first.
    pub(crate) fn period(&self) -> Option<(i64, i64)> {
        let items = self.items.data.iter();
        items
            .map(|item| (item.current_period_start, item.current_period_end))
            .min_by_key(|(_, end)| *end)
    }

    /// Returns whether it ends with its period.
    pub(crate) fn ends_with_period(&self) -> bool {
        let end = self.period().map(|(_, end)| end);
        let reached = self.cancel_at.zip(end).is_some_and(|(at, end)| at <= end);
        self.cancel_at_period_end || reached
    }

    /// Sets whether it ends with its period.
    pub(crate) fn end_with_period(&mut self, ends: bool, now: i64) {
        self.cancel_at_period_end = ends;
        self.cancel_at = self.period().map(|(_, end)| end).filter(|_| ends);
        self.canceled_at = ends.then_some(now);
    }

    /// Ends it at a moment.
    pub(crate) fn end(&mut self, at: i64, now: i64) {
        "canceled".clone_into(&mut self.status);
        self.canceled_at.get_or_insert(now);
        self.ended_at = Some(at);
    }

    /// Stripe's `subscription`.
    pub(crate) fn to_json(&self) -> Value {
        let items = self
            .items
            .data
            .iter()
            .map(|item| item.to_json(&self.id, self.created));
        let shown = json!({
            "id": self.id,
            "object": "subscription",
            "automatic_tax": {
                "disabled_reason": null, "enabled": self.automatic_tax, "liability": null,
            },
            "billing_cycle_anchor": self.anchor(),
            "billing_mode": self.billing_mode_json(),
            "billing_schedules": [],
            "cancel_at": self.cancel_at,
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": {
                "comment": null,
                "feedback": null,
                "reason": self.canceled_at.map(|_| "cancellation_requested"),
            },
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "default_tax_rates": [],
            "discounts": [],
            "ended_at": self.ended_at,
            "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
            "items": {
                "object": "list",
                "data": items.collect::<Vec<_>>(),
                "has_more": false,
                "url": format!("/v1/subscription_items?subscription={}", self.id),
            },
            "latest_invoice": self.latest_invoice,
            "livemode": false,
            "metadata": self.metadata,
            "pause_collection": self.pause_collection.as_ref().map(|pause| {
                json!({ "behavior": pause.behavior, "resumes_at": pause.resumes_at })
            }),
            "start_date": self.created,
            "status": self.status,
            "status_details": self.status_details_json(),
            "trial_end": self.trial_end,
            "trial_start": self.trial_start,
        });
        let mut shown = with_nulls(shown, UNUSED);
        overwrite(&mut shown, &self.overrides);
        shown
    }
}
