//! The state of the model of DynamoDB: tables, history, tokens and holds.

mod history;
mod holds;
mod journal;
mod tables;
mod tokens;

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::definition::Definition;
use super::expressions::Expressions;
use super::refusal::Refusal;
use super::table::{Before, Table};
use super::throughput::{Partition, Throughput};
pub use history::Change;
use history::History;
use holds::Holds;
pub use journal::Error;
use journal::Journal;
use tables::Tables;
pub(super) use tokens::Known;
use tokens::Tokens;

/// The whole state.
#[derive(Default)]
pub(super) struct State {
    pub(super) tables: Tables,
    pub(super) expressions: Expressions,
    pub(super) history: History,
    pub(super) tokens: Tokens,
    pub(super) holds: Holds,
    /// The consumption of partitions, if it is limited.
    pub(super) throughput: Option<Throughput>,
    /// The journal of commits, if they outlive the process.
    pub(super) journal: Option<Journal>,
    /// The time of the current request.
    pub(super) now: Timestamp,
}

impl State {
    /// Opens the state with the tables of a folder.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let (tables, journal) = journal::open(directory)?;
        Ok(Self {
            tables,
            journal: Some(journal),
            ..Self::default()
        })
    }

    /// Begins a request at a time.
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

    /// Carries out a `CreateTable`.
    pub(super) fn create(&mut self, definition: Definition) -> Result<String, Refusal> {
        let table = self.tables.prepare(&definition)?;
        if let Some(journal) = &mut self.journal {
            journal.create(&definition)?;
        }
        let described = answer(&json!({ "TableDescription": definition.describe(0) }));
        self.tables.insert(definition, table);
        described
    }

    /// Carries out a `DescribeTable`.
    pub(super) fn describe(&self, name: &str) -> Result<String, Refusal> {
        let (definition, table) = self.tables.defined(name)?;
        answer(&json!({ "Table": definition.describe(table.rows.len()) }))
    }

    /// Carries out a `ListTables`.
    pub(super) fn names(&self) -> Result<String, Refusal> {
        answer(&json!({ "TableNames": self.tables.names() }))
    }

    /// Returns the items of a table that a read sees in an older state.
    ///
    /// These are items that are not visible yet, and items as of `ago` commits ago.
    pub(super) fn before(&self, table: &str, ago: usize) -> Before {
        let mut before = self.holds.hidden(table);
        before.extend(self.history.before(table, ago));
        before
    }

    /// Returns the table with a name.
    pub(super) fn table(&self, name: &str) -> Result<&Table, Refusal> {
        self.tables.get(name)
    }
}

/// Serialises a response.
pub(super) fn answer(answer: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(answer).map_err(|error| Refusal::Unreadable(error.to_string()))
}
