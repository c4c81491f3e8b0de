//! Marks on usage entries: the progress of their deliveries.

use jiff::Timestamp;

use crate::delivery::change::Change;
use crate::delivery::progress::Marks;
use crate::delivery::store::DeliveryQueue;
use crate::ledger::entry::{Deliveries, UsageEntry};
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item;
use crate::table::key::{Key, Queue};

impl DeliveryQueue {
    /// Marks an entry that was just recorded. Leaves it if an outbox run has claimed it or it was marked before.
    ///
    /// Returns the states as stored. If the entry was marked meanwhile, those marks stay.
    pub async fn mark(
        &self,
        entry: &UsageEntry,
        marks: &Marks,
        deadline: &Deadline,
    ) -> Result<Deliveries, Error> {
        if *marks == Marks::default() {
            return Ok(entry.deliveries);
        }
        if self.mark_if(entry, 0, marks, None, deadline).await? {
            return Ok(marks.states_after(entry.deliveries));
        }
        let key = Key::entry(entry.id.as_str());
        let Some(stored) = self.table.item(&key, deadline).await? else {
            return Ok(entry.deliveries);
        };
        Ok(Deliveries::read(&stored)?)
    }

    /// Marks an entry if its states are as read and it was claimed this often. Returns whether that held. What is still
    /// pending is due at `due`.
    pub(super) async fn mark_if(
        &self,
        entry: &UsageEntry,
        claims: i64,
        marks: &Marks,
        due: Option<Timestamp>,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let mut change = Change::as_read(entry.deliveries, claims);
        for (sink, mark) in marks.iter() {
            if let Some(mark) = mark {
                change = mark.write(sink, change);
            }
        }
        let after = marks.states_after(entry.deliveries);
        change = match due {
            _ if !after.any_pending() && after.any_parked() => {
                change.list(Queue::Parked.of(&entry.account), entry.recorded_at)
            }
            _ if !after.any_pending() => change.unlist(),
            Some(due) => change.set("pending_due", item::time(due)),
            None => change,
        };
        let update = change.update(&self.table, &Key::entry(entry.id.as_str()));
        self.table.apply(update, deadline).await
    }
}
