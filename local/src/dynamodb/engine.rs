//! The engine behind the operations: the embedded database, or the model of DynamoDB.

use std::path::Path;
use std::sync::Arc;

use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use super::model::{Change, Item, Model};
use super::operation::{self, Operation};
use super::pace::{Consumed, Pace};
use super::{Error, Visibility};
use crate::clock::Clock;
use crate::http::Response;

/// The file name of the database in its folder.
const FILE: &str = "dynamodb.sqlite";

/// One of the two engines; clones share it.
#[derive(Clone)]
pub(super) enum Engine {
    Database(Database),
    Model(Model),
}

impl Engine {
    /// Opens the database of `directory`, or an empty one in memory.
    pub(super) fn open(directory: Option<&Path>) -> Result<Self, Error> {
        let database = match directory {
            None => Database::memory()?,
            Some(directory) => {
                std::fs::create_dir_all(directory)
                    .map_err(|error| Error::Folder(directory.to_owned(), error))?;
                let file = directory.join(FILE);
                Database::new(file.to_str().ok_or(Error::FolderName)?)?
            }
        };
        Ok(Self::Database(database))
    }

    /// Returns an empty model.
    pub(super) fn model(clock: Clock) -> Self {
        Self::Model(Model::new(clock))
    }

    /// Returns an empty model with a pace.
    pub(super) fn paced_model(clock: Clock, pace: Pace) -> Self {
        Self::Model(Model::paced(clock, pace))
    }

    /// Returns what requests have consumed; zero if it is not counted.
    pub(super) fn consumed(&self) -> Consumed {
        match self {
            Self::Model(model) => model.consumed(),
            Self::Database(_) => Consumed::default(),
        }
    }

    /// Creates a table, unless it exists.
    pub(super) fn create_table(&self, definition: Value) -> Result<(), Error> {
        let database = match self {
            Self::Model(model) => return Ok(model.create_table(&definition)?),
            Self::Database(database) => database,
        };
        let request = serde_json::from_value(definition);
        let request: CreateTableRequest = request.map_err(|error| operation::unreadable(&error))?;
        match database.create_table(request) {
            Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns all items of a table, in DynamoDB's JSON.
    pub(super) fn items(&self, table: &str) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        let database = match self {
            Self::Model(model) => {
                model.each_item(table, |item| items.push(json!(item)))?;
                return Ok(items);
            }
            Self::Database(database) => database,
        };
        let mut start = None;
        loop {
            let page = database.scan(ScanRequest {
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

    /// Calls `see` with each item of a table.
    pub(super) fn each_item(&self, table: &str, mut see: impl FnMut(&Item)) -> Result<(), Error> {
        if let Self::Model(model) = self {
            return Ok(model.each_item(table, see)?);
        }
        for item in self.items(table)? {
            see(&Item::of_json(item).map_err(Error::Item)?);
        }
        Ok(())
    }

    /// Returns the changes since the last call; none from the database.
    pub(super) fn changes(&self) -> Vec<Arc<[Change]>> {
        match self {
            Self::Model(model) => model.changes(),
            Self::Database(_) => Vec::new(),
        }
    }

    /// Waits until the transaction of a response is complete.
    pub(super) async fn complete(&self, answer: &mut Response) {
        if let (Self::Model(model), Some(at)) = (self, answer.extensions_mut().remove()) {
            model.complete(at).await;
        }
    }

    /// Returns the response to an operation; `None` if it fails.
    pub(super) fn call(&self, operation: &str, request: &Value) -> Option<Value> {
        let operation = Operation::named(operation)?;
        let answer: Response =
            operation.run(self, request.to_string().as_bytes(), &Visibility::Now);
        let succeeded = answer.status().is_success();
        succeeded.then(|| serde_json::from_slice(answer.body()).ok())?
    }
}
