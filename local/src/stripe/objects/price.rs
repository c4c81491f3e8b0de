//! A price, and its billing interval.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::wire::json::{set, with_nulls};

/// A price.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) currency: String,
    pub(crate) unit_amount: i64,
    pub(crate) recurring: Option<Recurring>,
    pub(crate) active: bool,
    pub(crate) lookup_key: Option<String>,
    pub(crate) nickname: Option<String>,
    pub(crate) tax_behavior: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) created: i64,
}

/// The billing interval of a price, and its meter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Recurring {
    pub(crate) interval: String,
    pub(crate) interval_count: i64,
    pub(crate) usage_type: String,
    pub(crate) meter: Option<String>,
}

impl Price {
    /// Stripe's `price`.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = with_nulls(
            json!(self),
            "custom_unit_amount tiers_mode transform_quantity",
        );
        if self.recurring.is_some() {
            shown["recurring"]["trial_period_days"] = Value::Null;
        }
        let rest = json!({
            "object": "price",
            "billing_scheme": "per_unit",
            "livemode": false,
            "type": if self.recurring.is_some() { "recurring" } else { "one_time" },
            "unit_amount_decimal": self.unit_amount.to_string(),
        });
        set(&mut shown, rest);
        shown
    }

    /// Returns the id of the meter whose events it bills.
    pub(crate) fn meter(&self) -> Option<&String> {
        self.recurring.as_ref()?.meter.as_ref()
    }

    /// Returns whether it is billed by usage, after the period.
    pub(crate) fn is_metered(&self) -> bool {
        let recurring = self.recurring.as_ref();
        recurring.is_some_and(|recurring| recurring.usage_type == "metered")
    }

    /// Returns whether both have the same billing interval.
    pub(crate) fn has_interval_of(&self, other: &Self) -> bool {
        let interval = |price: &Self| {
            let recurring = price.recurring.as_ref();
            recurring.map(|one| (one.interval.clone(), one.interval_count))
        };
        interval(self) == interval(other)
    }

    /// Returns a one-off price, as Stripe creates it for an amount without a price.
    pub(crate) fn of_amount(id: String, currency: &str, unit_amount: i64, now: i64) -> Self {
        Self {
            product: format!("prod_of_{id}"),
            id,
            currency: currency.to_owned(),
            unit_amount,
            recurring: None,
            active: false,
            lookup_key: None,
            nickname: None,
            tax_behavior: "unspecified".to_owned(),
            metadata: BTreeMap::new(),
            created: now,
        }
    }
}
