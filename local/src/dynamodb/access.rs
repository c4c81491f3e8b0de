//! Permissions: a function is identified by its access key, and limited by the template's policies.
//!
//! A key that is no function's name belongs to the operator or a test, and is not limited.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde_json::Value;

use super::operation;
use crate::http::{Request, Response, single};
use crate::template::Statement;

/// The table's name in the template's policies.
const TABLE: &str = "Table.Arn";

/// A permission of a function: the function's name, the action, and the resource.
pub type Permission = (String, String, String);

/// The permissions of functions, and those used so far; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Access {
    policies: Arc<BTreeMap<String, Vec<Statement>>>,
    used: Arc<Mutex<BTreeSet<Permission>>>,
}

/// A permission that a request needs: an action on a resource under a partition key.
struct Need {
    action: String,
    resource: String,
    key: Option<String>,
}

impl Access {
    /// Creates it from the statements of each function.
    pub fn new(policies: BTreeMap<String, Vec<Statement>>) -> Self {
        Self {
            policies: Arc::new(policies),
            used: Arc::default(),
        }
    }

    /// Returns the permissions that functions have used.
    pub fn used(&self) -> BTreeSet<Permission> {
        let used = self.used.lock();
        used.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns DynamoDB's refusal if the caller lacks a permission.
    pub(super) fn refuse(&self, operation: &str, request: &Request) -> Option<Response> {
        let caller = caller(request)?;
        let statements = self.policies.get(caller)?;
        let body: Value = serde_json::from_slice(request.body()).ok()?;
        for Need {
            action,
            resource,
            key,
        } in needs(operation, &body)
        {
            let mut allowing = statements.iter();
            if !allowing.any(|one| one.allows(&action, &resource, key.as_deref())) {
                let key = key.unwrap_or_default();
                let message = format!(
                    "User: {caller} is not authorized to perform: {action} on resource: {resource} `{key}` \
                     because no identity-based policy allows the {action} action"
                );
                let kind = "com.amazon.coral.service#AccessDeniedException";
                let status = StatusCode::BAD_REQUEST;
                return Some(operation::error(status, kind, "Message", &message));
            }
            let permission = (caller.to_owned(), action, resource);
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.insert(permission);
        }
        None
    }
}

/// Returns the access key that signed a request.
fn caller(request: &Request) -> Option<&str> {
    let signed = single(request.headers(), "authorization")?;
    let (_, credential) = signed.split_once("Credential=")?;
    credential.split(['/', ',']).next()
}

fn needs(operation: &str, body: &Value) -> Vec<Need> {
    let on_table = |action: &str, item: &Value| Need {
        action: format!("dynamodb:{action}"),
        resource: TABLE.to_owned(),
        key: item["pk"]["S"].as_str().map(str::to_owned),
    };
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => vec![on_table(operation, &body["Key"])],
        "PutItem" => vec![on_table(operation, &body["Item"])],
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = tables.flat_map(|(_, asked)| list(&asked["Keys"]));
            keys.map(|key| on_table(operation, key)).collect()
        }
        // A transaction needs the permissions of its actions.
        "TransactGetItems" => {
            let items = list(&body["TransactItems"]);
            let keys = items.map(|item| on_table("GetItem", &item["Get"]["Key"]));
            keys.collect()
        }
        "TransactWriteItems" => {
            let items = list(&body["TransactItems"]);
            let actions = items.flat_map(|item| item.as_object().into_iter().flatten());
            let needs = actions.map(|(kind, write)| match kind.as_str() {
                "Put" => on_table("PutItem", &write["Item"]),
                "ConditionCheck" => on_table("ConditionCheckItem", &write["Key"]),
                kind => on_table(&format!("{kind}Item"), &write["Key"]),
            });
            needs.collect()
        }
        "Query" => vec![query(body)],
        other => vec![Need {
            action: format!("dynamodb:{other}"),
            resource: TABLE.to_owned(),
            key: None,
        }],
    }
}

/// Returns the need of a query. That is its index, and the key at the beginning of its condition.
fn query(body: &Value) -> Need {
    let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
    let value = condition
        .split_whitespace()
        .find(|word| word.starts_with(':'));
    let key = value.and_then(|value| body["ExpressionAttributeValues"][value]["S"].as_str());
    let index = body["IndexName"].as_str();
    Need {
        action: "dynamodb:Query".to_owned(),
        resource: index.map_or(TABLE.to_owned(), |index| format!("{TABLE}/index/{index}")),
        key: key.map(str::to_owned),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
