//! Writes of one item, alone or as an action of a transaction.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::expressions::{Condition, Expressions, Parsed, Update};
use super::item::{Attributes, Item};
use super::key::Key;
use super::refusal::Refusal;
use super::request::{BatchWrite, BatchWriteItem, ReturnValues, Returned, Write};
use super::state::{Change, State, answer};
use super::table::Table;
use super::throughput::{Need, Partition, index_needs, write_units};

/// The units for each KB: in a single write, and in a transaction.
const PLAIN: u64 = 1;
pub(super) const TRANSACTIONAL: u64 = 2;

/// The effect of a write, or its refusal.
pub(super) type Judged = Result<Option<Effect>, Refusal>;

/// The most writes of a batch.
const MAX_BATCH: usize = 25;

/// The largest item.
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Update,
    Delete,
    Check,
}

/// A write with its parsed expressions.
pub(super) struct Prepared<'a> {
    kind: Kind,
    pub(super) write: &'a Write,
    condition: Option<Arc<Parsed<Condition>>>,
    update: Option<Arc<Parsed<Update>>>,
}

/// The response to a write.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Item>,
}

/// The effect of a write: a key and its new item, or none.
pub(super) struct Effect {
    table: Arc<str>,
    key: Key,
    after: Option<Item>,
}

impl State {
    /// Carries out a `PutItem`, `UpdateItem` or `DeleteItem`.
    pub(super) fn write(&mut self, kind: Kind, request: &Write) -> Result<String, Refusal> {
        let prepared = Prepared::new(kind, request, &mut self.expressions)?;
        prepared.check_update()?;
        let judged = self.judge(&prepared)?;
        let needs = self.needs(&prepared, &judged, PLAIN)?;
        self.take_write(&needs).map_err(|_| Refusal::Throttled)?;
        self.note_conflicts([&judged]);
        let effect = judged?;
        let attributes = match request.return_values {
            Some(Returned::AllNew) if kind == Kind::Update => {
                effect.as_ref().and_then(|effect| effect.after.clone())
            }
            Some(Returned::AllNew) => return Err(Refusal::unknown("`ALL_NEW` except in updates")),
            Some(Returned::None) | None => None,
        };
        self.commit(effect)?;
        answer(&Written { attributes })
    }

    /// Carries out a `BatchWriteItem`: each write for itself, after all of them were checked.
    ///
    /// DynamoDB may process a part of it; here it is processed or refused as a whole.
    pub(super) fn batch_write(&mut self, request: BatchWrite) -> Result<String, Refusal> {
        let lengths = request.request_items.values().map(Vec::len);
        let count: usize = lengths.clone().sum();
        if count == 0 || count > MAX_BATCH || lengths.min() == Some(0) {
            return Err(Refusal::Invalid(format!(
                "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: \
                 Member must have length between 1 and {MAX_BATCH}"
            )));
        }
        let writes = request.request_items.into_iter();
        let writes = writes.flat_map(|(table, items)| {
            let write = move |item: BatchWriteItem| item.write(table.clone());
            items.into_iter().map(write)
        });
        let writes: Vec<(Kind, Write)> = writes.collect();
        let (mut seen, mut needs, mut effects) = (HashSet::new(), Vec::new(), Vec::new());
        for (kind, write) in &writes {
            let prepared = Prepared::new(*kind, write, &mut self.expressions)?;
            let judged = self.judge(&prepared)?;
            needs.extend(self.needs(&prepared, &judged, PLAIN)?);
            self.note_conflicts([&judged]);
            if let Some(effect) = judged? {
                if !seen.insert((effect.table.clone(), effect.key.clone())) {
                    let message = "Provided list of item keys contains duplicates";
                    return Err(Refusal::Invalid(message.to_owned()));
                }
                effects.push(effect);
            }
        }
        self.take_write(&needs).map_err(|_| Refusal::Throttled)?;
        for effect in effects {
            self.commit([effect])?;
        }
        answer(&json!({ "UnprocessedItems": {} }))
    }

    /// Returns the effect of a write, or a conflict if a transaction holds its item. Fails for an unknown table.
    pub(super) fn judge(&self, write: &Prepared<'_>) -> Result<Judged, Refusal> {
        let table = self.table(&write.write.table_name)?;
        let target = write.target(table);
        if target.is_some_and(|key| self.holds.has(&table.name, &key)) {
            return Ok(Err(Refusal::Conflict));
        }
        Ok(write.judge(table))
    }

    /// Returns the units of a write. Those of its item are first, then those of indexes if it has an effect.
    pub(super) fn needs(
        &self,
        write: &Prepared<'_>,
        judged: &Judged,
        each_kb: u64,
    ) -> Result<Vec<Need>, Refusal> {
        let table = self.table(&write.write.table_name)?;
        let Some(key) = write.target(table).filter(|_| self.throughput.is_some()) else {
            return Ok(Vec::new());
        };
        let before = table.get(&key);
        let effect = judged.as_ref().ok().and_then(Option::as_ref);
        let after = effect.and_then(|effect| effect.after.as_ref());
        let units = each_kb * write_units(before, after);
        let mut needs = vec![(Partition::of_table(table, key.hash.clone()), units)];
        if effect.is_some() {
            needs.extend(index_needs(table, &key, before, after));
        }
        Ok(needs)
    }

    /// Takes write units. The error is the index of the first need that exceeds a partition.
    pub(super) fn take_write(&mut self, needs: &[Need]) -> Result<(), usize> {
        match &mut self.throughput {
            Some(throughput) => throughput.write(needs, self.now),
            None => Ok(()),
        }
    }

    /// Counts the request if a part of it conflicts.
    pub(super) fn note_conflicts<'a>(&mut self, judged: impl IntoIterator<Item = &'a Judged>) {
        let mut judged = judged.into_iter();
        if let Some(throughput) = &mut self.throughput
            && judged.any(|judged| matches!(judged, Err(Refusal::Conflict)))
        {
            throughput.consumed.conflicts += 1;
        }
    }

    /// Commits all effects at once. Reads see the old state of each item while it is held.
    pub(super) fn commit(
        &mut self,
        effects: impl IntoIterator<Item = Effect>,
    ) -> Result<(), Refusal> {
        let mut commit = Vec::new();
        for Effect { table, key, after } in effects {
            let before = self.table(&table)?.get(&key).cloned();
            if before.is_some() || after.is_some() {
                commit.push(Change {
                    table,
                    before,
                    after,
                    key,
                });
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.commit(&self.tables, &commit)?;
        }
        for change in &commit {
            if let Ok(table) = self.tables.get_mut(&change.table) {
                table.write(&change.key, change.after.as_ref());
            }
            let before = change.before.as_ref();
            self.holds.hide(&change.table, &change.key, before);
        }
        self.history.keep(commit);
        Ok(())
    }
}

impl BatchWriteItem {
    /// Converts it to a single write.
    fn write(self, table_name: String) -> (Kind, Write) {
        let (kind, item, key) = match self {
            Self::PutRequest { item } => (Kind::Put, Some(item), None),
            Self::DeleteRequest { key } => (Kind::Delete, None, Some(key)),
        };
        let write = Write {
            table_name,
            item,
            key,
            ..Write::default()
        };
        (kind, write)
    }
}

impl<'a> Prepared<'a> {
    /// Refuses requests that are wrong for every table.
    pub(super) fn new(
        kind: Kind,
        write: &'a Write,
        expressions: &mut Expressions,
    ) -> Result<Self, Refusal> {
        let has_parts = match kind {
            Kind::Put => {
                write.item.is_some() && write.key.is_none() && write.update_expression.is_none()
            }
            Kind::Update => write.key.is_some() && write.item.is_none(),
            Kind::Delete | Kind::Check => {
                write.key.is_some() && write.item.is_none() && write.update_expression.is_none()
            }
        };
        if !has_parts || (kind == Kind::Check && write.condition_expression.is_none()) {
            return Err(Refusal::Invalid(format!(
                "the members of the request do not fit a {kind:?}"
            )));
        }
        if write
            .item
            .as_ref()
            .is_some_and(|item| item.size() > MAX_ITEM_BYTES)
        {
            return Err(Refusal::Invalid(
                "Item size has exceeded the maximum allowed size".to_owned(),
            ));
        }
        let given = write.placeholders();
        let update = expressions.update(write.update_expression.as_deref())?;
        if let Some(update) = &update {
            let checked = update.expression.check_targets(given);
            checked
                .map_err(|wrong| Refusal::Invalid(format!("Invalid UpdateExpression: {wrong}")))?;
        }
        let condition = expressions.condition(
            write.condition_expression.as_deref(),
            "ConditionExpression",
            given,
        )?;
        given.check(&[
            update.as_ref().map(|parsed| &parsed.references),
            condition.as_ref().map(|parsed| &parsed.references),
        ])?;
        Ok(Self {
            kind,
            write,
            condition,
            update,
        })
    }

    /// Refuses an update that is wrong for every item. In a transaction that is its action's reason.
    fn check_update(&self) -> Result<(), Refusal> {
        let Some(update) = &self.update else {
            return Ok(());
        };
        let given = self.write.placeholders();
        let checked = given.define(&update.references);
        let checked = checked.and_then(|()| update.expression.check_values(given));
        checked.map_err(|wrong| Refusal::Invalid(format!("Invalid UpdateExpression: {wrong}")))
    }

    /// Returns the key of its item; `None` if it has none.
    pub(super) fn target(&self, table: &Table) -> Option<Key> {
        let attributes = self.write.key.as_ref().or(self.write.item.as_ref());
        table.schema.key(attributes?)
    }

    /// Returns its effect, or its refusal; `None` if it writes nothing.
    pub(super) fn judge(&self, table: &Table) -> Result<Option<Effect>, Refusal> {
        let key = match (&self.write.key, &self.write.item) {
            (Some(key), _) => table.schema.named(key)?,
            (None, item) => {
                let item = item.as_ref().expect("a write without a key has an item");
                let key = table.schema.of_new(item)?;
                table.check_indexed(item, None)?;
                key
            }
        };
        let was = table.get(&key);
        self.check_condition(was)?;
        let after = match self.kind {
            Kind::Check => return Ok(None),
            Kind::Delete => None,
            Kind::Put => self.write.item.clone(),
            Kind::Update => Some(self.updated(table, was)?),
        };
        Ok(Some(Effect {
            table: table.name.clone(),
            key,
            after: after.map(Item::new),
        }))
    }

    fn check_condition(&self, was: Option<&Item>) -> Result<(), Refusal> {
        let Some(condition) = &self.condition else {
            return Ok(());
        };
        let nothing = Attributes::default();
        let item = was.map_or(&nothing, Item::attributes);
        let held = condition.expression.holds(item, self.write.placeholders());
        if held.map_err(Refusal::Invalid)? {
            return Ok(());
        }
        let returned = match self.write.return_values_on_condition_check_failure {
            ReturnValues::AllOld => was.cloned(),
            ReturnValues::None => None,
        };
        Err(Refusal::Condition(returned))
    }

    fn updated(&self, table: &Table, was: Option<&Item>) -> Result<Attributes, Refusal> {
        let given = self.write.placeholders();
        // A new item begins with its key.
        let was = was.map(Item::attributes).or(self.write.key.as_ref());
        let was = was.expect("an update has a key");
        let Some(update) = &self.update else {
            return Ok(was.clone());
        };
        for target in update.expression.targets() {
            if let Some(name) = given
                .name(target)
                .ok()
                .filter(|name| table.schema.has(name))
            {
                return Err(Refusal::Invalid(format!(
                    "One or more parameter values were invalid: Cannot update attribute {name}. \
                     This attribute is part of the key"
                )));
            }
        }
        let item = update
            .expression
            .apply(was, given)
            .map_err(Refusal::Invalid)?;
        table.check_indexed(&item, Some(was))?;
        if item.size() > MAX_ITEM_BYTES {
            return Err(Refusal::Invalid(
                "Item size to update has exceeded the maximum allowed size".to_owned(),
            ));
        }
        Ok(item)
    }
}
