//! Changes that the model reports, and reads of older states.

use std::collections::BTreeMap;

use local::dynamodb::Tables;
use serde_json::{Value, json};

use super::sequences::Sequence;
use super::world::{TABLE, ask, ask_stale, definition, model};

fn with_table() -> Tables {
    let tables = model();
    tables.create_table(&definition()).unwrap();
    tables
}

fn put(name: &str, due: i32) -> Value {
    json!({"TableName": TABLE, "Item": {
        "pk": {"S": name}, "sk": {"S": "E"},
        "pending_bucket": {"S": "P#01"}, "pending_due": {"N": due.to_string()},
    }})
}

fn key(name: &str) -> Value {
    json!({"pk": {"S": name}, "sk": {"S": "E"}})
}

fn names(answer: &Value) -> Vec<&str> {
    let items = answer["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_transaction_is_one_group_of_changes() {
    let tables = with_table();
    ask(&tables, "PutItem", &put("a", 1)).await;
    assert_eq!(tables.changes().len(), 1);

    let actions = json!({"TransactItems": [
        {"Put": put("b", 2)},
        {"Delete": {"TableName": TABLE, "Key": key("a")}},
        {"Delete": {"TableName": TABLE, "Key": key("absent")}},
    ]});
    assert_eq!(ask(&tables, "TransactWriteItems", &actions).await.0, 200);

    let changes = tables.changes();
    assert_eq!(changes.len(), 1);
    let [put, deleted] = &*changes[0] else {
        panic!("{changes:?}");
    };
    assert!(put.before.is_none() && deleted.after.is_none());
    let put = put.after.as_ref().unwrap();
    assert_eq!(
        (put.text("pk"), put.integer("pending_due")),
        (Some("b"), Some(2))
    );
    assert_eq!(deleted.before.as_ref().unwrap().text("pk"), Some("a"));
    assert!(tables.changes().is_empty());
}

#[tokio::test]
async fn refused_and_repeated_requests_change_nothing() {
    let tables = with_table();
    let transaction = json!({"ClientRequestToken": "t", "TransactItems": [{"Put": put("a", 1)}]});
    ask(&tables, "TransactWriteItems", &transaction).await;
    tables.changes();

    ask(&tables, "TransactWriteItems", &transaction).await;
    let mut refused = put("a", 2);
    refused["ConditionExpression"] = "attribute_not_exists(pk)".into();
    assert_eq!(ask(&tables, "PutItem", &refused).await.0, 400);

    assert!(tables.changes().is_empty());
}

#[tokio::test]
async fn replayed_changes_give_the_items() {
    let definition = definition();
    for seed in 0..100 {
        let tables = model();
        tables.create_table(&definition).unwrap();
        let mut sequence = Sequence::new(seed);
        let mut replayed = BTreeMap::new();
        for _ in 0..sequence.length() {
            let (operation, request) = sequence.next();
            ask(&tables, operation, &request).await;
            for change in tables.changes().iter().flat_map(|commit| commit.iter()) {
                let item = change.after.as_ref().or(change.before.as_ref()).unwrap();
                let key = ["pk", "sk"].map(|name| item.text(name).unwrap().to_owned());
                let before = match change.after.clone() {
                    Some(after) => replayed.insert(key, after),
                    None => replayed.remove(&key),
                };
                assert_eq!(before, change.before, "seed {seed}");
            }
        }
        let mut items = Vec::new();
        tables
            .each_item(TABLE, |item| items.push(item.clone()))
            .unwrap();
        assert!(items.iter().eq(replayed.values()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_stale_read_sees_an_older_state_unless_it_is_consistent() {
    let tables = with_table();
    ask(&tables, "PutItem", &put("a", 1)).await;
    ask(&tables, "PutItem", &put("a", 2)).await;
    let mut get = json!({"TableName": TABLE, "Key": key("a")});
    let mut seen = Vec::new();
    for ago in 0..4 {
        let (_, answer) = ask_stale(&tables, "GetItem", &get, ago).await;
        seen.push(
            answer["Item"]["pending_due"]["N"]
                .as_str()
                .map(str::to_owned),
        );
    }
    let batch = json!({"RequestItems": {TABLE: {"Keys": [key("a")]}}});
    let (_, batch) = ask_stale(&tables, "BatchGetItem", &batch, 1).await;
    get["ConsistentRead"] = true.into();
    let (_, fresh) = ask_stale(&tables, "GetItem", &get, 1).await;

    assert_eq!(seen, [Some("2".into()), Some("1".into()), None, None]);
    assert_eq!(batch["Responses"][TABLE][0]["pending_due"]["N"], "1");
    assert_eq!(fresh["Item"]["pending_due"]["N"], "2");
}

#[tokio::test]
async fn a_stale_query_lists_an_older_state() {
    let tables = with_table();
    ask(&tables, "PutItem", &put("a", 1)).await;
    ask(&tables, "PutItem", &put("b", 2)).await;
    ask(
        &tables,
        "DeleteItem",
        &json!({"TableName": TABLE, "Key": key("a")}),
    )
    .await;
    ask(&tables, "PutItem", &put("b", 0)).await;
    ask(&tables, "PutItem", &put("c", 1)).await;
    let query = json!({
        "TableName": TABLE, "IndexName": "pending", "KeyConditionExpression": "pending_bucket = :b",
        "ExpressionAttributeValues": {":b": {"S": "P#01"}},
    });

    let mut seen = Vec::new();
    for ago in 0..6 {
        let (_, answer) = ask_stale(&tables, "Query", &query, ago).await;
        seen.push(names(&answer).join(""));
    }

    assert_eq!(seen, ["bc", "b", "b", "ab", "a", ""]);
}

#[tokio::test]
async fn unsupported_requests_are_refused_by_name() {
    let tables = with_table();
    let key = key("a");
    for (operation, request, name) in [
        (
            "GetItem",
            json!({"TableName": TABLE, "Key": key, "ReturnConsumedCapacity": "TOTAL"}),
            "ReturnConsumedCapacity",
        ),
        (
            "PutItem",
            json!({"TableName": TABLE, "Item": {"pk": {"BOOL": true}}}),
            "BOOL",
        ),
        (
            "PutItem",
            json!({"TableName": TABLE, "Item": {"pk": {"N": "1e3"}}}),
            "1e3",
        ),
        (
            "UpdateItem",
            json!({"TableName": TABLE, "Key": key, "UpdateExpression": "REMOVE a.b"}),
            "paths",
        ),
        (
            "UpdateItem",
            json!({"TableName": TABLE, "Key": key, "UpdateExpression": "DELETE a :b"}),
            "DELETE",
        ),
        (
            "UpdateItem",
            json!({"TableName": TABLE, "Key": key, "UpdateExpression": "SET a = list_append(a, :b)"}),
            "list_append",
        ),
        (
            "Scan",
            json!({"TableName": TABLE, "FilterExpression": "attribute_type(a, :b)"}),
            "attribute_type",
        ),
        (
            "Scan",
            json!({"TableName": TABLE, "IndexName": "pending"}),
            "IndexName",
        ),
    ] {
        let (status, answer) = ask(&tables, operation, &request).await;
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(
            (status, &answer["__type"]),
            (400, &json!("com.amazon.coral.validate#ValidationException"))
        );
        assert!(
            message.contains("the model of DynamoDB does not support"),
            "{message}"
        );
        assert!(message.contains(name), "{message}");
    }
}
