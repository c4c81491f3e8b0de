//! The tables of an account, by name, each with the definition that created it.

use std::collections::BTreeMap;

use super::super::definition::Definition;
use super::super::refusal::Refusal;
use super::super::table::Table;

/// The tables in the order of names.
#[derive(Default)]
pub(in super::super) struct Tables(BTreeMap<String, (Definition, Table)>);

impl Tables {
    /// Returns the table that a definition describes, still unlisted; refuses a name that is taken.
    pub(super) fn prepare(&self, definition: &Definition) -> Result<Table, Refusal> {
        let name = &definition.table_name;
        if self.0.contains_key(name) {
            return Err(Refusal::TableExists(name.clone()));
        }
        definition.table()
    }

    /// Lists a prepared table.
    pub(super) fn insert(&mut self, definition: Definition, table: Table) {
        let name = definition.table_name.clone();
        self.0.insert(name, (definition, table));
    }

    /// Returns the table with a name.
    pub(super) fn get(&self, name: &str) -> Result<&Table, Refusal> {
        self.defined(name).map(|(_, table)| table)
    }

    /// Returns the table with a name, for a change.
    pub(in super::super) fn get_mut(&mut self, name: &str) -> Result<&mut Table, Refusal> {
        let known = self.0.get_mut(name);
        known.map(|(_, table)| table).ok_or(Refusal::NoTable)
    }

    /// Returns the table with a name and its definition.
    pub(super) fn defined(&self, name: &str) -> Result<&(Definition, Table), Refusal> {
        self.0.get(name).ok_or(Refusal::NoTable)
    }

    /// Returns all tables and their definitions.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Definition, Table)> {
        self.0.values()
    }

    /// Returns all names.
    pub(in super::super) fn names(&self) -> Vec<&String> {
        self.0.keys().collect()
    }
}
