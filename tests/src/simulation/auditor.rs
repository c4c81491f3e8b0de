//! The auditor of a run, with sums of its own.
//!
//! It checks at two moments. [`commits`] checks each commit, and each event for the meter, as it happens:
//! the items of an account and of a purchase agree with each other, and nothing changes that may not. At the end,
//! [`verdict`] and [`reversals`] compare the entries with the truth outside of them: the answers that callers got,
//! Stripe's payments, refunds and meter, and Langfuse's traces. The costs and shares are those of [`crate::model`]; the
//! rest is bookkeeping of items and objects, which the model of an account does not know.

pub(super) mod commits;
mod purchases;
mod reversals;
pub(super) mod verdict;

use local::dynamodb::Item;

/// Returns a number attribute of an item; zero if it is missing.
fn number(item: &Item, name: &str) -> i64 {
    let number = item.integer(name).unwrap_or_default();
    i64::try_from(number).unwrap_or(i64::MAX)
}
