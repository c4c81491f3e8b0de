//! The duration of transactions and the throughput of partitions, for load tests on the model.

use std::time::Duration;

/// The duration of transactions, and the throughput of a partition.
///
/// A transaction holds its items from its preparation until its commit, and then all become visible at once. A
/// cancelled one holds its prepared items for half as long. Units are counted as DynamoDB bills them: two for each KB
/// of each item of a transaction whatever its outcome, one for each KB of a single write, and those of indexes if
/// something is written. DynamoDB may process a part of a `BatchGetItem`; here it is processed or throttled as a whole.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling>
#[derive(Clone, Debug)]
pub struct Pace {
    /// The time for which a transaction of at most four items holds them.
    pub transaction: Duration,
    /// The additional time for each further item.
    pub further_item: Duration,
    /// The write units of a partition a second.
    pub write_units: u64,
    /// The read units of a partition a second.
    pub read_units: u64,
}

/// The consumption and conflicts of all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Write units of tables and indexes.
    pub write_units: u64,
    /// Read units, counted in halves.
    pub read_half_units: u64,
    /// Transactions that were sent, whatever their outcome.
    pub transactions: u64,
    /// Transactions and writes that conflicted.
    pub conflicts: u64,
    /// Requests that were throttled.
    pub throttled: u64,
}

/// The number of items up to which a transaction takes no longer.
const FREE_ITEMS: usize = 4;

impl Default for Pace {
    fn default() -> Self {
        Self {
            transaction: Duration::from_millis(5),
            further_item: Duration::from_micros(300),
            write_units: 1_000,
            read_units: 3_000,
        }
    }
}

impl Pace {
    /// Returns the time for which a transaction of this many items holds them.
    pub(super) fn held_for(&self, items: usize) -> Duration {
        let further = u32::try_from(items.saturating_sub(FREE_ITEMS)).unwrap_or(u32::MAX);
        self.transaction + self.further_item.saturating_mul(further)
    }
}
