//! Settings of the account that a person makes in the Dashboard; here, `POST /_local/settings`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::tax;

/// The settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) dunning_ends: DunningEnd,
    pub(super) periods: Periods,
    pub(super) tax: tax::Settings,
}

/// The status of a subscription whose last payment attempt has failed.
/// <https://docs.stripe.com/billing/revenue-recovery/smart-retries>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DunningEnd {
    /// The subscription is canceled.
    #[default]
    Cancel,
    /// The subscription goes on, and its invoices stay drafts.
    Unpaid,
    /// The subscription goes on as it is.
    PastDue,
}

/// What ends a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Periods {
    /// A control does, so that a test says how it goes.
    #[default]
    Control,
    /// The clock does, as at Stripe.
    Clock,
}

impl Settings {
    /// Changes the settings that a body names; returns all of them.
    pub(super) fn change(&mut self, body: &Value) -> Result<Value, Error> {
        let mut changed = self.clone();
        if let Some(word) = body["dunning_ends"].as_str() {
            changed.dunning_ends = match word {
                "cancel" => DunningEnd::Cancel,
                "unpaid" => DunningEnd::Unpaid,
                "past_due" => DunningEnd::PastDue,
                _ => return Err(Error::invalid("cancel, unpaid or past_due")),
            };
        }
        if let Some(word) = body["periods"].as_str() {
            changed.periods = match word {
                "control" => Periods::Control,
                "clock" => Periods::Clock,
                _ => return Err(Error::invalid("control or clock")),
            };
        }
        if let Some(word) = body["tax"].as_str() {
            let tax = tax::Settings::of_word(word);
            changed.tax = tax.ok_or_else(|| Error::invalid("exclusive, inclusive or none"))?;
        }
        *self = changed;
        Ok(json!(self))
    }
}
