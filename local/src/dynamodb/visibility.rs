//! The order in which the model of DynamoDB shows what was committed.

use std::time::Duration;

/// What a request at the model sees of commits, or what others see of its own.
#[derive(Clone, Debug, Default)]
pub enum Visibility {
    /// Each read sees every commit, and each commit is seen at once.
    #[default]
    Now,
    /// A read that does not ask for consistency sees the table as of so many commits ago, at most 64.
    Stale(usize),
    /// The items of a transaction become visible one by one.
    Torn(Torn),
}

/// A committed `TransactWriteItems` whose items become visible one by one.
///
/// Reads outside transactions are read-committed for each item, be they consistent or not: between the commit and the
/// last item they see some new and some old items. Transactions and writes that meet an item before it is visible
/// conflict, so no condition is judged on an old state.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation>
#[derive(Clone, Debug, Default)]
pub struct Torn {
    /// How long after the commit each action's item is visible, in their order, and again from the first delay.
    pub delays: Vec<Duration>,
    /// The coordinator fails after the commit: the caller gets a 500 at once, and recovery makes the items visible.
    /// Until then the same token is answered with `TransactionInProgressException`.
    pub stalled: bool,
}

impl Visibility {
    /// How many commits a read lags behind.
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
