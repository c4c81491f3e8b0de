//! Throughput of partitions: units that requests consume, and throttling.
//!
//! A partition here is one partition key of a table or an index, the smallest unit into which DynamoDB splits a table.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::pace::{Consumed, Pace};
use super::item::Item;
use super::key::{Key, Part};
use super::refusal::Refusal;
use super::table::Table;

/// The seconds of unused throughput that can be used at once.
const BURST_SECONDS: u64 = 1;

const MILLIONTHS: u64 = 1_000_000;
const WRITE_UNIT_BYTES: usize = 1024;
const READ_UNIT_BYTES: usize = 4 * 1024;

/// A partition key of a table or of one of its indexes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Partition {
    table: Arc<str>,
    index: Option<String>,
    hash: Part,
}

/// The units of a partition that a write consumes.
pub(super) type Need = (Partition, u64);

/// The throughput of all partitions.
pub(super) struct Throughput {
    pub(super) pace: Pace,
    pub(super) consumed: Consumed,
    writes: HashMap<Partition, Bucket>,
    reads: HashMap<Partition, Bucket>,
}

/// The remaining units of a partition, in millionths.
#[derive(Clone, Copy)]
struct Bucket {
    left: u64,
    at: Timestamp,
}

impl Partition {
    pub(super) fn of_table(table: &Table, hash: Part) -> Self {
        let table = table.name.clone();
        let index = None;
        Self { table, index, hash }
    }

    pub(super) fn of_index(table: &Table, index: &str, hash: Part) -> Self {
        let table = table.name.clone();
        let index = Some(index.to_owned());
        Self { table, index, hash }
    }
}

impl Bucket {
    fn full(units: u64, now: Timestamp) -> Self {
        let left = units * BURST_SECONDS * MILLIONTHS;
        Self { left, at: now }
    }

    /// Adds the units of the time passed, up to the burst.
    fn fill(&mut self, units: u64, now: Timestamp) {
        let passed = now.duration_since(self.at).as_micros();
        let brought = u64::try_from(passed).unwrap_or(0).saturating_mul(units);
        let most = units * BURST_SECONDS * MILLIONTHS;
        self.left = self.left.saturating_add(brought).min(most);
        self.at = now;
    }
}

impl Throughput {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            consumed: Consumed::default(),
            writes: HashMap::new(),
            reads: HashMap::new(),
        }
    }

    /// Takes all write units, or none. The error is the index of the first need that exceeds a partition.
    pub(super) fn write(&mut self, needs: &[Need], now: Timestamp) -> Result<(), usize> {
        let units = self.pace.write_units;
        let mut taken: HashMap<&Partition, u64> = HashMap::new();
        for (place, (partition, need)) in needs.iter().enumerate() {
            let bucket = self.writes.entry(partition.clone());
            let bucket = bucket.or_insert_with(|| Bucket::full(units, now));
            bucket.fill(units, now);
            let all = taken.entry(partition).or_default();
            *all += need * MILLIONTHS;
            if *all > bucket.left {
                self.consumed.throttled += 1;
                return Err(place);
            }
        }
        for (partition, all) in taken {
            if let Some(bucket) = self.writes.get_mut(partition) {
                bucket.left -= all;
            }
        }
        self.consumed.write_units += needs.iter().map(|(_, need)| need).sum::<u64>();
        Ok(())
    }

    /// Takes read units of a partition, in halves for each 4 KB.
    pub(super) fn read(
        &mut self,
        partition: Partition,
        bytes: usize,
        halves: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let units = self.pace.read_units;
        let halves = halves * blocks(bytes, READ_UNIT_BYTES);
        let bucket = self.reads.entry(partition);
        let bucket = bucket.or_insert_with(|| Bucket::full(units, now));
        bucket.fill(units, now);
        let Some(left) = bucket.left.checked_sub(halves * MILLIONTHS / 2) else {
            self.consumed.throttled += 1;
            return Err(Refusal::Throttled);
        };
        bucket.left = left;
        self.consumed.read_half_units += halves;
        Ok(())
    }
}

/// Returns the units of a single write, by the larger of old and new item.
pub(super) fn write_units(before: Option<&Item>, after: Option<&Item>) -> u64 {
    let bytes = [before, after].into_iter().flatten().map(Item::size).max();
    blocks(bytes.unwrap_or_default(), WRITE_UNIT_BYTES)
}

/// Returns the units of a changed item in the indexes.
pub(super) fn index_needs(
    table: &Table,
    key: &Key,
    before: Option<&Item>,
    after: Option<&Item>,
) -> Vec<Need> {
    let mut needs = Vec::new();
    for index in &table.indexes {
        let listed = |item: Option<&Item>| {
            let item = item?;
            let (place, _) = index.place(key, item)?;
            Some((place, index.project(item.clone())))
        };
        let (old, new) = (listed(before), listed(after));
        if old == new {
            continue;
        }
        let moved = old.as_ref().map(|(place, _)| place) != new.as_ref().map(|(place, _)| place);
        // An item that keeps its place is written once; otherwise it is deleted at one place and put at another.
        let written = new.iter().chain(old.iter().filter(|_| moved));
        needs.extend(written.map(|(place, item)| {
            let units = blocks(item.size(), WRITE_UNIT_BYTES);
            let hash = place.hash.clone();
            (Partition::of_index(table, &index.name, hash), units)
        }));
    }
    needs
}

fn blocks(bytes: usize, block: usize) -> u64 {
    u64::try_from(bytes.div_ceil(block).max(1)).unwrap_or(u64::MAX)
}
