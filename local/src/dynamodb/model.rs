//! A model of DynamoDB in memory, for a simulation that asks it many times: what the ledger uses of it, and no more.
//!
//! It answers as the embedded database does, which the tests hold it to. What it does not know it refuses by name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::Value;

use super::operation::MEDIA_TYPE;
use crate::clock::Clock;
use crate::http::{Response, respond};

mod condition;
mod definition;
mod expressions;
mod history;
mod item;
mod key;
mod key_condition;
mod lexer;
mod list;
mod placeholders;
mod read;
mod refusal;
mod request;
mod state;
mod table;
mod transaction;
mod update;
mod value;
mod write;

pub use history::Change;
pub use item::Item;
pub use refusal::Refusal;

use state::State;
use write::Kind;

/// The model; a clone is the same one.
#[derive(Clone)]
pub(super) struct Model {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

impl Model {
    /// Without a table. The clock says how long tokens are remembered.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            state: Arc::default(),
            clock,
        }
    }

    /// Makes a table from a `CreateTable` request; one that is there already stays as it is.
    pub(super) fn create_table(&self, definition: &Value) -> Result<(), Refusal> {
        let definition = request::read(definition.to_string().as_bytes())?;
        match self.state().create(definition) {
            Ok(_) | Err(Refusal::TableExists(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Answers an operation. What need not be consistent is answered as of `ago` commits ago.
    pub(super) fn answer(&self, operation: &str, body: &[u8], ago: usize) -> Response {
        match self.run(operation, body, ago) {
            Ok(answer) => respond(StatusCode::OK, MEDIA_TYPE, answer),
            Err(refusal) => respond(StatusCode::BAD_REQUEST, MEDIA_TYPE, refusal.body()),
        }
    }

    /// Shows each item of a table, in the order of their keys.
    pub(super) fn each_item(&self, table: &str, see: impl FnMut(&Item)) -> Result<(), Refusal> {
        let state = self.state();
        state.table(table)?.rows.values().for_each(see);
        Ok(())
    }

    /// What commits have changed since this was last asked, commit by commit.
    pub(super) fn changes(&self) -> Vec<Arc<[Change]>> {
        self.state().history.take()
    }

    fn run(&self, operation: &str, body: &[u8], ago: usize) -> Result<String, Refusal> {
        use request::read;
        // A body is read before anybody has to wait for it.
        match operation {
            "CreateTable" => {
                let definition = read(body)?;
                self.state().create(definition)
            }
            "DescribeTable" => {
                let request: request::Describe = read(body)?;
                self.state().describe(&request.table_name)
            }
            "ListTables" => self.state().names(),
            "GetItem" => {
                let request = read(body)?;
                self.state().get(&request, ago)
            }
            "BatchGetItem" => {
                let request = read(body)?;
                self.state().batch_get(&request, ago)
            }
            "TransactGetItems" => {
                let request = read(body)?;
                self.state().transact_get(&request)
            }
            "Query" => {
                let request = read(body)?;
                self.state().query(&request, ago)
            }
            "Scan" => {
                let request = read(body)?;
                self.state().scan(&request, ago)
            }
            "PutItem" => self.write(Kind::Put, body),
            "UpdateItem" => self.write(Kind::Update, body),
            "DeleteItem" => self.write(Kind::Delete, body),
            "TransactWriteItems" => {
                let request = read(body)?;
                let now = self.clock.now();
                self.state().transact(request, now)
            }
            other => Err(Refusal::unknown(&format!("operation {other}"))),
        }
    }

    fn write(&self, kind: Kind, body: &[u8]) -> Result<String, Refusal> {
        let request = request::read(body)?;
        self.state().write(kind, &request)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
