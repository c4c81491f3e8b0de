//! Marks on usage entries: the progress of their deliveries.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use jiff::Timestamp;

use crate::delivery::store::DeliveryQueue;
use crate::ledger::entry::{Deliveries, DeliveryState, UsageEntry};
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item;
use crate::table::key::{Key, Queue};
use crate::words::sink::PerSink;

/// The result of an attempt at one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The provider has it.
    Confirmed,
    /// It failed for good, for this reason.
    Parked(String),
    /// It is still pending, and the provider certainly did not receive it, for this reason.
    Unsent(&'static str),
    /// It is still pending, and the provider did not show it at this time; it may only be late.
    Absent(Timestamp),
    /// It is still pending, and since this time the provider cannot say whether it has it.
    Unclear(Timestamp),
}

/// The results for a usage's deliveries; None where there is nothing new to write.
pub type Marks = PerSink<Option<Mark>>;

impl Marks {
    /// The states that these marks lead to.
    pub(crate) fn after(&self, before: Deliveries) -> Deliveries {
        self.as_ref()
            .zip(before)
            .map(|(mark, before)| mark.as_ref().map_or(before, Mark::state))
    }
}

impl Mark {
    /// The state that this mark leads to.
    pub(crate) const fn state(&self) -> DeliveryState {
        match self {
            Self::Confirmed => DeliveryState::Confirmed,
            Self::Parked(_) => DeliveryState::Parked,
            Self::Unsent(_) | Self::Absent(_) | Self::Unclear(_) => DeliveryState::Pending,
        }
    }

    /// Returns the attribute that stores the reason or the time, without the delivery's name, and its value.
    fn kept(&self) -> Option<(&'static str, AttributeValue)> {
        match self {
            Self::Confirmed => None,
            Self::Parked(why) => Some(("parked", item::text(why))),
            Self::Unsent(why) => Some(("unsent", item::text(*why))),
            Self::Absent(at) => Some(("absent_at", item::time(*at))),
            Self::Unclear(since) => Some(("unclear_since", item::time(*since))),
        }
    }
}

/// The condition on an entry that is marked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guard {
    /// No outbox run has taken it yet.
    Fresh,
    /// No outbox run has claimed it yet.
    Claims(i64),
}

impl DeliveryQueue {
    /// Marks an entry that was just recorded, unless an outbox run has claimed it or it was marked before.
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
        if self
            .mark_if(entry, Guard::Fresh, marks, None, deadline)
            .await?
        {
            return Ok(marks.after(entry.deliveries));
        }
        let key = Key::entry(entry.id.as_str());
        let Some(stored) = self.table.item(&key, deadline).await? else {
            return Ok(entry.deliveries);
        };
        Ok(UsageEntry::from_item(&stored)?.deliveries)
    }

    /// Marks an entry if its states and the guard hold; returns whether they did. What is still pending is due at
    /// `due`.
    pub(crate) async fn mark_if(
        &self,
        entry: &UsageEntry,
        guard: Guard,
        marks: &Marks,
        due: Option<Timestamp>,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let update = self.mark_update(entry, guard, marks, due);
        self.table.update_if(update, deadline).await
    }

    fn mark_update(
        &self,
        entry: &UsageEntry,
        guard: Guard,
        marks: &Marks,
        due: Option<Timestamp>,
    ) -> UpdateItemFluentBuilder {
        let before = entry.deliveries;
        let mut update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::entry(entry.id.as_str()).attributes()));
        // Both states are compared: both decide whether anything is still pending.
        let states = "langfuse = :langfuse_before AND stripe = :stripe_before";
        update = match guard {
            Guard::Fresh | Guard::Claims(0) => {
                update.condition_expression(format!("{states} AND attribute_not_exists(claims)"))
            }
            Guard::Claims(claims) => update
                .condition_expression(format!("{states} AND claims = :claims"))
                .expression_attribute_values(":claims", item::number(claims)),
        };
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (delivery, before, mark) in [
            ("langfuse", before.langfuse, &marks.langfuse),
            ("stripe", before.stripe, &marks.stripe),
        ] {
            update = update.expression_attribute_values(
                format!(":{delivery}_before"),
                item::text(before.as_str()),
            );
            let Some(mark) = mark else { continue };
            set.push(format!("{delivery} = :{delivery}"));
            update = update.expression_attribute_values(
                format!(":{delivery}"),
                item::text(mark.state().as_str()),
            );
            if let Some((attribute, kept)) = mark.kept() {
                set.push(format!("{delivery}_{attribute} = :{delivery}_kept"));
                update = update.expression_attribute_values(format!(":{delivery}_kept"), kept);
            }
            if let Mark::Absent(_) = mark {
                remove.push(format!("{delivery}_unclear_since"));
            }
        }
        let after = marks.after(before);
        if after.any_pending() {
            if let Some(due) = due {
                set.push("pending_due = :due".to_owned());
                update = update.expression_attribute_values(":due", item::time(due));
            }
        } else if after.any_parked() {
            set.push("pending_bucket = :parked, pending_due = :recorded_at".to_owned());
            update = update
                .expression_attribute_values(":parked", Queue::Parked.of(&entry.account))
                .expression_attribute_values(":recorded_at", item::time(entry.recorded_at));
        } else {
            remove.extend(["pending_bucket".to_owned(), "pending_due".to_owned()]);
        }
        let parts = [("SET", set), ("REMOVE", remove)].into_iter();
        let parts = parts.filter(|(_, changes)| !changes.is_empty());
        let parts = parts.map(|(what, changes)| format!("{what} {}", changes.join(", ")));
        update.update_expression(parts.collect::<Vec<_>>().join(" "))
    }
}
