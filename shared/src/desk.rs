//! The ledger, the Stripe client and the terms that all payment operations share.

use std::time::Duration;

use crate::catalog::Terms;
use crate::ledger::Ledger;
use crate::stripe::Stripe;

/// How long one call of Stripe may take.
pub(crate) const STRIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that payments, invoices, refunds and subscriptions touch.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// Where they are stored.
    pub ledger: &'a Ledger,
    /// Where they are made, and read anew each time.
    pub stripe: &'a Stripe,
    /// The terms at which plans are granted, and the deployment that grants them.
    pub terms: &'a Terms,
}
