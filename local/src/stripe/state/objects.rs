//! The objects that are stored as Stripe shows them, by kind and id.

use std::collections::BTreeMap;
use std::collections::btree_map::Values;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The objects of all kinds without a type of their own. Ids rise, so their order is the order of creation.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Objects(BTreeMap<String, BTreeMap<String, Value>>);

impl Objects {
    /// Returns all objects of a kind.
    pub(crate) fn all(&self, kind: &str) -> Values<'_, String, Value> {
        self.0.get(kind).map(BTreeMap::values).unwrap_or_default()
    }

    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.0.get(kind)?.get(id)
    }

    pub(crate) fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Value> {
        self.0.get_mut(kind)?.get_mut(id)
    }

    /// Stores an object under its id.
    pub(crate) fn insert(&mut self, kind: &str, object: Value) {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        let objects = self.0.entry(kind.to_owned()).or_default();
        objects.insert(id, object);
    }

    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> Option<Value> {
        self.0.get_mut(kind)?.remove(id)
    }
}
