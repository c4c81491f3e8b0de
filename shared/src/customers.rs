//! The Stripe customer of each account, cached for some minutes in this execution environment.

mod links;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

pub use links::{CustomerLink, CustomerLinks};

use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, Cause, Stripe};
use crate::table::{self, Table};
use crate::words::id::{AccountId, CustomerId};

/// Maximum number of cached customers.
const MAX_REMEMBERED: usize = 1_000;

/// Time for which a customer is cached. A webhook tells the ledger that a customer was deleted, but an environment
/// notices only when it reads the ledger again. Until then, the meter takes events of the old customer and drops them.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// A failure to create or link a customer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not create the customer.
    #[error("stripe did not create the customer")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the customer could not be linked")]
    Ledger(#[from] table::Error),
}

/// A cache of customers by account.
#[derive(Debug)]
pub struct Customers {
    /// The links of accounts and customers in the table.
    pub links: CustomerLinks,
    /// Each customer with the time at which it leaves the cache.
    remembered: Mutex<HashMap<AccountId, (CustomerId, Timestamp)>>,
}

impl Customers {
    /// An empty cache over the links of this table.
    pub fn over(table: Table) -> Self {
        Self {
            links: CustomerLinks::over(table),
            remembered: Mutex::default(),
        }
    }

    /// Returns the customer of an account, from the cache or the ledger.
    pub async fn find(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<CustomerLink, table::Error> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .filter(|(_, until)| deadline.now() < *until)
            .map(|(customer, _)| customer.clone());
        if remembered.is_some() {
            return Ok(CustomerLink {
                customer: remembered,
                generation: 0,
            });
        }
        let found = self.links.customer(account, deadline).await?;
        if let Some(customer) = &found.customer {
            self.remember(account, customer, deadline.now());
        }
        Ok(found)
    }

    /// Creates and links the customer of an account that has none. `generation` counts its deleted customers.
    ///
    /// The account ends up with one customer, even if several callers do this repeatedly or at once.
    pub async fn make(
        &self,
        stripe: &Stripe,
        stage: &str,
        account: &AccountId,
        generation: u32,
        timeout: Duration,
        deadline: &Deadline,
    ) -> Result<CustomerId, Error> {
        let deadline = deadline.at_most(timeout);
        let mut failed_attempts = 0;
        let made = loop {
            let left = deadline.left();
            let making = stripe.create_customer(stage, account, generation, left);
            match making.await {
                // Another request of the account is creating it right now.
                Err(stripe::Error::Unconfirmed(Cause::Status(StatusCode::CONFLICT)))
                    if deadline.another(failed_attempts + 1).await =>
                {
                    failed_attempts += 1;
                }
                made => break made?,
            }
        };
        let linked = self
            .links
            .link_customer(account, &made, generation, &deadline)
            .await?;
        self.remember(account, &linked, deadline.now());
        Ok(linked)
    }

    /// Drops an account's customer from the cache, so that the next lookup reads the ledger.
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
