//! A DynamoDB for one machine: `dynoxide` in process, behind an address where faults can be set.
//!
//! DynamoDB's JSON protocol is spoken at `/`; faults are set at `/_local/faults`, and
//! `GET /_local/state` lists all items. What an embedded database never does by itself, losing a
//! transaction to another and being throttled, it does on request and in DynamoDB's own words.

use std::path::{Path, PathBuf};

use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::faults::{self, Faults, Kind};
use crate::http::{self as server, Reply, Request, Server};

mod access;
mod operation;
mod refusal;

pub use access::{Access, Permission};
use operation::Operation;

/// The file of the database inside the folder it is given.
const FILE: &str = "dynamodb.sqlite";

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
    database: Database,
    faults: Faults,
    access: Access,
}

impl Tables {
    /// The tables of `directory`, or empty ones in memory.
    pub fn open(directory: Option<&Path>, access: Access) -> Result<Self, Error> {
        let database = match directory {
            None => Database::memory()?,
            Some(directory) => {
                std::fs::create_dir_all(directory)
                    .map_err(|error| Error::Folder(directory.to_owned(), error))?;
                let file = directory.join(FILE);
                Database::new(file.to_str().ok_or(Error::FolderName)?)?
            }
        };
        Ok(Self {
            database,
            faults: Faults::default(),
            access,
        })
    }

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes a table from a `CreateTable` request; one that is there already stays as it is.
    pub fn create_table(&self, definition: Value) -> Result<(), Error> {
        let request = serde_json::from_value(definition);
        let request: CreateTableRequest = request.map_err(|error| operation::unreadable(&error))?;
        match self.database.create_table(request) {
            Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All items of a table, in DynamoDB's JSON.
    pub fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self.database.scan(ScanRequest {
                table_name: table.to_owned(),
                exclusive_start_key: start,
                ..ScanRequest::default()
            })?;
            items.extend(page.items.iter().flatten().map(|item| json!(item)));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Answers one request, as the address does.
    pub async fn handle(&self, request: Request) -> Reply {
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
                refusal::of(&operation, firing.kind, body, &self.database)
                    .map(|response| firing.dress(response))
            }
            None => None,
        };
        let response = refused.unwrap_or_else(|| operation.run(&self.database, request.body()));
        faults::deliver(firing.as_ref(), response).await
    }

    fn state(&self) -> server::Response {
        let mut tables = serde_json::Map::new();
        let names = self.database.list_tables(ListTablesRequest::default());
        for name in names.map(|page| page.table_names).unwrap_or_default() {
            let items = self.items(&name).unwrap_or_default();
            tables.insert(name, items.into());
        }
        server::json(StatusCode::OK, &json!({ "tables": tables }))
    }
}
