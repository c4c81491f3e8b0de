//! The Stripe customer of each account, remembered for some minutes in this environment.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{self, CustomerLink, Ledger};
use crate::process::patience::Patience;
use crate::providers::stripe::{self, Cause, Stripe};
use crate::words::id::{AccountId, CustomerId};

/// How many customers are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// For how long: the ledger learns of a deleted customer from a webhook, and an environment only by asking again. Until
/// then the meter takes events of the old one and drops them.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(5);

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
    /// Each until a time.
    remembered: Mutex<HashMap<AccountId, (CustomerId, Timestamp)>>,
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
            .filter(|(_, until)| patience.now() < *until)
            .map(|(customer, _)| customer.clone());
        if remembered.is_some() {
            return Ok(CustomerLink {
                customer: remembered,
                generation: 0,
            });
        }
        let found = ledger.customer(account, patience).await?;
        if let Some(customer) = &found.customer {
            self.remember(account, customer, patience.now());
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
        let mut failed_attempts = 0;
        let made = loop {
            let left = patience.left();
            let making = stripe.create_customer(stage, account, generation, left);
            match making.await {
                // Another request of the account makes it just now.
                Err(stripe::Error::Unconfirmed(Cause::Status(StatusCode::CONFLICT)))
                    if patience.another(failed_attempts + 1).await =>
                {
                    failed_attempts += 1;
                }
                made => break made?,
            }
        };
        let linked = ledger
            .link_customer(account, &made, generation, &patience)
            .await?;
        self.remember(account, &linked, patience.now());
        Ok(linked)
    }

    /// Forgets the customer of an account: Stripe does not know it any more.
    pub fn forget(&self, account: &AccountId) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
    }

    fn remember(&self, account: &AccountId, customer: &CustomerId, now: Timestamp) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let until = now.saturating_add(REMEMBERED_FOR).unwrap_or(now);
        remembered.insert(account.clone(), (customer.clone(), until));
    }
}
