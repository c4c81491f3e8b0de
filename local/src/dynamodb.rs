//! A fake DynamoDB: `dynoxide` in process, behind a server where faults can be set.
//!
//! It serves DynamoDB's JSON protocol at `/`, faults at `/_local/faults`, and all items at `GET /_local/state`. An
//! embedded database never loses a transaction to another and is never throttled; this one does so on request, in
//! DynamoDB's own words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynoxide::DynoxideError;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::faults::{self, Faults, Kind};
use crate::http::{self as server, Reply, Request, Server};

mod access;
mod engine;
mod model;
mod operation;
mod pace;
mod refusal;
mod unprocessed;
mod visibility;

pub use access::{Access, Permission};
use engine::Engine;
pub use model::{Change, Item, Refusal};
use operation::Operation;
pub use pace::{Consumed, Pace};
pub use visibility::{Torn, Visibility};

/// A running fake DynamoDB; it stops when dropped.
pub struct Dynamodb {
    server: Server,
    tables: Tables,
}

/// An error at its start, or at creating or reading a table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error("failed to start the fake DynamoDB")]
    Server(#[from] server::Error),
    /// The folder cannot be created.
    #[error("failed to create the folder `{0}`")]
    Folder(PathBuf, #[source] std::io::Error),
    /// The folder's path is not Unicode, which the database's interface requires.
    #[error("the folder's path is not Unicode")]
    FolderName,
    /// The database refused a request.
    #[error("the database refused a request")]
    Database(#[from] DynoxideError),
    /// The model refused a request.
    #[error("the model of DynamoDB refused a request")]
    Model(#[from] Refusal),
    /// An item has values of an unsupported type.
    #[error("an item cannot be read")]
    Item(#[source] serde_json::Error),
}

impl Dynamodb {
    /// Starts on `address`, with the tables of `directory` or empty ones in memory, and with these permissions.
    pub async fn start(
        address: std::net::SocketAddr,
        directory: Option<&Path>,
        access: Access,
    ) -> Result<Self, Error> {
        let tables = Tables::open(directory, access)?;
        let handler = tables.clone();
        let server = Server::start(address, move |request| {
            let tables = handler.clone();
            async move { tables.handle(request).await }
        })
        .await?;
        Ok(Self { server, tables })
    }

    /// Returns the endpoint for an SDK.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns its faults, whose paths are operation names such as `TransactWriteItems`.
    pub fn faults(&self) -> &Faults {
        &self.tables.faults
    }

    /// Returns the permissions of functions, and those used so far.
    pub fn access(&self) -> &Access {
        &self.tables.access
    }

    /// Creates a table from a `CreateTable` request; an existing table stays unchanged.
    pub fn create_table(&self, definition: Value) -> Result<(), Error> {
        self.tables.create_table(definition)
    }

    /// Returns all items of a table, in DynamoDB's JSON (`{"pk":{"S":"…"}}`).
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        self.tables.items(table)
    }

    /// Returns the tables, for a simulation that calls them in process.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Stops the server, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The tables and their faults; clones share them.
#[derive(Clone)]
pub struct Tables {
    engine: Engine,
    faults: Faults,
    access: Access,
}

impl Tables {
    /// Opens the tables of `directory`, or empty ones in memory.
    pub fn open(directory: Option<&Path>, access: Access) -> Result<Self, Error> {
        Engine::open(directory).map(|engine| Self::new(engine, access))
    }

    /// Returns empty tables of the model, for a simulation: it is faster, and reports changes.
    ///
    /// For the ledger's requests it behaves as the embedded database does; it refuses others by name. The clock decides
    /// when a transaction's token is forgotten.
    pub fn modelled(access: Access, clock: Clock) -> Self {
        Self::new(Engine::model(clock), access)
    }

    /// Returns a model whose transactions take time and conflict, and whose partitions have a throughput.
    pub fn paced(access: Access, clock: Clock, pace: Pace) -> Self {
        Self::new(Engine::paced_model(clock, pace), access)
    }

    /// Returns what requests have consumed; zero without a pace.
    pub fn consumed(&self) -> Consumed {
        self.engine.consumed()
    }

    fn new(engine: Engine, access: Access) -> Self {
        Self {
            engine,
            faults: Faults::default(),
            access,
        }
    }

    /// Returns the faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Creates a table from a `CreateTable` request; an existing table stays unchanged.
    pub fn create_table(&self, definition: Value) -> Result<(), Error> {
        self.engine.create_table(definition)
    }

    /// Returns all items of a table, in DynamoDB's JSON.
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        self.engine.items(table)
    }

    /// Calls `see` with each item of a table in the order of keys, on one consistent state.
    pub fn each_item(&self, table: &str, see: impl FnMut(&Item)) -> Result<(), Error> {
        self.engine.each_item(table, see)
    }

    /// Returns the changes since the last call, one entry per commit; a transaction is one commit.
    ///
    /// Only the model reports changes. It keeps them all until this is called.
    pub fn changes(&self) -> Vec<Arc<[Change]>> {
        self.engine.changes()
    }

    /// Handles one request, as the server does.
    pub async fn handle(&self, request: Request) -> Reply {
        self.handle_with(request, &Visibility::Now).await
    }

    /// Handles one request with this visibility, which only the model supports.
    pub async fn handle_with(&self, request: Request, visibility: &Visibility) -> Reply {
        if request.uri().path() == faults::PATH {
            return Reply::Answer(self.faults.answer(&request, |kind| !kind.is_of_webhooks()));
        }
        if server::is(&request, &Method::GET, "/_local/state") {
            return Reply::Answer(self.state());
        }
        let operation = match Operation::of(&request) {
            Ok(operation) => operation,
            Err(refusal) => return Reply::Answer(*refusal),
        };
        if let Some(refusal) = self.access.refuse(operation.name(), &request) {
            return Reply::Answer(refusal);
        }
        let firing = self
            .faults
            .take(operation.name(), |kind| operation.can_meet(kind));
        let refused = match firing.as_ref() {
            Some(firing) if firing.kind == Kind::Refuse => return Reply::HangUp,
            Some(firing) => {
                let body = request.body();
                refusal::of(&operation, firing.kind, body, &self.engine)
                    .map(|response| firing.dress(response))
            }
            None => None,
        };
        let kind = firing.as_ref().map(|firing| firing.kind);
        let mut response = refused.unwrap_or_else(|| match kind {
            Some(Kind::Unprocessed) => {
                unprocessed::answer(&operation, &self.engine, request.body(), visibility)
            }
            _ => operation.run(&self.engine, request.body(), visibility),
        });
        self.engine.complete(&mut response).await;
        faults::deliver(firing.as_ref(), response).await
    }

    fn state(&self) -> server::Response {
        let mut tables = serde_json::Map::new();
        let listed = self
            .engine
            .call("ListTables", &json!({}))
            .unwrap_or_default();
        let names = listed["TableNames"].as_array().into_iter().flatten();
        for name in names.filter_map(Value::as_str) {
            let items = self.items(name).unwrap_or_default();
            tables.insert(name.to_owned(), items.into());
        }
        server::json(StatusCode::OK, &json!({ "tables": tables }))
    }
}
