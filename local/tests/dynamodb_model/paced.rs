//! A model with a pace: transactions that conflict, and partitions whose throughput is exceeded.

use std::time::Duration;

use futures_util::FutureExt;
use local::clock::Clock;
use local::dynamodb::{Access, Consumed, Pace, Tables};
use serde_json::{Value, json};

use super::world::{TABLE, Time, ask, definition};

fn with_table(pace: Pace) -> (Tables, Time) {
    let time = Time::default();
    let told = time.clone();
    let clock = Clock::told_by(move || told.now());
    let tables = Tables::new(Access::default(), clock).with_pace(pace);
    tables.create_table(&definition()).unwrap();
    (tables, time)
}

fn pace(write_units: u64) -> Pace {
    Pace {
        transaction: Duration::from_millis(10),
        further_item: Duration::from_millis(1),
        write_units,
        read_units: 10,
    }
}

fn key(pk: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"S": "E"}})
}

fn put(pk: &str) -> Value {
    json!({"TableName": TABLE, "Item": key(pk)})
}

fn absent(pk: &str) -> Value {
    let mut put = put(pk);
    put["ConditionExpression"] = "attribute_not_exists(pk)".into();
    put
}

fn puts(actions: &[Value]) -> Value {
    let actions: Vec<Value> = actions.iter().map(|put| json!({ "Put": put })).collect();
    json!({ "TransactItems": actions })
}

fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["CancellationReasons"].as_array().unwrap();
    let codes = reasons.iter().map(|reason| reason["Code"].as_str());
    codes.map(Option::unwrap).collect()
}

/// Sends a transaction whose response takes time, and stops waiting for it.
fn begin(tables: &Tables, actions: &[Value]) {
    let transaction = puts(actions);
    let asked = ask(tables, "TransactWriteItems", &transaction);
    assert_eq!(asked.now_or_never(), None, "the response came at once");
}

/// Returns the codes of a cancelled transaction, whose response comes after a time.
async fn cancelled(tables: &Tables, time: &Time, actions: &[Value]) -> Vec<String> {
    let transaction = puts(actions);
    let mut asked = Box::pin(ask(tables, "TransactWriteItems", &transaction));
    let (_, answer) = if let Some(answer) = asked.as_mut().now_or_never() {
        answer
    } else {
        time.pass(100);
        asked.await
    };
    codes(&answer).into_iter().map(str::to_owned).collect()
}

async fn is_there(tables: &Tables, pk: &str) -> bool {
    let get = json!({"TableName": TABLE, "Key": key(pk)});
    ask(tables, "GetItem", &get).await.1["Item"].is_object()
}

async fn conflicts(tables: &Tables, pk: &str) -> bool {
    let (_, answer) = ask(tables, "PutItem", &put(pk)).await;
    answer["__type"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("TransactionConflictException"))
}

#[tokio::test]
async fn a_transaction_holds_its_items_until_it_is_visible() {
    let (tables, time) = with_table(pace(1_000));
    begin(&tables, &["a", "b", "c", "d", "e"].map(put));
    time.pass(10);
    assert!(!is_there(&tables, "a").await && conflicts(&tables, "e").await);
    time.pass(1);
    assert!(is_there(&tables, "a").await && !conflicts(&tables, "e").await);
}

#[tokio::test]
async fn a_cancelled_transaction_holds_its_prepared_items_for_half_the_time() {
    let (tables, time) = with_table(pace(1_000));
    ask(&tables, "PutItem", &put("there")).await;
    begin(&tables, &[put("a"), absent("there")]);
    // The item with the failed condition is not held, the other is.
    assert!(!conflicts(&tables, "there").await);
    time.pass(4);
    assert!(conflicts(&tables, "a").await);
    time.pass(1);
    assert!(!conflicts(&tables, "a").await);

    begin(&tables, &[put("b")]);
    let both = [put("c"), put("b"), absent("there")];
    let codes = cancelled(&tables, &time, &both).await;
    assert_eq!(
        codes,
        ["None", "TransactionConflict", "ConditionalCheckFailed"]
    );
}

#[tokio::test]
async fn a_partition_is_throttled_beyond_its_units_a_second() {
    let (tables, time) = with_table(pace(10));
    // Six units of one partition, and a burst of ten.
    let three = ["1", "2", "3"].map(|sk| {
        let mut put = put("a");
        put["Item"]["sk"] = json!({ "S": sk });
        put
    });
    begin(&tables, &three);
    time.pass(100);
    let codes = cancelled(&tables, &time, &three).await;
    assert_eq!(codes, ["None", "None", "ThrottlingError"]);
    assert!(!conflicts(&tables, "b").await, "another partition is free");
    time.pass(1_000);
    begin(&tables, &three);
    time.pass(20);
    let throttled = loop {
        let (_, answer) = ask(&tables, "PutItem", &put("a")).await;
        if answer != json!({}) {
            break answer;
        }
    };
    let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    assert_eq!(throttled["__type"], kind);
}

#[tokio::test]
async fn an_index_takes_a_unit_for_each_changed_entry() {
    let (tables, _) = with_table(pace(1_000));
    let mut listed = put("a");
    listed["Item"]["pending_bucket"] = json!({"S": "P#01"});
    listed["Item"]["pending_due"] = json!({"N": "1"});
    let units = async |request: Value| {
        let before = tables.consumed().write_units;
        let operation = if request["Key"].is_object() {
            "UpdateItem"
        } else {
            "PutItem"
        };
        assert_eq!(ask(&tables, operation, &request).await.0, 200);
        tables.consumed().write_units - before
    };
    let update = |expression: &str| {
        json!({
            "TableName": TABLE, "Key": key("a"), "UpdateExpression": expression,
            "ExpressionAttributeValues": {":x": {"N": "7"}},
        })
    };
    assert_eq!(units(listed).await, 2, "the item and its index entry");
    assert_eq!(
        units(update("SET claims = :x")).await,
        1,
        "the index is unchanged"
    );
    assert_eq!(
        units(update("SET pending_due = :x")).await,
        3,
        "the item, a removed entry and a new one"
    );
    let mut remove = update("REMOVE pending_bucket");
    remove
        .as_object_mut()
        .unwrap()
        .remove("ExpressionAttributeValues");
    assert_eq!(units(remove).await, 2, "the item and the removed entry");
}

#[tokio::test]
async fn cancelled_transactions_and_reads_are_billed() {
    let (tables, time) = with_table(pace(1_000));
    let mut large = put("large");
    large["Item"]["text"] = json!({"S": "x".repeat(2_000)});
    begin(&tables, &[large.clone(), put("a")]);
    assert_eq!(
        cancelled(&tables, &time, &[put("b"), put("a")]).await,
        ["None", "TransactionConflict"]
    );
    let get = json!({"TableName": TABLE, "Key": key("large"), "ConsistentRead": true});
    assert_eq!(ask(&tables, "GetItem", &get).await.0, 200);
    let consumed = Consumed {
        write_units: 4 + 2 + 4,
        read_half_units: 2,
        transactions: 2,
        conflicts: 1,
        throttled: 0,
    };
    assert_eq!(tables.consumed(), consumed);
    for _ in 0..9 {
        assert_eq!(ask(&tables, "GetItem", &get).await.0, 200);
    }
    let (status, throttled) = ask(&tables, "GetItem", &get).await;
    assert_eq!(
        (status, tables.consumed().throttled),
        (400, 1),
        "{throttled}"
    );
}
