//! DynamoDB's responses to conflicts, throttles and failures, which an embedded database never has.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::operation::{MEDIA_TYPE, Operation, error};
use crate::faults::Kind;
use crate::http::{Response, respond};

const TYPE: &str = "com.amazonaws.dynamodb.v20120810#";

/// Returns the response in place of the operation's own; `None` if the operation takes effect.
pub(super) fn of(
    operation: &Operation,
    kind: Kind,
    body: &[u8],
    engine: &Engine,
) -> Option<Response> {
    let transaction = operation.name().starts_with("Transact");
    Some(match kind {
        Kind::Slow(_)
        | Kind::Truncated
        | Kind::LostReply
        | Kind::Refuse
        | Kind::Unprocessed
        | Kind::Code(_)
        | Kind::Duplicate(_)
        | Kind::Reorder
        | Kind::Hold
        | Kind::Drop => return None,
        Kind::Status(status) => failure(status),
        Kind::Throttle if transaction => {
            let mut reasons = Reasons::of(body);
            reasons.give(0, "ThrottlingError", THROTTLED);
            reasons.cancel()
        }
        Kind::Throttle => {
            let kind = format!("{TYPE}ProvisionedThroughputExceededException");
            error(StatusCode::BAD_REQUEST, &kind, "message", THROTTLED)
        }
        Kind::Conflict if transaction => {
            let mut reasons = Reasons::of(body);
            reasons.give(0, "TransactionConflict", CONFLICT);
            reasons.cancel()
        }
        Kind::Conflict => {
            let kind = format!("{TYPE}TransactionConflictException");
            error(StatusCode::BAD_REQUEST, &kind, "message", CONFLICT)
        }
        Kind::ConflictAndCondition => conflict_and_condition(body, engine),
    })
}

const THROTTLED: &str = "Throughput exceeds the current capacity of your table or index. \
    DynamoDB is automatically scaling your table or index so please try again shortly.";
const CONFLICT: &str = "Transaction is ongoing for the item";
const CONDITION: &str = "The conditional request failed";

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
    error(status, &format!("{TYPE}{name}"), "message", message)
}

/// The cancellation reasons of a transaction, one per action, in order.
struct Reasons {
    actions: Vec<Value>,
    reasons: Vec<Value>,
}

impl Reasons {
    fn of(body: &[u8]) -> Self {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        let actions = match body["TransactItems"].take() {
            Value::Array(actions) => actions,
            _ => Vec::new(),
        };
        let reasons = vec![json!({ "Code": "None" }); actions.len()];
        Self { actions, reasons }
    }

    fn give(&mut self, place: usize, code: &str, message: &str) {
        if let Some(reason) = self.reasons.get_mut(place) {
            *reason = json!({ "Code": code, "Message": message });
        }
    }

    fn cancel(self) -> Response {
        let codes: Vec<&str> = self
            .reasons
            .iter()
            .map(|reason| reason["Code"].as_str().unwrap_or_default())
            .collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let body = json!({
            "__type": format!("{TYPE}TransactionCanceledException"),
            "Message": message,
            "CancellationReasons": self.reasons,
        });
        respond(StatusCode::BAD_REQUEST, MEDIA_TYPE, body.to_string())
    }
}

/// Returns a cancellation with a failed condition on one action and a conflict on another.
///
/// The failed condition is on an item that exists, if there is one, since only then could it fail.
fn conflict_and_condition(body: &[u8], engine: &Engine) -> Response {
    let mut reasons = Reasons::of(body);
    let conditional: Vec<(usize, Option<Value>)> = reasons
        .actions
        .iter()
        .enumerate()
        .filter(|(_, action)| written(action)["ConditionExpression"].is_string())
        .map(|(place, action)| (place, item(action, engine)))
        .collect();
    let failed = conditional
        .iter()
        .find(|(_, item)| item.is_some())
        .or(conditional.first());
    let conflicting = match failed {
        Some((0, _)) => 1,
        _ => 0,
    };
    if let Some((place, item)) = failed {
        reasons.give(*place, "ConditionalCheckFailed", CONDITION);
        let asked = &written(&reasons.actions[*place])["ReturnValuesOnConditionCheckFailure"];
        if let (Some(item), "ALL_OLD") = (item, asked.as_str().unwrap_or_default()) {
            reasons.reasons[*place]["Item"] = item.clone();
        }
    }
    // A transaction of one action has room for one reason: the conflict, since that is the requested fault.
    let conflicting = conflicting.min(reasons.reasons.len().saturating_sub(1));
    reasons.give(conflicting, "TransactionConflict", CONFLICT);
    reasons.cancel()
}

/// Returns the content of an action: the value of `Put`, `Update`, `Delete` or `ConditionCheck`.
fn written(action: &Value) -> &Value {
    let inside = action.as_object().and_then(|action| action.values().next());
    inside.unwrap_or(&Value::Null)
}

/// Returns the current item of an action.
fn item(action: &Value, engine: &Engine) -> Option<Value> {
    let inside = written(action);
    let table = inside["TableName"].as_str()?;
    let key = match &inside["Key"] {
        Value::Object(key) => key.clone(),
        _ => key_of(&inside["Item"], table, engine)?,
    };
    let request = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
    engine.call("GetItem", &request)?.get("Item").cloned()
}

/// Returns the key of an item to be put, by the table's key schema.
fn key_of(item: &Value, table: &str, engine: &Engine) -> Option<Map<String, Value>> {
    let request = json!({ "TableName": table });
    let table = engine.call("DescribeTable", &request)?;
    let names = table["Table"]["KeySchema"].as_array()?.iter();
    names
        .map(|key| {
            let name = key["AttributeName"].as_str()?;
            Some((name.to_owned(), item.get(name)?.clone()))
        })
        .collect()
}
