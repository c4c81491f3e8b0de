//! A DynamoDB for one machine: `dynoxide` in process, behind an address where faults can be set.
//!
//! DynamoDB's JSON protocol is spoken at `/`; faults are set at `/_local/faults`, and
//! `GET /_local/state` lists all items. What an embedded database never does by itself, losing a
//! transaction to another and being throttled, it does on request and in DynamoDB's own words.

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

/// A running DynamoDB; it ends when dropped.
pub struct Dynamodb {
    server: Server,
    tables: Tables,
}

/// Why it did not start, or a table could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address was not to be had.
    #[error("failed to start the DynamoDB of this machine")]
    Server(#[from] server::Error),
    /// The folder cannot hold it.
    #[error("failed to make the folder `{0}`")]
    Folder(PathBuf, #[source] std::io::Error),
    /// The folder's path is not Unicode, which the database's interface needs.
    #[error("the folder's path is not Unicode")]
    FolderName,
    /// The database refused.
    #[error("the database refused")]
    Database(#[from] DynoxideError),
    /// The model of it refused.
    #[error("the model of DynamoDB refused")]
    Model(#[from] Refusal),
    /// An item has values that are not known here.
    #[error("an item cannot be read")]
    Item(#[source] serde_json::Error),
}

impl Dynamodb {
    /// Starts on `address`, with the tables of `directory`, or in memory when there is none, and with this access.
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

    /// The endpoint for an SDK.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The faults to come, by operation name: `TransactWriteItems`, say.
    pub fn faults(&self) -> &Faults {
        &self.tables.faults
    }

    /// What functions may do here, and what of it they have done.
    pub fn access(&self) -> &Access {
        &self.tables.access
    }

    /// Makes a table from a `CreateTable` request; one that is there already stays as it is.
    pub fn create_table(&self, definition: Value) -> Result<(), Error> {
        self.tables.create_table(definition)
    }

    /// All items of a table, in DynamoDB's JSON (`{"pk":{"S":"…"}}`).
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        self.tables.items(table)
    }

    /// The tables without the address: what a simulation calls in process.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Ends it, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The tables and their faults; clones are the same tables.
#[derive(Clone)]
pub struct Tables {
    engine: Engine,
    faults: Faults,
    access: Access,
}

impl Tables {
    /// The tables of `directory`, or empty ones in memory.
    pub fn open(directory: Option<&Path>, access: Access) -> Result<Self, Error> {
        Engine::open(directory).map(|engine| Self::new(engine, access))
    }

    /// Empty tables of a model, for a simulation: faster, and it can tell what has changed.
    ///
    /// It answers what the ledger asks as the embedded database does, and refuses the rest by name. The clock says how
    /// long it remembers the tokens of transactions.
    pub fn modelled(access: Access, clock: Clock) -> Self {
        Self::new(Engine::model(clock), access)
    }

    /// The same, whose transactions take time and conflict, and whose partitions have a throughput.
    pub fn paced(access: Access, clock: Clock, pace: Pace) -> Self {
        Self::new(Engine::paced_model(clock, pace), access)
    }

    /// What requests have taken; nothing where there is no pace.
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

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes a table from a `CreateTable` request; one that is there already stays as it is.
    pub fn create_table(&self, definition: Value) -> Result<(), Error> {
        self.engine.create_table(definition)
    }

    /// All items of a table, in DynamoDB's JSON.
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        self.engine.items(table)
    }

    /// Shows each item of a table in the order of their keys, none of which changes meanwhile.
    pub fn each_item(&self, table: &str, see: impl FnMut(&Item)) -> Result<(), Error> {
        self.engine.each_item(table, see)
    }

    /// What was changed since this was last asked, commit by commit: a transaction is one. Only a model knows; whoever
    /// never asks it lets it keep them all.
    pub fn changes(&self) -> Vec<Arc<[Change]>> {
        self.engine.changes()
    }

    /// Answers one request, as the address does.
    pub async fn handle(&self, request: Request) -> Reply {
        self.handle_with(request, &Visibility::Now).await
    }

    /// Answers one request with this visibility, which only a model knows.
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
