//! The ledger, the Stripe client and the terms that all payment operations share.

use std::time::Duration;

use crate::ledger::Ledger;
use crate::pricing::catalog::Terms;
use crate::providers::stripe::Stripe;

/// Timeout of one call of Stripe.
pub(crate) const STRIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that payments, invoices, refunds and subscriptions touch.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The ledger that stores them.
    pub ledger: &'a Ledger,
    /// The Stripe account, which is read anew each time.
    pub stripe: &'a Stripe,
    /// The terms at which plans are granted, and the deployment that grants them.
    pub terms: &'a Terms,
}
