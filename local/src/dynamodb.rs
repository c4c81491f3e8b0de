//! A fake DynamoDB: an in-memory model behind a server where faults can be set.
//!
//! It serves DynamoDB's JSON protocol at `/`, faults at `/_local/faults`, and all items at `GET /_local/state`. The
//! model reports conflicts and throttles only on request: by a fault, a pace or a torn commit.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::faults::{self, Faults, Kind};
use crate::http::{self as server, Reply, Request, Server};

mod access;
mod fault;
mod model;
mod operation;
mod pace;
mod unprocessed;
mod visibility;

pub use access::{Access, Permission};
use model::Model;
pub use model::{Change, Error, Item, Refusal};
use operation::Operation;
pub use pace::{Consumed, Pace};
pub use visibility::{Torn, Visibility};

/// A running fake DynamoDB; it stops when dropped.
pub struct Dynamodb {
    server: Server,
    tables: Tables,
}

impl Dynamodb {
    /// Serves tables on `address`.
    pub async fn serve(address: SocketAddr, tables: Tables) -> Result<Self, server::Error> {
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
    pub fn create_table(&self, definition: &Value) -> Result<(), Refusal> {
        self.tables.create_table(definition)
    }

    /// Returns all items of a table, in DynamoDB's JSON (`{"pk":{"S":"…"}}`).
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Refusal> {
        self.tables.items(table)
    }

    /// Returns the tables, for a caller in this process.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Stops the server, and returns when its port and its folder are free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The tables and their faults; clones share them.
#[derive(Clone)]
pub struct Tables {
    model: Model,
    faults: Faults,
    access: Access,
}

impl Tables {
    /// Creates it without tables, in memory. The clock decides when a transaction's token is forgotten.
    pub fn new(access: Access, clock: Clock) -> Self {
        Self::of(Model::new(clock), access)
    }

    /// Opens the tables of a folder, which may be empty. They survive this process, however it ends.
    pub fn open(directory: &Path, access: Access, clock: Clock) -> Result<Self, Error> {
        Ok(Self::of(Model::open(directory, clock)?, access))
    }

    fn of(model: Model, access: Access) -> Self {
        Self {
            model,
            faults: Faults::default(),
            access,
        }
    }

    /// Makes transactions take time and conflict. Limits the throughput of partitions, and counts what is consumed.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        self.model.set_pace(pace);
        self
    }

    /// Keeps all changes until [`Tables::changes`] takes them.
    #[must_use]
    pub fn with_changes(self) -> Self {
        self.model.keep_changes();
        self
    }

    /// Returns what requests have consumed; zero without a pace.
    pub fn consumed(&self) -> Consumed {
        self.model.consumed()
    }

    /// Returns the faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Creates a table from a `CreateTable` request; an existing table stays unchanged.
    pub fn create_table(&self, definition: &Value) -> Result<(), Refusal> {
        self.model.create_table(definition)
    }

    /// Returns all items of a table, in DynamoDB's JSON.
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Refusal> {
        let mut items = Vec::new();
        self.each_item(table, |item| items.push(json!(item)))?;
        Ok(items)
    }

    /// Calls `see` with each item of a table in key order. All are of one consistent state.
    pub fn each_item(&self, table: &str, see: impl FnMut(&Item)) -> Result<(), Refusal> {
        self.model.each_item(table, see)
    }

    /// Returns the changes since the last call, one entry per commit. A transaction is one commit.
    ///
    /// Only tables [with changes](Self::with_changes) report them.
    pub fn changes(&self) -> Vec<Arc<[Change]>> {
        self.model.changes()
    }

    /// Handles one request, as the server does.
    pub async fn handle(&self, request: Request) -> Reply {
        self.handle_with(request, &Visibility::Now).await
    }

    /// Handles one request with this visibility.
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
        let (body, model) = (request.body(), &self.model);
        let firing = self
            .faults
            .take(operation.name(), |kind| operation.can_meet(kind));
        let refused = match firing.as_ref() {
            Some(firing) if firing.kind == Kind::Refuse => return Reply::HangUp,
            Some(firing) => fault::response(operation, firing.kind, body, model)
                .map(|response| firing.dress(response)),
            None => None,
        };
        let kind = firing.as_ref().map(|firing| firing.kind);
        let mut response = refused.unwrap_or_else(|| match kind {
            Some(Kind::Unprocessed) => unprocessed::answer(model, body, visibility),
            _ => model.answer(operation, body, visibility),
        });
        model.complete(&mut response).await;
        faults::deliver(firing.as_ref(), response).await
    }

    fn state(&self) -> server::Response {
        let names = self.model.table_names().into_iter();
        let tables = names.map(|name| {
            let items = self.items(&name).unwrap_or_default();
            (name, items.into())
        });
        let tables: serde_json::Map<String, Value> = tables.collect();
        server::json(StatusCode::OK, &json!({ "tables": tables }))
    }
}
