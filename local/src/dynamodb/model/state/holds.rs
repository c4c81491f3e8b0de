//! Items held by transactions. Other writes conflict with them, and reads still see their old state.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::item::Item;
use super::super::key::Key;
use super::super::table::Before;

/// The held items, by table.
#[derive(Default)]
pub(in super::super) struct Holds(HashMap<Arc<str>, HashMap<Key, Hold>>);

struct Hold {
    until: Timestamp,
    /// Hides a commit that is not visible yet.
    hides: bool,
    /// The item before that commit, if it existed.
    before: Option<Item>,
}

impl Holds {
    /// Releases the holds whose time is over.
    pub(super) fn release(&mut self, now: Timestamp) {
        for held in self.0.values_mut() {
            held.retain(|_, hold| hold.until > now);
        }
    }

    /// Holds an item until a time.
    pub(in super::super) fn hold(&mut self, table: &Arc<str>, key: Key, until: Timestamp) {
        let held = self.0.entry(table.clone()).or_default();
        let (hides, before) = (false, None);
        held.insert(
            key,
            Hold {
                until,
                hides,
                before,
            },
        );
    }

    /// Sets the state that reads see of a held item until its hold ends.
    pub(in super::super) fn hide(&mut self, table: &str, key: &Key, before: Option<&Item>) {
        let held = self.0.get_mut(table).and_then(|held| held.get_mut(key));
        if let Some(hold) = held {
            hold.hides = true;
            hold.before = before.cloned();
        }
    }

    /// Returns whether a transaction holds an item.
    pub(in super::super) fn has(&self, table: &str, key: &Key) -> bool {
        self.0.get(table).is_some_and(|held| held.contains_key(key))
    }

    /// Returns those of a table's items that reads still see in an older state.
    pub(super) fn hidden(&self, table: &str) -> Before {
        let held = self.0.get(table).into_iter().flatten();
        let hidden = held.filter(|(_, hold)| hold.hides);
        hidden
            .map(|(key, hold)| (key.clone(), hold.before.clone()))
            .collect()
    }
}
