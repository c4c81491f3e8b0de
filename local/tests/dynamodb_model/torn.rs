//! Transactions whose items become visible one by one, and concurrent reads, writes and transactions.

use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use local::dynamodb::{Tables, Torn, Visibility};
use serde_json::{Value, json};

use super::sequences::Sequence;
use super::world::{TABLE, Time, ask, ask_with, definition, model, modelled_at};

const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

fn with_table() -> (Tables, Time) {
    let time = Time::default();
    let tables = modelled_at(&time);
    tables.create_table(&definition()).unwrap();
    (tables, time)
}

fn torn(delays: &[u64], stalled: bool) -> Visibility {
    let delays = delays.iter().copied().map(Duration::from_millis);
    let delays = delays.collect();
    Visibility::Torn(Torn { delays, stalled })
}

fn key(name: &str) -> Value {
    json!({"pk": {"S": name}, "sk": {"S": "E"}})
}

fn put(name: &str, claims: i32) -> Value {
    let mut item = key(name);
    item["claims"] = json!({"N": claims.to_string()});
    item["pending_bucket"] = json!({"S": "P#01"});
    item["pending_due"] = json!({"N": "1"});
    json!({"TableName": TABLE, "Item": item})
}

fn update(name: &str) -> Value {
    json!({
        "TableName": TABLE, "Key": key(name), "UpdateExpression": "SET stripe = :s",
        "ConditionExpression": "claims = :one",
        "ExpressionAttributeValues": {":s": {"S": "pending"}, ":one": {"N": "1"}},
    })
}

fn transaction(token: &str, actions: &[Value]) -> Value {
    json!({"ClientRequestToken": token, "TransactItems": actions})
}

/// Begins a transaction, and stops waiting for its response.
fn begin(tables: &Tables, request: &Value, visibility: &Visibility) {
    let asked = ask_with(tables, "TransactWriteItems", request, visibility);
    assert_eq!(asked.now_or_never(), None, "the response came at once");
}

async fn claims(tables: &Tables, name: &str) -> Value {
    let get = json!({"TableName": TABLE, "Key": key(name), "ConsistentRead": true});
    let (_, mut answer) = ask(tables, "GetItem", &get).await;
    answer["Item"]["claims"]["N"].take()
}

/// Returns the names that an index query and a batch of consistent reads see.
async fn seen(tables: &Tables) -> [Vec<String>; 2] {
    let query = json!({
        "TableName": TABLE, "IndexName": "pending", "KeyConditionExpression": "pending_bucket = :b",
        "ExpressionAttributeValues": {":b": {"S": "P#01"}},
    });
    let keys = [key("a"), key("b")];
    let batch = json!({"RequestItems": {TABLE: {"Keys": keys, "ConsistentRead": true}}});
    let (_, queried) = ask(tables, "Query", &query).await;
    let (_, read) = ask(tables, "BatchGetItem", &batch).await;
    [&queried["Items"], &read["Responses"][TABLE]].map(|items| {
        let items = items.as_array().unwrap().iter();
        let names = items.map(|item| item["pk"]["S"].as_str().unwrap().to_owned());
        names.collect()
    })
}

/// Returns the codes of a cancelled transaction's reasons.
fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["CancellationReasons"].as_array().unwrap();
    let codes = reasons.iter().map(|reason| reason["Code"].as_str());
    codes.map(Option::unwrap).collect()
}

#[tokio::test]
async fn reads_see_each_item_of_a_torn_transaction_at_its_own_time() {
    let (tables, time) = with_table();
    ask(&tables, "PutItem", &put("a", 1)).await;
    let both = transaction(
        "t",
        &[json!({"Put": put("a", 2)}), json!({"Put": put("b", 2)})],
    );
    begin(&tables, &both, &torn(&[30, 10], false));

    assert_eq!(claims(&tables, "a").await, "1");
    assert_eq!(seen(&tables).await, [["a"], ["a"]]);
    time.pass(10);
    assert_eq!(claims(&tables, "a").await, "1");
    assert_eq!(claims(&tables, "b").await, "2");
    assert_eq!(seen(&tables).await, [["a", "b"], ["a", "b"]]);
    time.pass(20);
    assert_eq!(claims(&tables, "a").await, "2");
}

#[tokio::test]
async fn a_torn_transaction_is_one_commit_and_returns_when_all_is_visible() {
    let (tables, time) = with_table();
    let both = transaction(
        "t",
        &[json!({"Put": put("a", 1)}), json!({"Put": put("b", 1)})],
    );
    let visibility = torn(&[1, 3], false);
    let mut asked = Box::pin(ask_with(&tables, "TransactWriteItems", &both, &visibility));
    for _ in 0..3 {
        assert_eq!(asked.as_mut().now_or_never(), None);
        time.pass(1);
    }
    assert_eq!(asked.await.0, 200);
    assert_eq!(seen(&tables).await, [["a", "b"], ["a", "b"]]);
    assert_eq!(tables.changes().len(), 1);
}

#[tokio::test]
async fn requests_conflict_with_items_that_are_not_visible_yet() {
    let (tables, time) = with_table();
    ask(&tables, "PutItem", &put("a", 2)).await;
    let check = json!({
        "TableName": TABLE, "Key": key("checked"), "ConditionExpression": "attribute_not_exists(pk)",
    });
    let all = [
        json!({"Put": put("a", 1)}),
        json!({"Put": put("b", 1)}),
        json!({"ConditionCheck": check}),
    ];
    begin(&tables, &transaction("t", &all), &torn(&[10], false));

    // Its condition fails on the old item, and would hold on the new one.
    let (status, answer) = ask(&tables, "UpdateItem", &update("a")).await;
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
    assert_eq!((status, &answer["__type"]), (400, &json!(kind)));
    for name in ["b", "checked"] {
        let (status, answer) = ask(&tables, "PutItem", &put(name, 3)).await;
        assert_eq!((status, &answer["__type"]), (400, &json!(kind)));
    }

    let met = [
        json!({"Update": update("c")}),
        json!({"Update": update("a")}),
        json!({"Put": put("d", 1)}),
    ];
    let (_, answer) = ask(&tables, "TransactWriteItems", &transaction("u", &met)).await;
    assert_eq!(
        codes(&answer),
        ["ConditionalCheckFailed", "TransactionConflict", "None"]
    );

    let gets = ["d", "b"].map(|name| json!({"Get": {"TableName": TABLE, "Key": key(name)}}));
    let read = json!({"TransactItems": gets});
    let (_, answer) = ask(&tables, "TransactGetItems", &read).await;
    assert_eq!(codes(&answer), ["None", "TransactionConflict"]);

    time.pass(10);
    assert_eq!(ask(&tables, "UpdateItem", &update("a")).await.0, 200);
    assert_eq!(ask(&tables, "TransactGetItems", &read).await.0, 200);
    assert_eq!(ask(&tables, "PutItem", &put("checked", 3)).await.0, 200);
}

#[tokio::test]
async fn a_stalled_transaction_is_in_progress_until_it_is_recovered() {
    let (tables, time) = with_table();
    let both = transaction(
        "t",
        &[json!({"Put": put("a", 1)}), json!({"Put": put("b", 1)})],
    );
    let stalled = torn(&[0, 3_000], true);
    assert_eq!(
        ask_with(&tables, "TransactWriteItems", &both, &stalled)
            .await
            .0,
        500
    );

    assert_eq!(seen(&tables).await, [["a"], ["a"]]);
    let (status, answer) = ask(&tables, "TransactWriteItems", &both).await;
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionInProgressException";
    assert_eq!((status, &answer["__type"]), (400, &json!(kind)));
    time.pass(3_000);
    assert_eq!(ask(&tables, "TransactWriteItems", &both).await.0, 200);
    assert_eq!(seen(&tables).await, [["a", "b"], ["a", "b"]]);
    assert_eq!(tables.changes().len(), 1);
}

/// Writes without a conflict behave as if nothing was torn.
#[tokio::test]
async fn tearing_changes_no_outcome_except_by_conflicts() {
    let mut conflicts = 0;
    for seed in 0..300 {
        let (tables, time) = with_table();
        let plain = model();
        plain.create_table(&definition()).unwrap();
        let (mut sequence, mut rng) = (Sequence::new(seed), Rng::with_seed(seed));
        for _ in 0..2 * sequence.length() {
            let (operation, request) = sequence.next();
            if !WRITES.contains(&operation) {
                continue;
            }
            let delays = [rng.u64(0..20), rng.u64(0..20), rng.u64(0..20)];
            let visibility = torn(&delays, false);
            let asked = ask_with(&tables, operation, &request, &visibility);
            let answered = asked.now_or_never();
            time.pass(rng.i64(0..10));
            let (status, answer) = answered.unwrap_or((200, json!({})));
            let said = answer.to_string();
            if said.contains("TransactionConflict") || said.contains("TransactionInProgress") {
                conflicts += 1;
                continue;
            }
            let expected = ask(&plain, operation, &request).await;
            assert_eq!(
                (status, answer),
                expected,
                "seed {seed}: {operation} {request:#}"
            );
        }
        assert_eq!(
            tables.items(TABLE).unwrap(),
            plain.items(TABLE).unwrap(),
            "seed {seed}"
        );
    }
    assert!(conflicts > 20, "{conflicts} conflicts");
}
