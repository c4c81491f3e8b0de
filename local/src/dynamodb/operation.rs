//! The supported operations of DynamoDB, and the operation of a request.

use http::{HeaderMap, Method, StatusCode};

use crate::faults::Kind;
use crate::http::{Request, Response, respond, single};

/// The media type of DynamoDB's protocol.
pub(super) const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// A supported operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateTable,
    DescribeTable,
    ListTables,
    GetItem,
    PutItem,
    UpdateItem,
    DeleteItem,
    Query,
    Scan,
    BatchGetItem,
    BatchWriteItem,
    TransactGetItems,
    TransactWriteItems,
}

impl Operation {
    const ALL: [Self; 13] = [
        Self::CreateTable,
        Self::DescribeTable,
        Self::ListTables,
        Self::GetItem,
        Self::PutItem,
        Self::UpdateItem,
        Self::DeleteItem,
        Self::Query,
        Self::Scan,
        Self::BatchGetItem,
        Self::BatchWriteItem,
        Self::TransactGetItems,
        Self::TransactWriteItems,
    ];

    /// Returns the operation of a request, or DynamoDB's refusal of it.
    pub(super) fn of(request: &Request) -> Result<Self, Box<Response>> {
        if request.method() != Method::POST || request.uri().path() != "/" {
            let body = "<UnknownOperationException/>\n".to_owned();
            return Err(respond(StatusCode::NOT_FOUND, "text/xml", body).into());
        }
        let headers = request.headers();
        let target = single(headers, "x-amz-target").unwrap_or_default();
        let name = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
        let named = Self::ALL.into_iter().find(|known| known.name() == name);
        let operation = named.ok_or_else(|| refused("UnknownOperationException", ""))?;
        check_signature(headers)?;
        Ok(operation)
    }

    /// Returns its name, which is the path of its faults.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateTable => "CreateTable",
            Self::DescribeTable => "DescribeTable",
            Self::ListTables => "ListTables",
            Self::GetItem => "GetItem",
            Self::PutItem => "PutItem",
            Self::UpdateItem => "UpdateItem",
            Self::DeleteItem => "DeleteItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::BatchGetItem => "BatchGetItem",
            Self::BatchWriteItem => "BatchWriteItem",
            Self::TransactGetItems => "TransactGetItems",
            Self::TransactWriteItems => "TransactWriteItems",
        }
    }

    /// Returns whether it is a transaction, whose refusals are reasons of its actions.
    pub(super) fn is_transaction(self) -> bool {
        matches!(self, Self::TransactGetItems | Self::TransactWriteItems)
    }

    /// Returns whether DynamoDB could answer it with this fault.
    pub(super) fn can_meet(self, kind: Kind) -> bool {
        match kind {
            Kind::ConflictAndCondition => self == Self::TransactWriteItems,
            Kind::Conflict => {
                self.is_transaction()
                    || matches!(self, Self::PutItem | Self::UpdateItem | Self::DeleteItem)
            }
            Kind::Unprocessed => self == Self::BatchGetItem,
            Kind::Throttle => !matches!(
                self,
                Self::CreateTable | Self::DescribeTable | Self::ListTables
            ),
            Kind::Status(_) | Kind::Slow(_) | Kind::Truncated | Kind::LostReply | Kind::Refuse => {
                true
            }
            Kind::Code(_) | Kind::Duplicate(_) | Kind::Reorder | Kind::Hold | Kind::Drop => false,
        }
    }
}

/// Refuses a request whose signature is incomplete; a complete one is not verified.
fn check_signature(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(signed) =
        single(headers, "authorization").filter(|signed| signed.starts_with("AWS4-"))
    else {
        let message = "Request is missing Authentication Token";
        return Err(refused("MissingAuthenticationTokenException", message));
    };
    let parts = ["Credential", "Signature", "SignedHeaders"].into_iter();
    let missing = parts.filter(|part| !signed.contains(&format!("{part}=")));
    let mut wrong: Vec<String> = missing
        .map(|part| format!("Authorization header requires '{part}' parameter."))
        .collect();
    if !headers.contains_key("x-amz-date") && !headers.contains_key("date") {
        wrong.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                .to_owned(),
        );
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!("{} Authorization={signed}", wrong.join(" "));
    Err(refused("IncompleteSignatureException", &message))
}

fn refused(name: &str, message: &str) -> Box<Response> {
    let kind = format!("com.amazon.coral.service#{name}");
    error(StatusCode::BAD_REQUEST, &kind, "message", message).into()
}

/// Returns DynamoDB's error for a status.
pub(super) fn failure(status: StatusCode) -> Response {
    let (name, message) = match status.as_u16() {
        500 => ("InternalServerError", "Internal server error"),
        503 => (
            "ServiceUnavailableException",
            "The service is currently unavailable",
        ),
        429 => ("ThrottlingException", "Rate exceeded"),
        413 => ("RequestEntityTooLargeException", "The request is too large"),
        _ => ("AccessDeniedException", "The request was refused"),
    };
    let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
    error(status, &kind, "message", message)
}

/// Returns an error in DynamoDB's shape; the member name of its message differs between errors.
pub(super) fn error(status: StatusCode, kind: &str, message_name: &str, message: &str) -> Response {
    let body = serde_json::json!({ "__type": kind, message_name: message });
    respond(status, MEDIA_TYPE, body.to_string())
}
