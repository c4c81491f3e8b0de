//! Reads of items by their keys.

use std::collections::BTreeMap;

use serde::Serialize;

use super::expressions::{Names, Placeholders};
use super::item::{Attributes, Item};
use super::refusal::{Reason, Refusal};
use super::request::{BatchGet, Get, Keys, TransactGet};
use super::state::{State, answer};
use super::table::Before;
use super::throughput::Partition;

/// The largest response of a batch.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

const MAX_BATCH: usize = 100;
const MAX_ACTIONS: usize = 100;

/// Half read units for each 4 KB: eventually consistent, consistent, and in a transaction.
const EVENTUAL: u64 = 1;
const CONSISTENT: u64 = 2;
const TRANSACTIONAL: u64 = 4;

/// The response with an item, if it exists.
#[derive(Serialize)]
struct Found {
    #[serde(rename = "Item", skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
}

/// An object that is always empty.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    responses: BTreeMap<String, Vec<Item>>,
    unprocessed_keys: Nothing,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct All {
    responses: Vec<Found>,
}

impl State {
    /// Carries out a `GetItem`, on the state of `ago` commits ago unless it is consistent.
    pub(super) fn get(&mut self, request: &Get, ago: usize) -> Result<String, Refusal> {
        let ago = if request.consistent_read { 0 } else { ago };
        let before = self.before(&request.table_name, ago);
        let item = self.found(request, &before, halves(request.consistent_read))?;
        answer(&Found { item })
    }

    /// Carries out a `BatchGetItem`, on the state of `ago` commits ago unless it is consistent.
    pub(super) fn batch_get(&mut self, request: &BatchGet, ago: usize) -> Result<String, Refusal> {
        let count: usize = request
            .request_items
            .values()
            .map(|table| table.keys.len())
            .sum();
        let any_without = request
            .request_items
            .values()
            .any(|table| table.keys.is_empty());
        if any_without || count == 0 || count > MAX_BATCH {
            return Err(Refusal::Invalid(format!(
                "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: \
                 Member must have length between 1 and {MAX_BATCH}"
            )));
        }
        for table in request.request_items.values() {
            for (place, key) in table.keys.iter().enumerate() {
                if table.keys[..place].contains(key) {
                    return Err(Refusal::Invalid(
                        "Provided list of item keys contains duplicates".to_owned(),
                    ));
                }
            }
        }
        let (mut responses, mut size) = (BTreeMap::new(), 0);
        for (name, asked) in &request.request_items {
            let ago = if asked.consistent_read { 0 } else { ago };
            let found = self.batch_of(name, asked, ago, &mut size)?;
            responses.insert(name.clone(), found);
        }
        answer(&Batch {
            responses,
            unprocessed_keys: Nothing {},
        })
    }

    fn batch_of(
        &mut self,
        table: &str,
        asked: &Keys,
        ago: usize,
        size: &mut usize,
    ) -> Result<Vec<Item>, Refusal> {
        let given = placeholders(asked.expression_attribute_names.as_ref());
        let projection = self
            .expressions
            .projection(asked.projection_expression.as_deref())?;
        given.check(&[projection.as_ref().map(|parsed| &parsed.references)])?;
        let names = projection
            .as_ref()
            .map(|parsed| parsed.names(given))
            .transpose()?;
        let before = self.before(table, ago);
        let mut found = Vec::new();
        for key in &asked.keys {
            let halves = halves(asked.consistent_read);
            let Some(item) = self.item(table, key, &before, halves)? else {
                continue;
            };
            *size += item.size();
            if *size > MAX_BATCH_BYTES {
                return Err(Refusal::unknown("a batch of more than 16 MB"));
            }
            found.push(project(item, names.as_deref()));
        }
        Ok(found)
    }

    /// Carries out a `TransactGetItems` on the current state. It conflicts with transactions that hold its items.
    pub(super) fn transact_get(&mut self, request: &TransactGet) -> Result<String, Refusal> {
        let actions = &request.transact_items;
        if actions.is_empty() || actions.len() > MAX_ACTIONS {
            return Err(Refusal::Invalid(format!(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: \
                 Member must have length between 1 and {MAX_ACTIONS}"
            )));
        }
        let (mut responses, mut reasons) = (Vec::new(), Vec::new());
        for action in actions {
            let read = if self.is_held(&action.get) {
                Err(Refusal::Conflict)
            } else {
                self.found(&action.get, &Before::new(), TRANSACTIONAL)
            };
            let found = match read {
                // In a read, an empty key is a reason of its action like any other.
                Err(Refusal::EmptyKey(message)) => Err(Refusal::Invalid(message)),
                found => found,
            };
            match found {
                Ok(item) => {
                    responses.push(Found { item });
                    reasons.push(Reason::none());
                }
                Err(refusal) => reasons.push(refusal.reason()?),
            }
        }
        if responses.len() < actions.len() {
            return Err(Refusal::Cancelled(reasons));
        }
        for (place, action) in actions.iter().enumerate() {
            let is_same = |other: &Get| {
                other.table_name == action.get.table_name && other.key == action.get.key
            };
            if actions[..place].iter().any(|other| is_same(&other.get)) {
                return Err(Refusal::Invalid(
                    "Transaction request cannot include multiple operations on one item".to_owned(),
                ));
            }
        }
        answer(&All { responses })
    }

    fn is_held(&self, get: &Get) -> bool {
        let table = self.table(&get.table_name);
        let key = table.and_then(|table| table.schema.named(&get.key));
        key.is_ok_and(|key| self.holds.has(&get.table_name, &key))
    }

    fn found(&mut self, get: &Get, before: &Before, halves: u64) -> Result<Option<Item>, Refusal> {
        let given = placeholders(get.expression_attribute_names.as_ref());
        let projection = self
            .expressions
            .projection(get.projection_expression.as_deref())?;
        given.check(&[projection.as_ref().map(|parsed| &parsed.references)])?;
        let names = projection
            .as_ref()
            .map(|parsed| parsed.names(given))
            .transpose()?;
        let item = self.item(&get.table_name, &get.key, before, halves)?;
        Ok(item.map(|item| project(item, names.as_deref())))
    }

    fn item(
        &mut self,
        table: &str,
        key: &Attributes,
        before: &Before,
        halves: u64,
    ) -> Result<Option<Item>, Refusal> {
        let table = self.table(table)?;
        let key = table.schema.named(key)?;
        let item = match before.get(&key) {
            Some(before) => before.clone(),
            None => table.get(&key).cloned(),
        };
        let partition = Partition::of_table(table, key.hash);
        let bytes = item.as_ref().map_or(0, Item::size);
        self.take_read(partition, bytes, halves)?;
        Ok(item)
    }
}

/// Returns the half units of a read outside transactions.
pub(super) fn halves(consistent: bool) -> u64 {
    if consistent { CONSISTENT } else { EVENTUAL }
}

fn placeholders(names: Option<&Names>) -> Placeholders<'_> {
    Placeholders {
        names,
        values: None,
    }
}

/// Returns an item with only the named attributes; all of them without names.
pub(super) fn project(item: Item, names: Option<&[&str]>) -> Item {
    match names {
        None => item,
        Some(names) => Item::new(item.attributes().only(names.iter().copied())),
    }
}
