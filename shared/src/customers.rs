//! The Stripe customer of each account, remembered for the life of this environment.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::id::{AccountId, CustomerId};
use crate::ledger::{self, Ledger};
use crate::patience::Patience;
use crate::stripe::{self, Stripe};

/// How many customers are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// The first customer of an account; the generation rises when Stripe reports it deleted.
const FIRST_GENERATION: u32 = 0;

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
    ) -> Result<Option<CustomerId>, ledger::Error> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .cloned();
        if remembered.is_some() {
            return Ok(remembered);
        }
        let found = ledger.customer(account, patience).await?;
        if let Some(customer) = &found {
            self.remember(account, customer);
        }
        Ok(found)
    }

    /// Makes the customer of an account that has none. However often and by whomever this is called,
    /// the account ends up with one.
    pub async fn make(
        &self,
        ledger: &Ledger,
        stripe: &Stripe,
        stage: &str,
        account: &AccountId,
        timeout: Duration,
        patience: &Patience,
    ) -> Result<CustomerId, Error> {
        let patience = patience.at_most(timeout);
        let made = stripe
            .create_customer(stage, account, FIRST_GENERATION, timeout)
            .await?;
        let linked = ledger
            .link_customer(account, &made, FIRST_GENERATION, &patience)
            .await?;
        self.remember(account, &linked);
        Ok(linked)
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
