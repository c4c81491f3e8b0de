//! A subscription: its items, its periods, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::falsify::overwrite;
use crate::stripe::invoices::Line;
use crate::stripe::payment_intents::Status;
use crate::stripe::period;
use crate::stripe::prices::Price;

/// Fields of a subscription that are always null here.
const UNUSED: [&str; 19] = [
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "customer_account",
    "days_until_due",
    "default_payment_method",
    "default_source",
    "description",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "payment_settings",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "test_clock",
    "transfer_data",
    "trial_settings",
];

/// A subscription.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::stripe) struct Subscription {
    pub(in crate::stripe) id: String,
    /// `active`, `past_due` and so on; a test may set any word.
    pub(in crate::stripe) status: String,
    pub(in crate::stripe) customer: Option<String>,
    pub(in crate::stripe) currency: String,
    pub(in crate::stripe) metadata: BTreeMap<String, String>,
    pub(in crate::stripe) items: Items,
    pub(in crate::stripe) latest_invoice: Option<String>,
    pub(in crate::stripe) automatic_tax: bool,
    pub(in crate::stripe) cancel_at: Option<i64>,
    pub(in crate::stripe) cancel_at_period_end: bool,
    pub(in crate::stripe) canceled_at: Option<i64>,
    pub(in crate::stripe) ended_at: Option<i64>,
    pub(in crate::stripe) created: i64,
    /// The moment that periods are counted from, if it is not that of the creation.
    pub(in crate::stripe) anchor: Option<i64>,
    /// `flexible` or `classic`.
    pub(in crate::stripe) billing_mode: String,
    /// The outcome of each charge of the card from now on.
    pub(in crate::stripe) card: Card,
    pub(in crate::stripe) pause_collection: Option<PauseCollection>,
    pub(in crate::stripe) paused_at: Option<i64>,
    pub(in crate::stripe) trial_start: Option<i64>,
    pub(in crate::stripe) trial_end: Option<i64>,
    /// The pending invoice items for the next invoice, as its future lines.
    pub(in crate::stripe) pending: Vec<Line>,
    /// Fields that a test has falsified.
    pub(in crate::stripe) overrides: BTreeMap<String, Value>,
}

/// The outcome of charges of a subscription's card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::stripe) enum Card {
    /// Charges succeed.
    #[default]
    Good,
    /// Charges are declined.
    Declined,
}

impl Card {
    /// Returns the status of a payment with the card.
    pub(in crate::stripe) fn outcome(self) -> Status {
        match self {
            Self::Good => Status::Succeeded,
            Self::Declined => Status::RequiresPaymentMethod,
        }
    }
}

/// A pause of the collection: invoices are made, but not charged.
/// <https://docs.stripe.com/billing/subscriptions/pause-payment>
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct PauseCollection {
    /// `keep_as_draft`, `mark_uncollectible` or `void`.
    pub(in crate::stripe) behavior: String,
    pub(in crate::stripe) resumes_at: Option<i64>,
}

/// The items of a subscription.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(in crate::stripe) struct Items {
    pub(in crate::stripe) data: Vec<Item>,
}

/// One price of a subscription, with its period; the subscription itself has none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Item {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) price: Price,
    pub(in crate::stripe) quantity: i64,
    pub(in crate::stripe) current_period_start: i64,
    pub(in crate::stripe) current_period_end: i64,
}

impl Item {
    /// Returns an item whose first period begins now.
    pub(in crate::stripe) fn beginning(id: String, price: Price, quantity: i64, now: i64) -> Self {
        let mut item = Self {
            id,
            price,
            quantity,
            current_period_start: now,
            current_period_end: now,
        };
        item.advance(now);
        item
    }

    /// Begins the next period at the end of the last one.
    pub(in crate::stripe) fn advance(&mut self, anchor: i64) {
        let start = self.current_period_end;
        self.current_period_start = start;
        if let Some(recurring) = &self.price.recurring {
            self.current_period_end = period::end(anchor, start, recurring);
        }
    }

    /// Begins a period at a moment, from which later periods are counted.
    pub(in crate::stripe) fn restart(&mut self, now: i64) {
        self.current_period_end = now;
        self.advance(now);
    }

    /// Returns the cost of a period.
    pub(in crate::stripe) fn amount(&self) -> i64 {
        self.price.unit_amount * self.quantity
    }

    fn to_json(&self, subscription: &Subscription) -> Value {
        let licensed = !self.price.is_metered();
        let mut shown = json!({
            "id": self.id,
            "object": "subscription_item",
            "billing_thresholds": null,
            "created": subscription.created,
            "current_period_end": self.current_period_end,
            "current_period_start": self.current_period_start,
            "current_trial": null,
            "discounts": [],
            "metadata": {},
            "price": self.price.to_json(),
            "subscription": subscription.id,
            "tax_rates": [],
        });
        // An item of a metered price has no quantity.
        if licensed {
            shown["quantity"] = self.quantity.into();
        }
        shown
    }
}

impl Subscription {
    /// Returns whether it has ended for good.
    pub(in crate::stripe) fn has_ended(&self) -> bool {
        ["canceled", "incomplete_expired"].contains(&self.status.as_str())
    }

    /// Returns the moment that its periods are counted from.
    pub(in crate::stripe) fn anchor(&self) -> i64 {
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
    pub(in crate::stripe) fn period(&self) -> Option<(i64, i64)> {
        let items = self.items.data.iter();
        items
            .map(|item| (item.current_period_start, item.current_period_end))
            .min_by_key(|(_, end)| *end)
    }

    /// Returns whether it ends with its period.
    pub(in crate::stripe) fn ends_with_period(&self) -> bool {
        let end = self.period().map(|(_, end)| end);
        let reached = self.cancel_at.zip(end).is_some_and(|(at, end)| at <= end);
        self.cancel_at_period_end || reached
    }

    /// Sets whether it ends with its period.
    pub(in crate::stripe) fn end_with_period(&mut self, ends: bool, now: i64) {
        self.cancel_at_period_end = ends;
        self.cancel_at = self.period().map(|(_, end)| end).filter(|_| ends);
        self.canceled_at = ends.then_some(now);
    }

    /// Ends it at a moment.
    pub(in crate::stripe) fn end(&mut self, at: i64, now: i64) {
        "canceled".clone_into(&mut self.status);
        self.canceled_at.get_or_insert(now);
        self.ended_at = Some(at);
    }

    /// Stripe's `subscription`.
    pub(in crate::stripe) fn to_json(&self) -> Value {
        let items = self.items.data.iter().map(|item| item.to_json(self));
        let mut shown = json!({
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
        for field in UNUSED {
            shown[field] = Value::Null;
        }
        overwrite(&mut shown, &self.overrides);
        shown
    }
}
