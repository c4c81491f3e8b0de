//! Selling, crediting and clawing back: everything that follows a payment at Stripe.

pub mod checkout;
pub mod field;
pub mod incidents;
pub mod invoice;
pub mod orders;
pub mod outcome;
pub mod payment;
pub mod portal;
pub mod reversal;
pub mod subscription;
pub mod webhook;

use crate::customers::Customers;
use crate::delivery::DeliveryQueue;
use crate::ledger::Ledger;
use crate::pricing::catalog::Terms;
use crate::process::{Setup, config};
use crate::providers::stripe::Stripe;
use incidents::Incidents;
use orders::Orders;
use reversal::OpenReversals;
use subscription::Subscribers;

/// The ledger, Stripe client, terms and customers shared by all payment operations.
#[derive(Debug)]
pub struct Payments {
    /// The ledger that stores them.
    pub ledger: Ledger,
    /// The orders and their Checkout Sessions.
    pub orders: Orders,
    /// The subscriptions of accounts.
    pub subscribers: Subscribers,
    /// The refunds and disputes that may still change.
    pub open_reversals: OpenReversals,
    /// The reports that the operator must look at.
    pub incidents: Incidents,
    /// The deliveries that Stripe may report as failed.
    pub queue: DeliveryQueue,
    /// The Stripe account, which is read anew each time.
    pub stripe: Stripe,
    /// The terms at which plans are granted, and the deployment that grants them.
    pub terms: Terms,
    /// The customers that this environment remembers.
    pub customers: Customers,
}

impl Payments {
    /// Reads the configuration and prepares the clients; fails without Stripe's variables.
    pub fn beside(ledger: &Ledger, setup: Setup<'_>) -> Result<Self, config::Error> {
        let table = ledger.table();
        Ok(Self {
            orders: Orders::beside(ledger),
            subscribers: Subscribers::over(table.clone()),
            open_reversals: OpenReversals::over(table.clone()),
            incidents: Incidents::over(table.clone()),
            queue: DeliveryQueue::over(table.clone()),
            customers: Customers::over(table.clone()),
            stripe: Stripe::new(
                &setup.environment.required_stripe()?,
                setup.transport,
                setup.clock,
            ),
            terms: setup.environment.plan_terms()?,
            ledger: ledger.clone(),
        })
    }
}
