//! The address of a Stripe-hosted page for one customer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The address of a page. Its holder can pay, so it is the buyer's secret and does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageUrl(String);

impl PageUrl {
    /// An address that the ledger stored.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The address, for storing it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageUrl")
    }
}
