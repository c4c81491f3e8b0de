//! Refunds and disputes that may still change. The outbox checks each regularly, even without a webhook.

use jiff::Timestamp;

use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::Table;
use crate::table::item;
use crate::table::key::{Key, Queue};
use crate::words::id::ReversalId;
use crate::words::reversal_kind::ReversalKind;

/// The refunds and disputes in the table that may still change.
#[derive(Clone, Debug)]
pub struct OpenReversals {
    table: Table,
}

impl OpenReversals {
    /// The rows of this table.
    pub const fn over(table: Table) -> Self {
        Self { table }
    }

    /// Schedules a check of a reversal. Returns false if the deployment does not store that yet.
    pub async fn follow(
        &self,
        kind: ReversalKind,
        id: &ReversalId,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        if self.table.item_version < ItemVersion::V3 {
            return Ok(false);
        }
        let follow = self.table.update(
            &Key::followed(kind, id),
            "attribute_not_exists(pending_due) OR pending_due < :due",
            "SET pending_bucket = :bucket, pending_due = :due",
            [
                (":bucket", Queue::Due.of_key(id.as_str())),
                (":due", item::time(due)),
            ],
        );
        // A refusal means that a later check is due.
        self.table.apply(follow, deadline).await?;
        Ok(true)
    }

    /// Ends the checks of a reversal that is final.
    pub async fn unfollow(
        &self,
        kind: ReversalKind,
        id: &ReversalId,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        if self.table.item_version < ItemVersion::V3 {
            return Ok(());
        }
        let unfollow = self.table.update(
            &Key::followed(kind, id),
            "attribute_exists(pending_bucket)",
            "REMOVE pending_bucket, pending_due",
            [],
        );
        self.table.apply(unfollow, deadline).await.map(drop)
    }
}
