//! The order in which the model of DynamoDB shows commits.

use std::time::Duration;

/// The commits that a request sees, or the way in which others see its own.
#[derive(Clone, Debug, Default)]
pub enum Visibility {
    /// Each read sees every commit, and each commit is visible at once.
    #[default]
    Now,
    /// An eventually consistent read is this many commits late, at most 64.
    Stale(usize),
    /// The items of a transaction become visible one by one.
    Torn(Torn),
}

/// A committed `TransactWriteItems` whose items become visible one by one.
///
/// Reads outside transactions are read-committed for each item, consistent or not: between the commit and the last item
/// they see some new and some old items. Transactions and writes conflict with an item that is not visible yet, so no
/// condition is checked on an old state.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation>
#[derive(Clone, Debug, Default)]
pub struct Torn {
    /// The delay after the commit until each action's item is visible, in order. A short list is repeated.
    pub delays: Vec<Duration>,
    /// The coordinator fails after the commit. The caller gets a 500 at once, and recovery makes the items visible.
    /// Until then the same token gets `TransactionInProgressException`.
    pub stalled: bool,
}

impl Visibility {
    /// Returns by how many commits a read lags behind.
    pub(super) fn ago(&self) -> usize {
        match self {
            Self::Stale(commits) => *commits,
            Self::Now | Self::Torn(_) => 0,
        }
    }

    pub(super) fn torn(&self) -> Option<&Torn> {
        match self {
            Self::Torn(torn) => Some(torn),
            Self::Now | Self::Stale(_) => None,
        }
    }
}
