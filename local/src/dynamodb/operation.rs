//! The supported operations of DynamoDB, from the bytes of a request to those of its response.

use dynoxide::auth_material::{self, AuthMaterial};
use dynoxide::{Database, DynoxideError};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Visibility;
use super::engine::Engine;
use crate::faults::Kind;
use crate::http::{Request, Response, respond, single};

/// The media type of DynamoDB's protocol.
pub(super) const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// A supported operation.
pub(super) struct Operation {
    name: String,
    run: Run,
}

/// The function that runs an operation: from the request's body to the response's.
type Run = fn(&Database, &[u8]) -> dynoxide::Result<String>;

impl Operation {
    /// Returns the operation of a request, or DynamoDB's refusal of it.
    pub(super) fn of(request: &Request) -> Result<Self, Box<Response>> {
        if request.method() != Method::POST || request.uri().path() != "/" {
            let body = "<UnknownOperationException/>\n".to_owned();
            return Err(respond(StatusCode::NOT_FOUND, "text/xml", body).into());
        }
        let target = single(request.headers(), "x-amz-target").unwrap_or_default();
        let name = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
        let Some(operation) = Self::named(name) else {
            let kind = "com.amazon.coral.service#UnknownOperationException";
            return Err(error(StatusCode::BAD_REQUEST, kind, "message", "").into());
        };
        let headers = request.headers();
        let unsigned = auth_material::validate(AuthMaterial {
            authorization: single(headers, "authorization"),
            query: request.uri().query().unwrap_or_default(),
            has_date_header: headers.contains_key("x-amz-date") || headers.contains_key("date"),
        });
        if let Some(body) = unsigned {
            return Err(respond(StatusCode::BAD_REQUEST, MEDIA_TYPE, body).into());
        }
        Ok(operation)
    }

    /// Returns the operation with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (name, run) = (name.to_owned(), runner(name)?);
        Some(Self { name, run })
    }

    /// Returns its name, which is the path of its faults.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether DynamoDB could answer it with this fault.
    pub(super) fn can_meet(&self, kind: Kind) -> bool {
        match kind {
            Kind::ConflictAndCondition => self.name == "TransactWriteItems",
            Kind::Conflict => matches!(
                self.name.as_str(),
                "TransactWriteItems" | "TransactGetItems" | "PutItem" | "UpdateItem" | "DeleteItem"
            ),
            Kind::Unprocessed => self.name == "BatchGetItem",
            Kind::Throttle => self.name.contains("Item") || self.name_reads_many(),
            Kind::Status(_) | Kind::Slow(_) | Kind::Truncated | Kind::LostReply | Kind::Refuse => {
                true
            }
            Kind::Code(_) | Kind::Duplicate(_) | Kind::Reorder | Kind::Hold | Kind::Drop => false,
        }
    }

    fn name_reads_many(&self) -> bool {
        matches!(self.name.as_str(), "Query" | "Scan")
    }

    /// Runs it. The database supports only [`Visibility::Now`].
    pub(super) fn run(&self, engine: &Engine, body: &[u8], visibility: &Visibility) -> Response {
        let database = match engine {
            Engine::Model(model) => return model.answer(&self.name, body, visibility),
            Engine::Database(database) => database,
        };
        match (self.run)(database, body) {
            Ok(answer) => respond(StatusCode::OK, MEDIA_TYPE, answer),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code());
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                respond(status, MEDIA_TYPE, error.to_json())
            }
        }
    }
}

fn runner(name: &str) -> Option<Run> {
    Some(match name {
        "CreateTable" => |database, body| call(body, |request| database.create_table(request)),
        "DescribeTable" => |database, body| call(body, |request| database.describe_table(request)),
        "DeleteTable" => |database, body| call(body, |request| database.delete_table(request)),
        "ListTables" => |database, body| call(body, |request| database.list_tables(request)),
        "UpdateTimeToLive" => {
            |database, body| call(body, |request| database.update_time_to_live(request))
        }
        "DescribeTimeToLive" => {
            |database, body| call(body, |request| database.describe_time_to_live(request))
        }
        "GetItem" => |database, body| call(body, |request| database.get_item(request)),
        "PutItem" => |database, body| call(body, |request| database.put_item(request)),
        "UpdateItem" => |database, body| call(body, |request| database.update_item(request)),
        "DeleteItem" => |database, body| call(body, |request| database.delete_item(request)),
        "Query" => |database, body| call(body, |request| database.query(request)),
        "Scan" => |database, body| call(body, |request| database.scan(request)),
        "BatchGetItem" => |database, body| call(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => {
            |database, body| call(body, |request| database.batch_write_item(request))
        }
        "TransactGetItems" => {
            |database, body| call(body, |request| database.transact_get_items(request))
        }
        "TransactWriteItems" => {
            |database, body| call(body, |request| database.transact_write_items(request))
        }
        _ => return None,
    })
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<String> {
    let request = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let answer = run(request)?;
    serde_json::to_string(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Returns the error for a malformed body; the database's readers mark the class of their errors.
pub(super) fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    if let Some(refused) = message.strip_prefix("SERIALIZATION:") {
        return DynoxideError::SerializationException(refused.to_owned());
    }
    let marked = ["VALIDATION_REQUEST:", "VALIDATION:"];
    let refused = marked.iter().find_map(|mark| message.strip_prefix(mark));
    let refused = refused.or_else(|| {
        let classes = ["missing field", "unknown variant", "AttributeValue"];
        let invalid = classes.iter().any(|class| message.contains(class));
        invalid.then_some(message)
    });
    match refused {
        Some(refused) => DynoxideError::ValidationException(refused.to_owned()),
        None => DynoxideError::SerializationException(message.to_owned()),
    }
}

/// Returns an error in DynamoDB's shape; the member name of its message differs between errors.
pub(super) fn error(status: StatusCode, kind: &str, message_name: &str, message: &str) -> Response {
    let body = serde_json::json!({ "__type": kind, message_name: message });
    respond(status, MEDIA_TYPE, body.to_string())
}
