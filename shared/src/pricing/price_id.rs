//! Ids of prices at Stripe.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A price at Stripe, `price_…`. It has no rule: a seller could choose the ids of old plans, which are prices, too.
/// <https://docs.stripe.com/api/plans/create#create_plan-id>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceId(String);

impl PriceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for PriceId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for PriceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
