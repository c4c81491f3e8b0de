//! Subscriptions, which a customer pays every month.
//! <https://docs.stripe.com/api/subscriptions>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::checkout_session::Price;
use super::status::SubscriptionStatus;
use super::{Error, Invoice, List, Stripe};
use crate::words::id::{CustomerId, SubscriptionId};

/// A subscription at Stripe, with only the members that Sparks uses.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// Its id, `sub_…`.
    pub id: SubscriptionId,
    /// Its status.
    pub status: SubscriptionStatus,
    /// The time of its creation, in seconds since 1970.
    pub created: i64,
    /// The time at which it ends by itself, in seconds since 1970.
    #[serde(default)]
    pub cancel_at: Option<i64>,
    /// True if it ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// The metadata that we set.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    /// Its items. Since 2025-03-31, they have the period, and not the subscription.
    pub items: List<SubscriptionItem>,
    /// Its latest invoice.
    #[serde(default)]
    pub latest_invoice: Option<Box<Invoice>>,
}

/// An item of a subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItem {
    /// The price of one unit.
    pub price: Price,
    /// The end of the current period, in seconds since 1970. Stripe moves it before it charges.
    #[serde(default)]
    pub current_period_end: Option<i64>,
}

impl Stripe {
    /// Reads at most 100 subscriptions of a customer with their latest invoices, newest first. Ended ones are included.
    /// None if the customer was deleted.
    ///
    /// A key of another account or mode does not know the customer either. That is an error: no subscription has ended.
    pub async fn subscriptions(
        &self,
        customer: &CustomerId,
        timeout: Duration,
    ) -> Result<Option<Vec<Subscription>>, Error> {
        let path = format!(
            "/v1/subscriptions?customer={customer}&status=all&limit=100&expand[]=data.latest_invoice"
        );
        let found = self.read::<List<Subscription>>(&path, timeout).await;
        match found {
            Ok(found) => Ok(found.map(|list| list.data)),
            Err(Error::Refused(refusal)) if refusal.code == "resource_missing" => {
                let deleted = self.is_customer_deleted(customer, timeout).await?;
                if deleted {
                    Ok(None)
                } else {
                    Err(Error::Refused(refusal))
                }
            }
            Err(error) => Err(error),
        }
    }
}
