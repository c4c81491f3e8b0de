//! Counts DynamoDB's units from the requests and from the items before and after them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>

use std::ops::AddAssign;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use local::dynamodb::Tables;
use local::http::{Reply, Request, single};
use serde::Serialize;
use serde_json::{Value, json};

use crate::statistics::size;

const TARGET: &str = "DynamoDB_20120810.";

/// Bytes of a write unit.
const WRITE_BYTES: usize = 1024;

/// Bytes of a read unit.
const READ_BYTES: usize = 4096;

/// Units of capacity, as billed on demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Units {
    /// Write units, including those of indexes.
    pub(crate) write: f64,
    /// Read units.
    pub(crate) read: f64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.write += other.write;
        self.read += other.read;
    }
}

/// Counts the units of requests to a table; clones share their state.
#[derive(Clone)]
pub(crate) struct Meter {
    /// The partition and sort key of each index.
    indexes: Arc<Vec<Vec<String>>>,
}

/// Returns the operation of a request.
pub(crate) fn operation(request: &Request) -> String {
    let target = single(request.headers(), "x-amz-target").unwrap_or_default();
    target.trim_start_matches(TARGET).to_owned()
}

impl Meter {
    /// Creates the meter of a table from its definition.
    pub(crate) fn of(definition: &Value) -> Self {
        let indexes = definition["GlobalSecondaryIndexes"].as_array();
        let keys = |index: &Value| {
            let schema = index["KeySchema"].as_array().into_iter().flatten();
            let names = schema.filter_map(|key| key["AttributeName"].as_str());
            names.map(str::to_owned).collect()
        };
        let indexes = indexes.into_iter().flatten().map(keys).collect();
        Self {
            indexes: Arc::new(indexes),
        }
    }

    /// Forwards a request, and counts its units.
    pub(crate) async fn answer(&self, tables: &Tables, request: Request) -> (Reply, Units) {
        let operation = operation(&request);
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let writes = writes(&operation, &body);
        let mut before = Vec::with_capacity(writes.len());
        for write in &writes {
            before.push(item(tables, write).await);
        }
        let reply = tables.handle(request).await;
        let Reply::Answer(answer) = &reply else {
            return (reply, Units::default());
        };
        let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let mut units = Units {
            write: 0.0,
            read: read(&operation, &body, &answered),
        };
        let times = if operation.starts_with("Transact") {
            2.0
        } else {
            1.0
        };
        for (write, before) in writes.iter().zip(before) {
            let after = item(tables, write).await;
            let bytes = weight(&before).max(weight(&after));
            units.write += times * size(bytes.div_ceil(WRITE_BYTES).max(1));
            if answer.status() == StatusCode::OK && !write.is_check {
                units.write += self.of_indexes(&before, &after);
            }
        }
        (reply, units)
    }

    /// Returns the write units of a change in the indexes, which hold keys only.
    fn of_indexes(&self, before: &Value, after: &Value) -> f64 {
        let changed = self.indexes.iter().map(|keys| {
            let place = |item: &Value| -> Option<Vec<Value>> {
                keys.iter().map(|key| item.get(key).cloned()).collect()
            };
            match (place(before), place(after)) {
                (None, None) => 0.0,
                (None, Some(_)) | (Some(_), None) => 1.0,
                (Some(before), Some(after)) if before == after => 0.0,
                // It is deleted at one place, and inserted at another.
                (Some(_), Some(_)) => 2.0,
            }
        });
        changed.sum()
    }
}

/// An item that is written, or only checked.
struct Write {
    table: Value,
    key: Value,
    is_check: bool,
}

/// Returns the items that an operation writes or checks.
fn writes(operation: &str, body: &Value) -> Vec<Write> {
    let one = |body: &Value, is_check| {
        let of = |item: &Value| json!({"pk": item["pk"], "sk": item["sk"]});
        let key = body
            .get("Key")
            .cloned()
            .unwrap_or_else(|| of(&body["Item"]));
        let table = body["TableName"].clone();
        Write {
            table,
            key,
            is_check,
        }
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![one(body, false)],
        "TransactWriteItems" => {
            let actions = body["TransactItems"].as_array().into_iter().flatten();
            let actions = actions.filter_map(|action| action.as_object()?.iter().next());
            actions
                .map(|(kind, action)| one(action, kind == "ConditionCheck"))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the read units of an operation.
fn read(operation: &str, body: &Value, answered: &Value) -> f64 {
    let units = |bytes: usize| size(bytes.div_ceil(READ_BYTES).max(1));
    let items = |list: &Value| -> usize { list.as_array().into_iter().flatten().map(weight).sum() };
    let consistent = if body["ConsistentRead"] == true {
        1.0
    } else {
        0.5
    };
    match operation {
        "GetItem" => consistent * units(weight(&answered["Item"])),
        "Query" => consistent * units(items(&answered["Items"])),
        "BatchGetItem" => {
            let tables = answered["Responses"].as_object();
            let lists = tables.into_iter().flat_map(|tables| tables.values());
            let found = lists.filter_map(Value::as_array).flatten();
            let consistent = body["RequestItems"]
                .to_string()
                .contains("\"ConsistentRead\":true");
            let each = if consistent { 1.0 } else { 0.5 };
            found.map(|item| each * units(weight(item))).sum()
        }
        "TransactGetItems" => {
            let found = answered["Responses"].as_array().into_iter().flatten();
            found.map(|one| 2.0 * units(weight(&one["Item"]))).sum()
        }
        _ => 0.0,
    }
}

/// Reads an item.
async fn item(tables: &Tables, write: &Write) -> Value {
    let body = json!({"TableName": write.table, "Key": write.key, "ConsistentRead": true});
    let signed = "AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, \
                  SignedHeaders=host, Signature=local";
    let request = http::Request::post("/")
        .header("x-amz-target", format!("{TARGET}GetItem"))
        .header("x-amz-date", "20261122T000000Z")
        .header("authorization", signed)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from(body.to_string()));
    let request = request.expect("a request of constants");
    match tables.handle(request).await {
        Reply::Answer(answer) => {
            let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            answered["Item"].clone()
        }
        Reply::HangUp => Value::Null,
    }
}

/// Returns the size of an item: the names and values of its attributes.
fn weight(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| name.len() + of_value(value))
        .sum()
}

/// Returns the size of a value. Numbers take a byte for two digits, and one or two more.
fn of_value(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return 0;
    };
    let texts = |value: &Value| -> usize {
        let texts = value.as_array().into_iter().flatten();
        texts.map(|text| text.as_str().map_or(0, str::len)).sum()
    };
    match (kind.as_str(), value) {
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("S" | "B", Value::String(text)) => text.len(),
        ("SS" | "NS" | "BS", list) => 3 + texts(list),
        ("M", map) => 3 + weight(map),
        ("L", list) => {
            let values = list.as_array().into_iter().flatten();
            3 + values.map(|value| 1 + of_value(value)).sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_counts_what_changes_in_it() {
        let meter = Meter::of(&json!({"GlobalSecondaryIndexes": [
            {"KeySchema": [{"AttributeName": "a"}, {"AttributeName": "b"}]},
        ]}));
        let at = |a: &str| json!({"a": {"S": a}, "b": {"N": "1"}});
        let half = json!({"a": {"S": "x"}});
        for (before, after, expected) in [
            (Value::Null, at("x"), 1.0),
            (at("x"), half.clone(), 1.0),
            (at("x"), at("x"), 0.0),
            (at("x"), at("y"), 2.0),
            (Value::Null, half, 0.0),
        ] {
            let counted = meter.of_indexes(&before, &after);
            assert!((counted - expected).abs() < 1e-9, "{before} {after}");
        }
    }

    #[test]
    fn the_size_of_an_item_is_that_of_its_names_and_values() {
        let item = json!({"pk": {"S": "abc"}, "n": {"N": "1234"}, "l": {"L": [{"S": "ab"}]}});
        assert_eq!(weight(&item), 5 + 4 + 7);
    }
}
