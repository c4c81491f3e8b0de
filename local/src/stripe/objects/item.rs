//! An item of a subscription, and the outcome of payments.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::period;
use super::price::Price;

/// The status of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The last attempt failed.
    RequiresPaymentMethod,
    /// The buyer has to confirm it.
    RequiresAction,
    /// The money is on its way.
    Processing,
    /// The money has arrived.
    Succeeded,
}

/// The outcome of charges of a subscription's card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Card {
    /// Charges succeed.
    #[default]
    Good,
    /// Charges are declined.
    Declined,
}

impl Card {
    /// Returns the status of a payment with the card.
    pub(crate) fn outcome(self) -> Status {
        match self {
            Self::Good => Status::Succeeded,
            Self::Declined => Status::RequiresPaymentMethod,
        }
    }
}

/// The items of a subscription.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Items {
    pub(crate) data: Vec<Item>,
}

/// One price of a subscription, with its period; the subscription itself has none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) price: Price,
    pub(crate) quantity: i64,
    pub(crate) current_period_start: i64,
    pub(crate) current_period_end: i64,
}

impl Item {
    /// Returns an item whose first period begins now.
    pub(crate) fn beginning(id: String, price: Price, quantity: i64, now: i64) -> Self {
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
    pub(crate) fn advance(&mut self, anchor: i64) {
        let start = self.current_period_end;
        self.current_period_start = start;
        if let Some(recurring) = &self.price.recurring {
            self.current_period_end = period::end(anchor, start, recurring);
        }
    }

    /// Begins a period at a moment, from which later periods are counted.
    pub(crate) fn restart(&mut self, now: i64) {
        self.current_period_end = now;
        self.advance(now);
    }

    /// Returns the cost of a period.
    pub(crate) fn amount(&self) -> i64 {
        self.price.unit_amount * self.quantity
    }

    /// Stripe's `subscription_item`.
    pub(crate) fn to_json(&self, subscription: &str, created: i64) -> Value {
        let mut shown = json!({
            "id": self.id,
            "object": "subscription_item",
            "billing_thresholds": null,
            "created": created,
            "current_period_end": self.current_period_end,
            "current_period_start": self.current_period_start,
            "current_trial": null,
            "discounts": [],
            "metadata": {},
            "price": self.price.to_json(),
            "subscription": subscription,
            "tax_rates": [],
        });
        // An item of a metered price has no quantity.
        if !self.price.is_metered() {
            shown["quantity"] = self.quantity.into();
        }
        shown
    }
}
