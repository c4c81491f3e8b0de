//! Selling, crediting and clawing back: everything that follows a payment at Stripe.

pub mod checkout;
pub mod customers;
pub mod invoice;
pub mod payment;
pub mod portal;
pub mod reversal;
pub mod subscription;
pub mod webhook;

use crate::ledger::Ledger;
use crate::pricing::catalog::Terms;
use crate::process::{Setup, config};
use crate::providers::stripe::Stripe;
use customers::Customers;

/// The ledger, Stripe client, terms and customers shared by all payment operations.
#[derive(Debug)]
pub struct Payments {
    /// The ledger that stores them.
    pub ledger: Ledger,
    /// The Stripe account, which is read anew each time.
    pub stripe: Stripe,
    /// The terms at which plans are granted, and the deployment that grants them.
    pub terms: Terms,
    /// The customers that this environment remembers.
    pub customers: Customers,
}

impl Payments {
    /// Reads the configuration and prepares the clients; fails without Stripe's variables.
    pub fn from_setup(setup: Setup<'_>) -> Result<Self, config::Error> {
        let Setup {
            environment,
            transport,
            clock,
        } = setup;
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            stripe: Stripe::new(&environment.required_stripe()?, transport, clock),
            terms: environment.plan_terms()?,
            customers: Customers::default(),
        })
    }
}
