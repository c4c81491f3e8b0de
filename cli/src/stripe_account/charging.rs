//! Prices that charge for the meter's usage. Sparks are prepaid, so there must be none.

use std::fmt;

use serde::Deserialize;
use shared::providers::stripe;

use super::{Meter, Price, StripeAccount};

/// A price that bills a meter's usage, or could.
#[derive(Debug)]
pub enum Charging {
    /// Subscriptions have it, and are billed for it even if it is archived.
    Bills {
        /// The price.
        price: String,
        /// One of the subscriptions.
        first: String,
        /// The number of subscriptions.
        count: usize,
    },
    /// No subscription has it, but new ones can.
    Unused {
        /// The price.
        price: String,
    },
}

/// A subscription that has a price.
#[derive(Deserialize)]
struct Subscription {
    id: String,
    status: String,
}

impl Subscription {
    fn is_live(&self) -> bool {
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
    /// Returns the advice that ends the billing.
    pub(crate) const fn advice(&self) -> &'static str {
        match self {
            Self::Bills { .. } => {
                "remove the price from them, then archive it; archiving alone does not end the billing"
            }
            Self::Unused { .. } => "archive the price",
        }
    }
}

impl StripeAccount {
    /// Returns a price that charges for a meter's usage; None if there is none.
    ///
    /// An archived price takes no new subscription, but still bills those that have it.
    /// <https://docs.stripe.com/products-prices/manage-prices#archive-price>
    pub(crate) async fn charging_for(
        &self,
        meter: &Meter,
    ) -> Result<Option<Charging>, stripe::Error> {
        let query = format!("type=recurring&recurring[meter]={}", meter.id);
        let prices: Vec<Price> = self.all("/v1/prices", &query).await?;
        let mut unused = None;
        for price in prices {
            let query = format!("price={}&status=all", price.id);
            let subscriptions: Vec<Subscription> = self.all("/v1/subscriptions", &query).await?;
            let billed: Vec<String> = subscriptions
                .into_iter()
                .filter(Subscription::is_live)
                .map(|subscription| subscription.id)
                .collect();
            if let Some(first) = billed.first().cloned() {
                let price = price.id;
                let count = billed.len();
                return Ok(Some(Charging::Bills {
                    price,
                    first,
                    count,
                }));
            }
            if price.active {
                unused.get_or_insert(Charging::Unused { price: price.id });
            }
        }
        Ok(unused)
    }
}
