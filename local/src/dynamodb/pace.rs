//! The time that transactions take, and the throughput of partitions, for a model that is put under load.

use std::time::Duration;

/// How long a transaction holds its items, and how much of a partition requests may take.
///
/// A transaction holds its items from when it is prepared until it is committed, and then all are visible at once. One
/// that is cancelled holds what it had prepared for half as long. Units are counted as DynamoDB bills them: two for each
/// KB of each item of a transaction whatever becomes of it, one for each KB of a single write, and those of indexes where
/// something is written. Of a `BatchGetItem` DynamoDB may answer a part; here it is answered or throttled as a whole.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling>
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long a transaction of at most four items holds them.
    pub transaction: Duration,
    /// How much longer for each further item.
    pub further_item: Duration,
    /// The write units that a partition takes in a second.
    pub write_units: u64,
    /// The read units that it takes in a second.
    pub read_units: u64,
}

/// What requests have taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Write units of tables and indexes.
    pub write_units: u64,
    /// Halves of read units.
    pub read_half_units: u64,
    /// Transactions that were sent, whatever became of them.
    pub transactions: u64,
    /// Transactions and writes that conflicted.
    pub conflicts: u64,
    /// Requests that were throttled.
    pub throttled: u64,
}

/// Up to this many items take no longer than one.
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
    /// How long a transaction of so many items holds them.
    pub(super) fn held_for(&self, items: usize) -> Duration {
        let further = u32::try_from(items.saturating_sub(FREE_ITEMS)).unwrap_or(u32::MAX);
        self.transaction + self.further_item.saturating_mul(further)
    }
}
