//! Prices that charge for what the meter counts. Sparks are prepaid, so there must be none.

use std::fmt;

use serde::Deserialize;

/// A price that charges for a meter, or would.
#[derive(Debug)]
pub enum Charging {
    /// Subscriptions are billed by it, whether it is archived or not.
    Bills {
        /// The price.
        price: String,
        /// One of the subscriptions.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// New subscriptions can have it.
    Unused {
        /// The price.
        price: String,
    },
}

/// A subscription that has a price.
#[derive(Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    status: String,
}

impl Subscription {
    pub(super) fn is_live(&self) -> bool {
        !["canceled", "incomplete_expired"].contains(&self.status.as_str())
    }
}

impl fmt::Display for Charging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bills {
                price,
                first,
                count,
            } => write!(
                f,
                "the price {price} bills it in {count} subscriptions, such as {first}"
            ),
            Self::Unused { price } => write!(f, "the price {price} would bill it"),
        }
    }
}

impl Charging {
    /// Says what stops it.
    pub(crate) const fn advice(&self) -> &'static str {
        match self {
            Self::Bills { .. } => {
                "remove it from them, then archive it; archiving alone goes on billing them"
            }
            Self::Unused { .. } => "archive it",
        }
    }
}
