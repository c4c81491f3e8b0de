//! Subscriptions: what a customer pays every month.
//! <https://docs.stripe.com/api/subscriptions>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::checkout_session::Price;
use super::{Error, Invoice, List, Stripe};
use crate::words::id::CustomerId;

/// A subscription as Stripe has it, as far as it is of interest.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// Its id, `sub_…`.
    pub id: String,
    /// `active`, `trialing`, `past_due`, `canceled`; other words may come.
    pub status: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it ends by itself, in seconds since 1970.
    #[serde(default)]
    pub cancel_at: Option<i64>,
    /// Whether it ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    /// What is paid for. Since 2025-03-31 the period is theirs, and not the subscription's.
    pub items: List<SubscriptionItem>,
    /// Its latest invoice.
    #[serde(default)]
    pub latest_invoice: Option<Box<Invoice>>,
}

/// One thing that a subscription pays for.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItem {
    /// The price of one.
    pub price: Price,
    /// When the current period ends, in seconds since 1970. Stripe moves it before it charges.
    #[serde(default)]
    pub current_period_end: Option<i64>,
}

impl Stripe {
    /// The subscriptions of a customer with their latest invoices, ended ones too, newest first and at most 100; None if
    /// the customer was deleted.
    ///
    /// A key of another account or mode knows no customer of ours either, and is an error: nothing has ended then.
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
