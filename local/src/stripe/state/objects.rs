//! The objects that are stored as Stripe shows them, by kind and id.

use std::collections::BTreeMap;
use std::collections::btree_map::Values;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::KINDS;

/// The objects of all kinds without a type of their own. Ids rise, so their order is the order of creation.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Objects(BTreeMap<String, BTreeMap<String, Value>>);

/// The kind that has no list of its own.
const UNLISTED: &str = "customer_balance_transactions";

/// The kinds with a type of their own, and charges, which are parts of payments.
const ELSEWHERE: [&str; 5] = [
    "charges",
    "checkout_sessions",
    "invoices",
    "prices",
    "subscriptions",
];

impl Objects {
    /// Returns all objects of a kind.
    pub(crate) fn all(&self, kind: &str) -> Values<'_, String, Value> {
        self.of(kind).map(BTreeMap::values).unwrap_or_default()
    }

    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.of(kind)?.get(id)
    }

    pub(crate) fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Value> {
        self.of_mut(kind).get_mut(id)
    }

    /// Stores an object under its id.
    pub(crate) fn insert(&mut self, kind: &str, object: Value) {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        self.of_mut(kind).insert(id, object);
    }

    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> Option<Value> {
        self.of_mut(kind).remove(id)
    }

    fn of(&self, kind: &str) -> Option<&BTreeMap<String, Value>> {
        debug_assert!(is_stored(kind), "{kind} is no kind of stored objects");
        self.0.get(kind)
    }

    fn of_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Value> {
        debug_assert!(is_stored(kind), "{kind} is no kind of stored objects");
        self.0.entry(kind.to_owned()).or_default()
    }
}

/// Returns whether objects of this kind are stored here.
fn is_stored(kind: &str) -> bool {
    kind == UNLISTED || (KINDS.iter().any(|known| known.name == kind) && !ELSEWHERE.contains(&kind))
}
