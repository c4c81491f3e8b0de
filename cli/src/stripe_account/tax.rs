//! Tax settings of the Stripe account, which checkouts with automatic tax need.

use http::StatusCode;
use serde::Deserialize;
use shared::providers::stripe;

use super::{CALL_TIMEOUT, StripeAccount};

/// Tax settings of the Stripe account.
/// <https://docs.stripe.com/api/tax/settings>
#[derive(Deserialize)]
pub(crate) struct TaxSettings {
    defaults: TaxDefaults,
    status: String,
}

#[derive(Deserialize)]
struct TaxDefaults {
    #[serde(default)]
    tax_behavior: Option<String>,
}

impl TaxSettings {
    /// Returns the default tax behaviour of prices, such as `exclusive`; None if there is none.
    pub(crate) fn behavior(&self) -> Option<&str> {
        self.defaults.tax_behavior.as_deref()
    }

    /// Returns whether Stripe has all it needs to add taxes.
    pub(crate) fn is_active(&self) -> bool {
        self.status == "active"
    }
}

impl StripeAccount {
    /// Returns the tax settings of the Stripe account.
    pub(crate) async fn tax_settings(&self) -> Result<TaxSettings, stripe::Error> {
        let found = self.stripe.read("/v1/tax/settings", CALL_TIMEOUT).await?;
        found
            .ok_or_else(|| stripe::Error::Unconfirmed(stripe::Cause::Status(StatusCode::NOT_FOUND)))
    }
}
