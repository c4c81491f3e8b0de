//! A model of DynamoDB in memory: the part that Sparks uses.
//!
//! Tests compare it with an implementation of all of DynamoDB. It refuses by name anything that it does not support.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Visibility;
use super::operation::{MEDIA_TYPE, Operation, failure};
use super::pace::{Consumed, Pace};
use crate::clock::Clock;
use crate::http::{Response, respond};

mod definition;
mod expressions;
mod item;
mod key;
mod list;
mod read;
mod refusal;
mod request;
mod state;
mod table;
mod throughput;
mod transaction;
mod write;

pub use item::Item;
pub use refusal::Refusal;
pub use state::{Change, Error};

use item::Attributes;
use state::State;
use throughput::Throughput;
use write::Kind;

/// The time at which a transaction is complete; its response is kept back until then.
#[derive(Clone, Copy, Debug)]
struct CompleteAt(Timestamp);

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

    /// Opens the model with the tables of a folder.
    pub(super) fn open(directory: &Path, clock: Clock) -> Result<Self, Error> {
        let state = Arc::new(Mutex::new(State::open(directory)?));
        Ok(Self { state, clock })
    }

    /// Limits throughput from now on.
    pub(super) fn set_pace(&self, pace: Pace) {
        self.state().throughput = Some(Throughput::new(pace));
    }

    /// Keeps changes from now on, until they are taken.
    pub(super) fn keep_changes(&self) {
        self.state().history.keep_unseen();
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

    /// Returns the names of all tables.
    pub(super) fn table_names(&self) -> Vec<String> {
        self.state().tables.names().into_iter().cloned().collect()
    }

    /// Carries out an operation.
    pub(super) fn answer(
        &self,
        operation: Operation,
        body: &[u8],
        visibility: &Visibility,
    ) -> Response {
        let answered = self.run(operation, body, visibility);
        answered.unwrap_or_else(|refusal| refusal.response())
    }

    /// Waits until the transaction of a response is complete.
    pub(super) async fn complete(&self, response: &mut Response) {
        let Some(CompleteAt(at)) = response.extensions_mut().remove() else {
            return;
        };
        loop {
            let left = at.duration_since(self.clock.now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }

    /// Returns the committed item with the key attributes of `key`, which may have others.
    pub(super) fn item(&self, table: &str, key: &Value) -> Option<Item> {
        let key = Attributes::deserialize(key).ok()?;
        let state = self.state();
        let table = state.table(table).ok()?;
        table.get(&table.schema.key(&key)?).cloned()
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

    fn run(
        &self,
        operation: Operation,
        body: &[u8],
        visibility: &Visibility,
    ) -> Result<Response, Refusal> {
        use request::read;
        let ago = visibility.ago();
        // The body is read before the state is locked.
        let answered = match operation {
            Operation::CreateTable => {
                let definition = read(body)?;
                self.state().create(definition)
            }
            Operation::DescribeTable => {
                let request: request::Describe = read(body)?;
                self.state().describe(&request.table_name)
            }
            Operation::ListTables => self.state().names(),
            Operation::GetItem => {
                let request = read(body)?;
                self.state().get(&request, ago)
            }
            Operation::BatchGetItem => {
                let request = read(body)?;
                self.state().batch_get(&request, ago)
            }
            Operation::TransactGetItems => {
                let request = read(body)?;
                self.state().transact_get(&request)
            }
            Operation::Query => {
                let request = read(body)?;
                self.state().query(&request, ago)
            }
            Operation::Scan => {
                let request = read(body)?;
                self.state().scan(&request, ago)
            }
            Operation::PutItem => self.write(Kind::Put, body),
            Operation::UpdateItem => self.write(Kind::Update, body),
            Operation::DeleteItem => self.write(Kind::Delete, body),
            Operation::BatchWriteItem => {
                let request = read(body)?;
                self.state().batch_write(request)
            }
            Operation::TransactWriteItems => return self.transact(body, visibility),
        };
        answered.map(success)
    }

    fn write(&self, kind: Kind, body: &[u8]) -> Result<String, Refusal> {
        let request = request::read(body)?;
        self.state().write(kind, &request)
    }

    fn transact(&self, body: &[u8], visibility: &Visibility) -> Result<Response, Refusal> {
        let request = request::read(body)?;
        let torn = visibility.torn();
        let (ended, now) = {
            let mut state = self.state();
            (state.transact(request, torn)?, state.now)
        };
        let mut answer = match ended.cancelled {
            Some(reasons) => Refusal::Cancelled(reasons).response(),
            None if torn.is_some_and(|torn| torn.stalled) => {
                return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR));
            }
            None => success("{}".to_owned()),
        };
        if ended.at > now {
            answer.extensions_mut().insert(CompleteAt(ended.at));
        }
        Ok(answer)
    }

    /// Locks the state and moves its time to now.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begin(self.clock.now());
        state
    }
}

fn success(answer: String) -> Response {
    respond(StatusCode::OK, MEDIA_TYPE, answer)
}
