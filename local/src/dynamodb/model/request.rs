//! The requests that the model of DynamoDB supports, with all their members.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::expressions::{Names, Placeholders};
use super::item::{Attributes, INVALID};
use super::refusal::Refusal;

/// A `GetItem`, or one item of a `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    pub(super) table_name: String,
    pub(super) key: Attributes,
    #[serde(default)]
    pub(super) consistent_read: bool,
    pub(super) projection_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Names>,
}

/// A `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchGet {
    pub(super) request_items: BTreeMap<String, Keys>,
}

/// The part of a `BatchGetItem` for one table.
#[expect(
    clippy::struct_field_names,
    reason = "the fields are named as in the request"
)]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) keys: Vec<Attributes>,
    #[serde(default)]
    pub(super) consistent_read: bool,
    pub(super) projection_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Names>,
}

/// A `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactGet {
    pub(super) transact_items: Vec<TransactGetItem>,
}

/// One item of a `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactGetItem {
    pub(super) get: Get,
}

/// A `Query`, or a `Scan`, which has no key condition.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    pub(super) table_name: String,
    pub(super) index_name: Option<String>,
    pub(super) key_condition_expression: Option<String>,
    pub(super) filter_expression: Option<String>,
    pub(super) projection_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Names>,
    pub(super) expression_attribute_values: Option<Attributes>,
    #[serde(default)]
    pub(super) consistent_read: bool,
    pub(super) scan_index_forward: Option<bool>,
    pub(super) limit: Option<i64>,
    pub(super) exclusive_start_key: Option<Attributes>,
}

/// A `PutItem`, `UpdateItem` or `DeleteItem`, or an action of a `TransactWriteItems`.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Write {
    pub(super) table_name: String,
    pub(super) item: Option<Attributes>,
    pub(super) key: Option<Attributes>,
    pub(super) update_expression: Option<String>,
    pub(super) condition_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Names>,
    pub(super) expression_attribute_values: Option<Attributes>,
    #[serde(default)]
    pub(super) return_values_on_condition_check_failure: ReturnValues,
    /// The attributes to return after the write; `None` for an action of a transaction.
    pub(super) return_values: Option<Returned>,
}

/// The attributes that an update returns.
#[derive(Clone, Copy, Debug, Deserialize, Hash)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Returned {
    None,
    AllNew,
}

/// The attributes to return if a condition fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ReturnValues {
    #[default]
    None,
    AllOld,
}

/// A `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchWrite {
    pub(super) request_items: BTreeMap<String, Vec<BatchWriteItem>>,
}

/// One write of a `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all_fields = "PascalCase")]
pub(super) enum BatchWriteItem {
    PutRequest { item: Attributes },
    DeleteRequest { key: Attributes },
}

/// A `TransactWriteItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactWrite {
    pub(super) transact_items: Vec<TransactWriteItem>,
    pub(super) client_request_token: Option<String>,
}

/// One action of a `TransactWriteItems`.
#[derive(Debug, Deserialize, Hash)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactWriteItem {
    pub(super) put: Option<Box<Write>>,
    pub(super) update: Option<Box<Write>>,
    pub(super) delete: Option<Box<Write>>,
    pub(super) condition_check: Option<Box<Write>>,
}

/// A `DescribeTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    pub(super) table_name: String,
}

impl List {
    pub(super) fn placeholders(&self) -> Placeholders<'_> {
        Placeholders {
            names: self.expression_attribute_names.as_ref(),
            values: self.expression_attribute_values.as_ref(),
        }
    }
}

impl Write {
    pub(super) fn placeholders(&self) -> Placeholders<'_> {
        Placeholders {
            names: self.expression_attribute_names.as_ref(),
            values: self.expression_attribute_values.as_ref(),
        }
    }
}

/// Reads a request.
pub(super) fn read<Q: DeserializeOwned>(body: &[u8]) -> Result<Q, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let message = error.to_string();
        if let Some((_, unknown)) = message.split_once("unknown field `") {
            let field = unknown.split('`').next().unwrap_or_default();
            return Refusal::unknown(&format!("`{field}` here"));
        }
        let place = message.rfind(" at line ").unwrap_or(message.len());
        let message = &message[..place];
        if let Some(invalid) = message.strip_prefix(INVALID) {
            return Refusal::Invalid(invalid.to_owned());
        }
        let invalid = ["missing field", "unknown variant", "AttributeValue"];
        if invalid.iter().any(|class| message.contains(class)) {
            return Refusal::Invalid(message.to_owned());
        }
        Refusal::Unreadable(message.to_owned())
    })
}
