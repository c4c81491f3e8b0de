//! The Stripe customer of each account, remembered for the life of this environment.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::id::{AccountId, CustomerId};
use crate::ledger::{self, CustomerLink, Ledger};
use crate::patience::Patience;
use crate::stripe::{self, Stripe};

/// How many customers are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// Why an account has no customer yet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe made none.
    #[error("stripe made no customer")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the customer could not be linked")]
    Ledger(#[from] ledger::Error),
}

/// Customers by account.
#[derive(Debug, Default)]
pub struct Customers {
    remembered: Mutex<HashMap<AccountId, CustomerId>>,
}

impl Customers {
    /// The customer an account has.
    pub async fn find(
        &self,
        ledger: &Ledger,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<CustomerLink, ledger::Error> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .cloned();
        if remembered.is_some() {
            return Ok(CustomerLink {
                customer: remembered,
                generation: 0,
            });
        }
        let found = ledger.customer(account, patience).await?;
        if let Some(customer) = &found.customer {
            self.remember(account, customer);
        }
        Ok(found)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a thing of its own that it touches"
    )]
    /// Makes the customer of an account that has none, after so many that were deleted. However often and by whomever this is called,
    /// the account ends up with one.
    pub async fn make(
        &self,
        ledger: &Ledger,
        stripe: &Stripe,
        stage: &str,
        account: &AccountId,
        generation: u32,
        timeout: Duration,
        patience: &Patience,
    ) -> Result<CustomerId, Error> {
        let patience = patience.at_most(timeout);
        let made = stripe
            .create_customer(stage, account, generation, timeout)
            .await?;
        let linked = ledger
            .link_customer(account, &made, generation, &patience)
            .await?;
        self.remember(account, &linked);
        Ok(linked)
    }

    /// Forgets the customer of an account: Stripe does not know it any more.
    pub fn forget(&self, account: &AccountId) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
    }

    /// Forgets a customer that Stripe does not take any more, and takes it off its account when it was deleted.
    /// Answers whether it was.
    pub async fn look_after(
        &self,
        ledger: &Ledger,
        stripe: &Stripe,
        account: &AccountId,
        customer: &CustomerId,
        timeout: Duration,
        patience: &Patience,
    ) -> Result<bool, Error> {
        self.forget(account);
        let deleted = stripe.is_customer_deleted(customer, timeout).await?;
        if deleted {
            ledger.unlink_customer(account, customer, patience).await?;
        }
        Ok(deleted)
    }

    fn remember(&self, account: &AccountId, customer: &CustomerId) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(account.clone(), customer.clone());
    }
}
