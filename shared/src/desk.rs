//! What payments are looked into with: where they are written down, where they are made, and at which terms.

use crate::catalog::Terms;
use crate::ledger::Ledger;
use crate::stripe::Stripe;

/// What payments, invoices, refunds and subscriptions are looked into with.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// Where they are written down.
    pub ledger: &'a Ledger,
    /// Where they are made, and read anew each time.
    pub stripe: &'a Stripe,
    /// At which terms plans are granted, and by which deployment.
    pub terms: &'a Terms,
}
