//! The outbox's part of the table: due items, leases of buckets, and claims of usages.
//!
//! The outbox claims a usage before it sends anything of it again: the claim count rises, and the proof that it was
//! never sent is removed. Any later mark needs the claim, so no run writes outdated marks.

use jiff::{SignedDuration, Timestamp};

use crate::delivery::change::Change;
use crate::delivery::parcel::Parcel;
use crate::delivery::progress::{self, Marks};
use crate::delivery::store::DeliveryQueue;
use crate::delivery::usage_progress::{SinkSet, UsageProgress};
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item::{self, Malformed};
use crate::table::key::{Key, Queue};
use crate::words::id::{AccountId, ReversalId};
use crate::words::reversal_kind::ReversalKind;

/// Duration of a lease: longer than the function's timeout (55 s) and a minute.
const LEASED_FOR: SignedDuration = SignedDuration::from_secs(180);

/// The right to work on a bucket.
#[derive(Debug)]
pub struct BucketLease {
    bucket: u8,
    holder: String,
}

/// An item that the index lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueItem {
    key: Key,
    kind: QueueItemKind,
}

/// The kind of a listed item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueItemKind {
    /// A usage.
    Usage,
    /// A parcel of usages.
    Parcel,
    /// An order.
    Order,
    /// The subscriptions of this account.
    Subscriptions(AccountId),
    /// A refund, a dispute or a credit note.
    Reversal(ReversalKind, ReversalId),
    /// An item whose key names no valid account or reversal. A later release may have added it.
    Unknown,
}

impl QueueItem {
    fn new(key: Key) -> Self {
        let kind = QueueItemKind::of(&key.pk);
        Self { key, kind }
    }

    /// The name by which an operator finds the item in the table.
    pub fn name(&self) -> &str {
        &self.key.pk
    }

    /// Returns its kind.
    pub const fn kind(&self) -> &QueueItemKind {
        &self.kind
    }

    /// Returns whether it is a usage or a parcel of usages.
    pub const fn is_delivery(&self) -> bool {
        matches!(self.kind, QueueItemKind::Usage | QueueItemKind::Parcel)
    }

    /// The key of the item.
    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }
}

impl QueueItemKind {
    /// Returns the kind of the item with this partition key. Any other key is read as a usage's, which reports
    /// it as unreadable.
    fn of(pk: &str) -> Self {
        match pk.split_once('#') {
            Some(("B", _)) => Self::Parcel,
            Some(("I", _)) => Self::Order,
            Some(("A", account)) => account.parse().map_or(Self::Unknown, Self::Subscriptions),
            Some(("D", reversal)) => Self::reversal(reversal).unwrap_or(Self::Unknown),
            _ => Self::Usage,
        }
    }

    fn reversal(name: &str) -> Option<Self> {
        let (kind, id) = name.split_once('#')?;
        Some(Self::Reversal(ReversalKind::named(kind)?, id.parse().ok()?))
    }
}

/// A usage or a parcel in the queue, as it is now.
#[derive(Debug)]
pub enum PendingDelivery {
    /// A usage.
    Usage(Box<UsageProgress>),
    /// A parcel of usages.
    Parcel(Box<Parcel>),
    /// An item that cannot be read.
    Unreadable(QueueItem, Malformed),
}

impl DeliveryQueue {
    /// Takes the lease of a bucket, unless another run holds it.
    ///
    /// If the first reply is lost, a retry finds itself the holder.
    pub async fn lease(
        &self,
        bucket: u8,
        deadline: &Deadline,
    ) -> Result<Option<BucketLease>, Error> {
        let now = deadline.start();
        let holder = format!("{:032x}", fastrand::u128(..));
        let until = now.saturating_add(LEASED_FOR).unwrap_or(Timestamp::MAX);
        let update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::lease(bucket).attributes()))
            .condition_expression(
                "attribute_not_exists(pk) OR leased_until < :now OR holder = :holder",
            )
            .update_expression("SET holder = :holder, leased_until = :until")
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":holder", item::text(&holder))
            .expression_attribute_values(":until", item::time(until));
        let taken = self.table.update_if(update, deadline).await?;
        Ok(taken.then_some(BucketLease { bucket, holder }))
    }

    /// Releases a bucket, unless the lease was lost meanwhile.
    pub async fn release(&self, lease: BucketLease, deadline: &Deadline) -> Result<(), Error> {
        let update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::lease(lease.bucket).attributes()))
            .condition_expression("holder = :holder")
            .update_expression("SET leased_until = :zero")
            .expression_attribute_values(":holder", item::text(lease.holder))
            .expression_attribute_values(":zero", item::number(0));
        self.table.update_if(update, deadline).await.map(drop)
    }

    /// Reads at most `limit` due items of a bucket, the longest due first.
    pub async fn due(
        &self,
        queue: Queue,
        bucket: u8,
        until: Timestamp,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<Vec<QueueItem>, Error> {
        let query = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .index_name("pending")
            .key_condition_expression("pending_bucket = :bucket AND pending_due <= :until")
            .expression_attribute_values(":bucket", item::text(queue.bucket(bucket)))
            .expression_attribute_values(":until", item::time(until));
        let mut listed = Vec::new();
        let mut from = None;
        loop {
            let missing = i32::try_from(limit - listed.len()).unwrap_or(i32::MAX);
            let query = query.clone().limit(missing).set_exclusive_start_key(from);
            let found = self.table.query(&query, deadline).await?;
            for item in found.items() {
                let key = Key {
                    pk: item::read_text(item, "pk")?.to_owned(),
                    sk: item::read_text(item, "sk")?.to_owned(),
                };
                listed.push(QueueItem::new(key));
            }
            from = found.last_evaluated_key;
            if from.is_none() || listed.len() >= limit {
                return Ok(listed);
            }
        }
    }

    /// Reads usages and parcels as they are now. The index may lag behind: what is no longer pending is left out.
    pub async fn pending(
        &self,
        listed: &[QueueItem],
        deadline: &Deadline,
    ) -> Result<Vec<PendingDelivery>, Error> {
        let mut found = Vec::with_capacity(listed.len());
        // DynamoDB reads at most 100 at once.
        for some in listed.chunks(100) {
            let keys = some.iter().map(|listed| listed.key.attributes()).collect();
            for item in self.table.items(keys, deadline).await? {
                let Some(listed) = some.iter().find(|listed| listed.key.is_of(&item)) else {
                    continue;
                };
                if !item.contains_key("pending_bucket") {
                    continue;
                }
                let read = if listed.kind == QueueItemKind::Parcel {
                    Parcel::from_item(&item).map(|parcel| PendingDelivery::Parcel(Box::new(parcel)))
                } else {
                    UsageProgress::from_item(&item)
                        .map(|usage| PendingDelivery::Usage(Box::new(usage)))
                };
                let unreadable = |error| PendingDelivery::Unreadable(listed.clone(), error);
                found.push(read.unwrap_or_else(unreadable));
            }
        }
        Ok(found)
    }

    /// Claims a usage before some of its deliveries are attempted.
    ///
    /// None if another run has claimed it, or it was marked.
    pub async fn claim(
        &self,
        usage: &UsageProgress,
        sinks: SinkSet,
        deadline: &Deadline,
    ) -> Result<Option<UsageProgress>, Error> {
        let now = deadline.start();
        let claims = usage.claims + 1;
        let as_read = Change::as_read(usage.entry.deliveries, usage.claims);
        let mut change = as_read
            .set("claims", item::number(claims))
            .set("claimed_at", item::time(now));
        for (sink, _) in sinks.iter().filter(|(_, is_attempted)| **is_attempted) {
            change = progress::claim(sink, change);
        }
        if sinks.langfuse {
            change = change.set("traced_at", item::time(now));
        }
        let update = change.update(&self.table, &Key::entry(usage.entry.id.as_str()));
        let taken = self.table.apply(update, deadline).await?;
        Ok(taken.then(|| UsageProgress {
            claims,
            traced_at: Some(now).filter(|_| sinks.langfuse).or(usage.traced_at),
            ..usage.clone()
        }))
    }

    /// Marks a claimed usage, and lists what is still pending at `due`. Returns whether the claim still held.
    pub async fn put_back(
        &self,
        claimed: &UsageProgress,
        marks: &Marks,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let (entry, claims) = (&claimed.entry, claimed.claims);
        self.mark_if(entry, claims, marks, Some(due), deadline)
            .await
    }

    /// Postpones a listed item of any kind.
    pub async fn put_off(
        &self,
        listed: &QueueItem,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let change = Change::default()
            .when("attribute_exists(pending_bucket)")
            .set("pending_due", item::time(due));
        let update = change.update(&self.table, &listed.key);
        self.table.apply(update, deadline).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_item_has_the_kind_of_its_key() {
        let refund = || QueueItemKind::Reversal(ReversalKind::Refund, "re_1".parse().unwrap());
        for (pk, kind) in [
            ("E#use_1", QueueItemKind::Usage),
            ("B#par_1", QueueItemKind::Parcel),
            ("I#chk_1", QueueItemKind::Order),
            ("A#a", QueueItemKind::Subscriptions("a".parse().unwrap())),
            ("A#", QueueItemKind::Unknown),
            ("D#refund#re_1", refund()),
            ("D#later#re_1", QueueItemKind::Unknown),
            ("Z#1", QueueItemKind::Usage),
        ] {
            assert_eq!(QueueItemKind::of(pk), kind, "{pk}");
        }
    }
}
