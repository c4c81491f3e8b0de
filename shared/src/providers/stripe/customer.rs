//! Customers: one per account, created on first need.

use std::time::Duration;

use serde::Deserialize;

use super::{Error, Stripe};
use crate::words::id::{AccountId, CustomerId};

#[derive(Deserialize)]
struct Customer {
    id: CustomerId,
    #[serde(default)]
    deleted: bool,
}

impl Stripe {
    /// Creates the customer for an account. Retries within a day create no second one.
    ///
    /// The parameters never vary, because Stripe refuses a key that comes with other parameters. The
    /// generation rises when a customer was deleted, so that the key changes.
    pub async fn create_customer(
        &self,
        stage: &str,
        account: &AccountId,
        generation: u32,
        timeout: Duration,
    ) -> Result<CustomerId, Error> {
        let form = [("metadata[account]", account.as_str())];
        let key = format!("cust:{stage}:{account}:{generation}");
        let customer: Customer = self.make("/v1/customers", &form, &key, timeout).await?;
        Ok(customer.id)
    }

    /// Returns whether a customer was deleted. False if Stripe does not know it: then the key is of another account.
    /// <https://docs.stripe.com/api/customers/delete>
    pub async fn is_customer_deleted(
        &self,
        customer: &CustomerId,
        timeout: Duration,
    ) -> Result<bool, Error> {
        let path = format!("/v1/customers/{customer}");
        let found: Option<Customer> = self.read(&path, timeout).await?;
        Ok(found.is_some_and(|found| found.deleted))
    }
}
