//! Conditional updates of usages and parcels, put together attribute by attribute.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;

use crate::ledger::entry::{Deliveries, DeliveryState};
use crate::table::Table;
use crate::table::item::{self, Item};
use crate::table::key::Key;
use crate::words::sink::Sink;

/// A change of an item, on conditions.
#[derive(Debug, Default)]
pub(super) struct Change {
    conditions: Vec<String>,
    set: Vec<&'static str>,
    remove: Vec<&'static str>,
    values: Item,
}

impl Change {
    /// A change of a usage that is as it was read. It has the same delivery states and number of
    /// claims.
    ///
    /// All states are compared, because each decides whether anything is still pending.
    pub(super) fn as_read(states: Deliveries, claims: i64) -> Self {
        let mut change = Self::default().if_claims(claims);
        for (sink, state) in states.iter() {
            change = change.if_state(sink, *state);
        }
        change
    }

    /// Adds a condition without values.
    pub(super) fn when(mut self, condition: &str) -> Self {
        self.conditions.push(condition.to_owned());
        self
    }

    /// Adds the condition that an attribute has a value.
    pub(super) fn if_equal(mut self, attribute: &str, value: AttributeValue) -> Self {
        let name = format!(":{attribute}_read");
        self.conditions.push(format!("{attribute} = {name}"));
        self.values.insert(name, value);
        self
    }

    /// Adds the condition that a delivery is in a state.
    pub(super) fn if_state(self, sink: Sink, state: DeliveryState) -> Self {
        self.if_equal(sink.as_str(), item::text(state.as_str()))
    }

    /// Adds the condition that no outbox run has claimed a usage since it was read.
    pub(super) fn if_claims(self, claims: i64) -> Self {
        if claims == 0 {
            self.when("attribute_not_exists(claims)")
        } else {
            self.if_equal("claims", item::number(claims))
        }
    }

    /// Sets an attribute.
    pub(super) fn set(mut self, attribute: &'static str, value: AttributeValue) -> Self {
        self.set.push(attribute);
        self.values.insert(format!(":{attribute}"), value);
        self
    }

    /// Sets the state of a delivery.
    pub(super) fn set_state(self, sink: Sink, state: DeliveryState) -> Self {
        self.set(sink.as_str(), item::text(state.as_str()))
    }

    /// Removes attributes.
    pub(super) fn remove<const N: usize>(mut self, attributes: [&'static str; N]) -> Self {
        self.remove.extend(attributes);
        self
    }

    /// Lists the item in a bucket of a queue.
    pub(super) fn list(self, bucket: AttributeValue, due: Timestamp) -> Self {
        self.set("pending_bucket", bucket)
            .set("pending_due", item::time(due))
    }

    /// Takes the item out of every queue.
    pub(super) fn unlist(self) -> Self {
        self.remove(["pending_bucket", "pending_due"])
    }

    /// Returns the update of the item with this key.
    pub(super) fn update(self, table: &Table, key: &Key) -> TransactWriteItem {
        let set = self.set.iter().map(|name| format!("{name} = :{name}"));
        let set = set.collect::<Vec<_>>().join(", ");
        let parts = [("SET", set), ("REMOVE", self.remove.join(", "))];
        let parts = parts.iter().filter(|(_, part)| !part.is_empty());
        let parts: Vec<String> = parts.map(|(what, part)| format!("{what} {part}")).collect();
        let condition = self.conditions.join(" AND ");
        table.update_with(key, &condition, &parts.join(" "), self.values)
    }

    /// Makes the change in an item, as the table does if the conditions hold.
    #[cfg(test)]
    pub(super) fn made_in(&self, item: &mut Item) {
        for name in &self.set {
            item.insert((*name).to_owned(), self.values[&format!(":{name}")].clone());
        }
        for name in &self.remove {
            item.remove(*name);
        }
    }
}
