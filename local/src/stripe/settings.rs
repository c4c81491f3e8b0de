//! Settings of the fake: behaviour of Stripe that a test turns on or off.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Error;

/// The settings of an account, changed by `POST /_local/settings`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub(super) struct Settings {
    /// Whether payments, refunds and disputes get a balance transaction from now on.
    ///
    /// Stripe creates that of a charge after the charge, so it can be null.
    /// <https://docs.stripe.com/payments/payment-intents/asynchronous-capture>
    pub(super) balance_transactions: bool,
    /// Whether a meter event of a deleted customer is accepted, and reported as an error later.
    pub(super) late_meter_errors: bool,
    /// Whether calls are limited to Stripe's rates.
    pub(super) rate_limits: bool,
    /// Whether the account is a sandbox, whose rates are lower.
    pub(super) sandbox: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            balance_transactions: true,
            late_meter_errors: true,
            rate_limits: false,
            sandbox: false,
        }
    }
}

impl Settings {
    /// Changes the settings that `members` names; returns all of them.
    pub(super) fn merge(&mut self, members: &Value) -> Result<Value, Error> {
        let unreadable = |error| Error::invalid(format!("Invalid settings: {error}"));
        let mut all = serde_json::to_value(&*self).map_err(unreadable)?;
        let members = members.as_object();
        let members = members.ok_or_else(|| Error::invalid("Settings are a JSON object."))?;
        for (name, value) in members {
            let known = all.get_mut(name);
            *known.ok_or_else(|| Error::invalid(format!("There is no setting `{name}`.")))? =
                value.clone();
        }
        *self = Self::deserialize(&all).map_err(unreadable)?;
        Ok(all)
    }
}
