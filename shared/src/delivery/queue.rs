//! The outbox's part of the table: due items, leases of buckets, and claims of usages.
//!
//! The outbox claims a usage before it sends anything of it again: the claim count rises, and the proof that it was
//! never sent is removed. Any later mark needs the claim, so no run writes outdated marks.

use jiff::{SignedDuration, Timestamp};

use crate::delivery::mark::{Guard, Marks};
use crate::delivery::parcel::Parcel;
use crate::delivery::store::DeliveryQueue;
use crate::delivery::waiting::Waiting;
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
pub struct Lease {
    bucket: u8,
    holder: String,
}

/// An item that the index lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    key: Key,
}

/// The kind of a listed item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A usage, or a parcel of usages.
    Usage,
    /// An order.
    Checkout,
    /// An account's subscriptions.
    Subscription,
    /// A refund, a dispute or a credit note.
    Reversal,
}

impl Listed {
    /// The name by which an operator finds the item in the table.
    pub fn name(&self) -> &str {
        &self.key.pk
    }

    /// Returns its kind.
    pub fn kind(&self) -> ListedKind {
        match self.key.pk.split_once('#') {
            Some(("I", _)) => ListedKind::Checkout,
            Some(("A", _)) => ListedKind::Subscription,
            Some(("D", _)) => ListedKind::Reversal,
            _ => ListedKind::Usage,
        }
    }

    /// Returns the refund, dispute or credit note, if the item is a followed one.
    pub fn followed(&self) -> Option<(ReversalKind, ReversalId)> {
        let (reason, id) = self.name().strip_prefix("D#")?.split_once('#')?;
        Some((ReversalKind::named(reason)?, id.parse().ok()?))
    }

    /// The key of the item.
    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the account, if it is an account's item.
    pub fn account(&self) -> Option<AccountId> {
        self.key.pk.strip_prefix("A#")?.parse().ok()
    }
}

/// The deliveries of a usage that are attempted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Its trace, to Langfuse.
    pub trace: bool,
    /// Its event, to Stripe's meter.
    pub event: bool,
}

/// A listed item, as it is now.
#[derive(Debug)]
pub enum Found {
    /// A usage.
    Usage(Box<Waiting>),
    /// A parcel of usages.
    Parcel(Box<Parcel>),
    /// An item that cannot be read.
    Unreadable(Listed, Malformed),
}

impl DeliveryQueue {
    /// Takes the lease of a bucket, unless another run holds it.
    ///
    /// If the first reply is lost, a retry finds itself the holder.
    pub async fn lease(&self, bucket: u8, deadline: &Deadline) -> Result<Option<Lease>, Error> {
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
        Ok(taken.then_some(Lease { bucket, holder }))
    }

    /// Releases a bucket, unless the lease was lost meanwhile.
    pub async fn release(&self, lease: Lease, deadline: &Deadline) -> Result<(), Error> {
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
    ) -> Result<Vec<Listed>, Error> {
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
                listed.push(Listed { key });
            }
            from = found.last_evaluated_key;
            if from.is_none() || listed.len() >= limit {
                return Ok(listed);
            }
        }
    }

    /// Reads listed items as they are now. The index may lag behind: items that are no longer pending are left out.
    pub async fn waiting(
        &self,
        listed: &[Listed],
        deadline: &Deadline,
    ) -> Result<Vec<Found>, Error> {
        let mut found = Vec::with_capacity(listed.len());
        // DynamoDB reads at most 100 at once.
        for some in listed.chunks(100) {
            let keys = some.iter().map(|listed| listed.key.attributes()).collect();
            for item in self.table.items(keys, deadline).await? {
                let Some(key) = some.iter().find(|listed| listed.key.is_of(&item)) else {
                    continue;
                };
                if !item.contains_key("pending_bucket") {
                    continue;
                }
                let read = if key.key.pk.starts_with("B#") {
                    Parcel::from_item(&item).map(|parcel| Found::Parcel(Box::new(parcel)))
                } else {
                    Waiting::from_item(&item).map(|usage| Found::Usage(Box::new(usage)))
                };
                found.push(read.unwrap_or_else(|error| Found::Unreadable(key.clone(), error)));
            }
        }
        Ok(found)
    }

    /// Claims a usage before these deliveries are attempted.
    ///
    /// None if another run has claimed it, or it was marked.
    pub async fn claim(
        &self,
        waiting: &Waiting,
        parts: Parts,
        deadline: &Deadline,
    ) -> Result<Option<Waiting>, Error> {
        let now = deadline.start();
        let deliveries = waiting.entry.deliveries;
        let states = "langfuse = :langfuse AND stripe = :stripe";
        let claimed = if waiting.claims == 0 {
            "attribute_not_exists(claims)"
        } else {
            "claims = :claims_before"
        };
        let mut update = self.table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::entry(waiting.entry.id.as_str()).attributes()))
            .condition_expression(format!("{states} AND {claimed}"))
            .update_expression(match (parts.trace, parts.event) {
                (true, true) => {
                    "SET claims = :claims, claimed_at = :now, traced_at = :now \
                     REMOVE langfuse_unsent, langfuse_absent_at, langfuse_unclear_since, stripe_unsent"
                }
                (true, false) => {
                    "SET claims = :claims, claimed_at = :now, traced_at = :now \
                     REMOVE langfuse_unsent, langfuse_absent_at, langfuse_unclear_since"
                }
                (false, _) => "SET claims = :claims, claimed_at = :now REMOVE stripe_unsent",
            })
            .expression_attribute_values(":langfuse", item::text(deliveries.langfuse.as_str()))
            .expression_attribute_values(":stripe", item::text(deliveries.stripe.as_str()))
            .expression_attribute_values(":claims", item::number(waiting.claims + 1))
            .expression_attribute_values(":now", item::time(now));
        if waiting.claims > 0 {
            update =
                update.expression_attribute_values(":claims_before", item::number(waiting.claims));
        }
        let taken = self.table.update_if(update, deadline).await?;
        Ok(taken.then(|| Waiting {
            claims: waiting.claims + 1,
            traced_at: Some(now).filter(|_| parts.trace).or(waiting.traced_at),
            ..waiting.clone()
        }))
    }

    /// Marks a claimed usage, and lists what is still pending at `due`. Returns whether the claim still held.
    pub async fn put_back(
        &self,
        taken: &Waiting,
        marks: &Marks,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let guard = Guard::Claims(taken.claims);
        self.mark_if(&taken.entry, guard, marks, Some(due), deadline)
            .await
    }

    /// Postpones a listed item of any kind.
    pub async fn put_off(
        &self,
        listed: &Listed,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let action = self.table.update(
            &listed.key,
            "attribute_exists(pending_bucket)",
            "SET pending_due = :due",
            [(":due", item::time(due))],
        );
        self.table.apply(action, deadline).await.map(drop)
    }
}
