//! Settings of the account, and of the fake: `POST /_local/settings` changes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tax;
use crate::stripe::wire::{Error, Result};

/// The settings of an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub(crate) struct Settings {
    pub(crate) dunning_ends: DunningEnd,
    pub(crate) periods: Periods,
    pub(crate) tax: tax::Settings,
    /// Gives payments, refunds and disputes a balance transaction from now on.
    ///
    /// Stripe creates that of a charge after the charge, so it can be null.
    /// <https://docs.stripe.com/payments/payment-intents/asynchronous-capture>
    pub(crate) balance_transactions: bool,
    /// Accepts a meter event of a deleted customer, and reports it as an error later.
    pub(crate) late_meter_errors: bool,
    /// Limits calls to Stripe's rates.
    pub(crate) rate_limits: bool,
    /// Applies the lower rates of a sandbox.
    pub(crate) sandbox: bool,
}

/// The status of a subscription whose last payment attempt has failed.
/// <https://docs.stripe.com/billing/revenue-recovery/smart-retries>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DunningEnd {
    /// The subscription is canceled.
    #[default]
    Cancel,
    /// The subscription continues, and its invoices stay drafts.
    Unpaid,
    /// The subscription continues unchanged.
    PastDue,
}

/// The trigger that ends a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Periods {
    /// A control, so that a test chooses the outcome.
    #[default]
    Control,
    /// The clock, as at Stripe.
    Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dunning_ends: DunningEnd::default(),
            periods: Periods::default(),
            tax: tax::Settings::default(),
            balance_transactions: true,
            late_meter_errors: true,
            rate_limits: false,
            sandbox: false,
        }
    }
}

impl Settings {
    /// Changes the settings in `members`; returns all settings. `tax` is a word for a whole set of tax settings.
    pub(crate) fn change(&mut self, members: &Value) -> Result {
        let unreadable = |error| Error::invalid(format!("Invalid settings: {error}"));
        let mut all = serde_json::to_value(&*self).map_err(unreadable)?;
        let members = members.as_object();
        let members = members.ok_or_else(|| Error::invalid("Settings must be a JSON object."))?;
        for (name, value) in members {
            let known = all.get_mut(name);
            let known =
                known.ok_or_else(|| Error::invalid(format!("There is no setting `{name}`.")))?;
            *known = match (name.as_str(), value.as_str()) {
                ("tax", Some(word)) => {
                    let tax = tax::Settings::of_word(word);
                    let tax = tax.ok_or_else(|| {
                        Error::invalid("tax must be exclusive, inclusive or none.")
                    })?;
                    serde_json::to_value(tax).map_err(unreadable)?
                }
                _ => value.clone(),
            };
        }
        *self = Self::deserialize(&all).map_err(unreadable)?;
        Ok(all)
    }
}
