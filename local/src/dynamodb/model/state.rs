//! What the model of DynamoDB holds: the tables, what has changed in them, and what it has been asked before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::definition::Definition;
use super::expressions::Expressions;
use super::history::History;
use super::holds::Holds;
use super::refusal::Refusal;
use super::table::{Before, Table};
use super::throughput::{Partition, Throughput};
use super::transaction::Tokens;

/// All of it.
#[derive(Default)]
pub(super) struct State {
    pub(super) tables: BTreeMap<String, (Definition, Table)>,
    pub(super) expressions: Expressions,
    pub(super) history: History,
    pub(super) tokens: Tokens,
    pub(super) holds: Holds,
    /// What partitions take, where that is limited.
    pub(super) throughput: Option<Throughput>,
    /// When this request is carried out.
    pub(super) now: Timestamp,
}

impl State {
    /// Begins a request at this time.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.holds.release(now);
    }

    /// Takes read units of a partition, in halves for each 4 KB.
    pub(super) fn take_read(
        &mut self,
        partition: Partition,
        bytes: usize,
        halves: u64,
    ) -> Result<(), Refusal> {
        match &mut self.throughput {
            Some(throughput) => throughput.read(partition, bytes, halves, self.now),
            None => Ok(()),
        }
    }

    /// A `CreateTable`.
    pub(super) fn create(&mut self, definition: Definition) -> Result<String, Refusal> {
        let name = definition.table_name.clone();
        if self.tables.contains_key(&name) {
            return Err(Refusal::TableExists(name));
        }
        let table = definition.table()?;
        let described = answer(&json!({ "TableDescription": definition.describe(0) }));
        self.tables.insert(name, (definition, table));
        described
    }

    /// A `DescribeTable`.
    pub(super) fn describe(&self, name: &str) -> Result<String, Refusal> {
        let (definition, table) = self.tables.get(name).ok_or(Refusal::NoTable)?;
        answer(&json!({ "Table": definition.describe(table.rows.len()) }))
    }

    /// A `ListTables`.
    pub(super) fn names(&self) -> Result<String, Refusal> {
        let names: Vec<&String> = self.tables.keys().collect();
        answer(&json!({ "TableNames": names }))
    }

    /// What a read sees of a table that is not how it was committed: what is not visible yet, and how it was `ago`
    /// commits ago.
    pub(super) fn before(&self, table: &str, ago: usize) -> Before {
        let mut before = self.holds.hidden(table);
        before.extend(self.history.before(table, ago));
        before
    }

    /// The table of a name.
    pub(super) fn table(&self, name: &str) -> Result<&Table, Refusal> {
        let known = self.tables.get(name);
        known.map(|(_, table)| table).ok_or(Refusal::NoTable)
    }
}

/// The text of an answer.
pub(super) fn answer(answer: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(answer).map_err(|error| Refusal::Unreadable(error.to_string()))
}
