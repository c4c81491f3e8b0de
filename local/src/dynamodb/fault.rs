//! DynamoDB's responses to the faults that a test sets: conflicts, throttles and failures.

use serde_json::Value;

use super::model::{Item, Model, Refusal};
use super::operation::{Operation, failure};
use crate::faults::Kind;
use crate::http::Response;

/// Returns the response in place of the operation's own; `None` if the operation takes effect.
pub(super) fn response(
    operation: Operation,
    kind: Kind,
    body: &[u8],
    model: &Model,
) -> Option<Response> {
    let refusal = match kind {
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
        Kind::Status(status) => return Some(failure(status)),
        Kind::Throttle => Refusal::Throttled,
        Kind::Conflict => Refusal::Conflict,
        Kind::ConflictAndCondition => {
            return Some(conflict_and_condition(&actions(body), model).response());
        }
    };
    if operation.is_transaction() {
        let cancelled = Refusal::cancelled(actions(body).len(), [(0, refusal)]);
        return Some(cancelled.response());
    }
    Some(refusal.response())
}

/// Returns the actions of a transaction.
fn actions(body: &[u8]) -> Vec<Value> {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body["TransactItems"].take() {
        Value::Array(actions) => actions,
        _ => Vec::new(),
    }
}

/// Returns a cancellation with a failed condition on one action and a conflict on another.
///
/// The failed condition is on an item that exists, if there is one, since only then could it fail.
fn conflict_and_condition(actions: &[Value], model: &Model) -> Refusal {
    let conditional: Vec<(usize, Option<Item>)> = actions
        .iter()
        .enumerate()
        .filter(|(_, action)| written(action)["ConditionExpression"].is_string())
        .map(|(place, action)| (place, item(action, model)))
        .collect();
    let existing = conditional.iter().find(|(_, item)| item.is_some());
    let failed = existing.or(conditional.first());
    // A transaction of one action has room for one reason: the conflict, since that is the requested fault.
    let conflicting = usize::from(failed.is_some_and(|(place, _)| *place == 0));
    let conflicting = conflicting.min(actions.len().saturating_sub(1));
    let condition = failed.map(|(place, item)| {
        let returned = &written(&actions[*place])["ReturnValuesOnConditionCheckFailure"];
        let item = item.clone().filter(|_| returned == "ALL_OLD");
        (*place, Refusal::Condition(item))
    });
    let conflict = (conflicting, Refusal::Conflict);
    Refusal::cancelled(actions.len(), condition.into_iter().chain([conflict]))
}

/// Returns the content of an action: the value of `Put`, `Update`, `Delete` or `ConditionCheck`.
fn written(action: &Value) -> &Value {
    let inside = action.as_object().and_then(|action| action.values().next());
    inside.unwrap_or(&Value::Null)
}

/// Returns the current item of an action.
fn item(action: &Value, model: &Model) -> Option<Item> {
    let write = written(action);
    let key = write.get("Key").or(write.get("Item"))?;
    model.item(write["TableName"].as_str()?, key)
}
