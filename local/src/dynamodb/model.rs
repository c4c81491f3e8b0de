//! A model of DynamoDB in memory, for simulations with many requests: the part that the ledger uses.
//!
//! It behaves as the embedded database does; tests compare the two. It refuses by name anything that it does not
//! support.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::Visibility;
use super::operation::MEDIA_TYPE;
use super::pace::{Consumed, Pace};
use crate::clock::Clock;
use crate::http::{Response, respond};

mod condition;
mod definition;
mod expressions;
mod history;
mod holds;
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
mod throughput;
mod transaction;
mod update;
mod value;
mod write;

pub use history::Change;
pub use item::Item;
pub use refusal::Refusal;

use state::State;
use throughput::Throughput;
use write::Kind;

/// The time at which a transaction is complete; its response is kept back until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompleteAt(Timestamp);

/// The model; clones share it.
#[derive(Clone)]
pub(super) struct Model {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

impl Model {
    /// Creates a model without tables. The clock decides when tokens are forgotten.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            state: Arc::default(),
            clock,
        }
    }

    /// Creates a model with a pace.
    pub(super) fn paced(clock: Clock, pace: Pace) -> Self {
        let model = Self::new(clock);
        model.state().throughput = Some(Throughput::new(pace));
        model
    }

    /// Returns what requests have consumed; zero if it is not counted.
    pub(super) fn consumed(&self) -> Consumed {
        let state = self.state();
        let throughput = state.throughput.as_ref();
        throughput.map_or_else(Consumed::default, |throughput| throughput.consumed.clone())
    }

    /// Creates a table from a `CreateTable` request; an existing table stays unchanged.
    pub(super) fn create_table(&self, definition: &Value) -> Result<(), Refusal> {
        let definition = request::read(definition.to_string().as_bytes())?;
        match self.state().create(definition) {
            Ok(_) | Err(Refusal::TableExists(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Carries out an operation.
    pub(super) fn answer(&self, operation: &str, body: &[u8], visibility: &Visibility) -> Response {
        let answered = match operation {
            "TransactWriteItems" => self.transact(body, visibility),
            _ => self.run(operation, body, visibility.ago()).map(success),
        };
        answered.unwrap_or_else(|refusal| refused(&refusal))
    }

    /// Waits until the transaction of a response is complete.
    pub(super) async fn complete(&self, CompleteAt(at): CompleteAt) {
        loop {
            let left = at.duration_since(self.clock.now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }

    /// Calls `see` with each committed item of a table, in the order of keys.
    pub(super) fn each_item(&self, table: &str, see: impl FnMut(&Item)) -> Result<(), Refusal> {
        let state = self.state();
        state.table(table)?.rows.values().for_each(see);
        Ok(())
    }

    /// Returns the changes since the last call, commit by commit.
    pub(super) fn changes(&self) -> Vec<Arc<[Change]>> {
        self.state().history.take()
    }

    fn run(&self, operation: &str, body: &[u8], ago: usize) -> Result<String, Refusal> {
        use request::read;
        // The body is read before the state is locked.
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
            other => Err(Refusal::unknown(&format!("operation {other}"))),
        }
    }

    fn write(&self, kind: Kind, body: &[u8]) -> Result<String, Refusal> {
        let request = request::read(body)?;
        self.state().write(kind, &request)
    }

    fn transact(&self, body: &[u8], visibility: &Visibility) -> Result<Response, Refusal> {
        let request = request::read(body)?;
        let torn = visibility.torn();
        let ended = self.state().transact(request, torn)?;
        let mut answer = match ended.cancelled {
            Some(reasons) => refused(&Refusal::Cancelled(reasons)),
            None if torn.is_some_and(|torn| torn.stalled) => {
                return Ok(super::refusal::failure(StatusCode::INTERNAL_SERVER_ERROR));
            }
            None => success("{}".to_owned()),
        };
        answer.extensions_mut().insert(CompleteAt(ended.at));
        Ok(answer)
    }

    /// Locks the state and moves its time to now.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begin(self.clock.now());
        state
    }
}

fn refused(refusal: &Refusal) -> Response {
    respond(StatusCode::BAD_REQUEST, MEDIA_TYPE, refusal.body())
}

fn success(answer: String) -> Response {
    respond(StatusCode::OK, MEDIA_TYPE, answer)
}
