//! The fake DynamoDB over HTTP, as an SDK calls it.

use local::client;
use local::clock::Clock;
use local::dynamodb::{Access, Dynamodb, Tables};
use local::faults::Fault;
use local::http::FREE_PORT;
use serde_json::{Value, json};

const TABLE: &str = "sparks";

async fn with_table() -> Dynamodb {
    let tables = Tables::new(Access::default(), Clock::system());
    tables.create_table(&definition()).unwrap();
    Dynamodb::serve(FREE_PORT, tables).await.unwrap()
}

fn definition() -> Value {
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    })
}

async fn try_call(
    dynamodb: &Dynamodb,
    operation: &str,
    body: &Value,
) -> reqwest::Result<(u16, Value)> {
    let request = client::plain()
        .post(dynamodb.url())
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20261122T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
        );
    let response = request.body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    Ok((status, serde_json::from_slice(&body).unwrap()))
}

async fn call(dynamodb: &Dynamodb, operation: &str, body: &Value) -> (u16, Value) {
    try_call(dynamodb, operation, body).await.unwrap()
}

fn key(name: &str) -> Value {
    json!({"pk": {"S": name}, "sk": {"S": "x"}})
}

fn put(name: &str) -> Value {
    json!({"TableName": TABLE, "Item": key(name)})
}

fn put_if_absent(name: &str) -> Value {
    let mut put = put(name);
    put["ConditionExpression"] = "attribute_not_exists(pk)".into();
    put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
    json!({ "Put": put })
}

fn add(name: &str) -> Value {
    json!({"Update": {
        "TableName": TABLE,
        "Key": key(name),
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }})
}

fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["CancellationReasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|reason| reason["Code"].as_str().unwrap())
        .collect()
}

fn set(dynamodb: &Dynamodb, operation: &str, fault: &str) {
    dynamodb.faults().add(Fault::new(operation, fault).unwrap());
}

#[tokio::test]
async fn a_put_item_can_be_read() {
    let dynamodb = with_table().await;

    assert_eq!(call(&dynamodb, "PutItem", &put("a")).await.0, 200);

    assert_eq!(dynamodb.items(TABLE).unwrap(), [key("a")]);
    let get = json!({"TableName": TABLE, "Key": key("a")});
    assert_eq!(
        call(&dynamodb, "GetItem", &get).await,
        (200, json!({"Item": key("a")}))
    );
}

#[tokio::test]
async fn all_pages_of_a_table_are_listed() {
    let dynamodb = with_table().await;
    for number in 0..8 {
        let mut put = put(&number.to_string());
        put["Item"]["filler"] = json!({"S": "x".repeat(300_000)});
        assert_eq!(call(&dynamodb, "PutItem", &put).await.0, 200);
    }

    assert_eq!(dynamodb.items(TABLE).unwrap().len(), 8);
}

#[tokio::test]
async fn creating_an_existing_table_changes_nothing() {
    let dynamodb = with_table().await;
    call(&dynamodb, "PutItem", &put("a")).await;

    dynamodb.create_table(&definition()).unwrap();

    assert_eq!(dynamodb.items(TABLE).unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_is_written_entirely_or_not_at_all() {
    let dynamodb = with_table().await;
    call(&dynamodb, "PutItem", &put("taken")).await;

    let body = json!({"TransactItems": [add("account"), put_if_absent("taken")]});
    let (status, answer) = call(&dynamodb, "TransactWriteItems", &body).await;

    assert_eq!(status, 400);
    assert_eq!(
        answer["__type"],
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    );
    assert_eq!(codes(&answer), ["None", "ConditionalCheckFailed"]);
    assert_eq!(answer["CancellationReasons"][1]["Item"], key("taken"));
    assert_eq!(dynamodb.items(TABLE).unwrap(), [key("taken")]);
}

#[tokio::test]
async fn a_transaction_has_at_most_100_actions() {
    let dynamodb = with_table().await;
    let actions = |count: u32| {
        let actions: Vec<Value> = (0..count).map(|n| add(&n.to_string())).collect();
        json!({ "TransactItems": actions })
    };

    let (status, _) = call(&dynamodb, "TransactWriteItems", &actions(100)).await;
    let (refused, answer) = call(&dynamodb, "TransactWriteItems", &actions(101)).await;

    assert_eq!((status, refused), (200, 400));
    assert_eq!(
        answer["__type"],
        "com.amazon.coral.validate#ValidationException"
    );
}

#[tokio::test]
async fn a_transaction_has_one_action_per_item() {
    let dynamodb = with_table().await;
    let body = json!({"TransactItems": [add("a"), add("a")]});

    let (status, answer) = call(&dynamodb, "TransactWriteItems", &body).await;

    assert_eq!(status, 400);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("multiple operations on one item")
    );
}

#[tokio::test]
async fn a_conflict_cancels_a_transaction_and_names_one_reason() {
    let dynamodb = with_table().await;
    set(&dynamodb, "TransactWriteItems", "conflict");
    let body = json!({"TransactItems": [add("a"), add("b")]});

    let (status, answer) = call(&dynamodb, "TransactWriteItems", &body).await;

    assert_eq!(status, 400);
    assert_eq!(codes(&answer), ["TransactionConflict", "None"]);
    assert_eq!(
        answer["Message"],
        "Transaction cancelled, please refer cancellation reasons for specific reasons \
         [TransactionConflict, None]"
    );
    assert!(dynamodb.items(TABLE).unwrap().is_empty());
    assert_eq!(
        call(&dynamodb, "TransactWriteItems", &body).await,
        (200, json!({}))
    );
}

#[tokio::test]
async fn a_conflict_refuses_a_single_write() {
    let dynamodb = with_table().await;
    set(&dynamodb, "/", "conflict");

    let (status, answer) = call(&dynamodb, "PutItem", &put("a")).await;

    assert_eq!(status, 400);
    assert_eq!(
        answer["__type"],
        "com.amazonaws.dynamodb.v20120810#TransactionConflictException"
    );
}

#[tokio::test]
async fn a_conflict_fires_only_at_an_operation_that_can_conflict() {
    let dynamodb = with_table().await;
    set(&dynamodb, "", "conflict");
    let get = json!({"TableName": TABLE, "Key": key("a")});

    assert_eq!(call(&dynamodb, "GetItem", &get).await.0, 200);
    assert_eq!(call(&dynamodb, "PutItem", &put("a")).await.0, 400);
}

#[tokio::test]
async fn a_throttle_refuses_transactions_and_single_writes_differently() {
    let dynamodb = with_table().await;
    let fault = Fault::new("/", "throttle").unwrap();
    dynamodb.faults().add(fault.times(2));
    let body = json!({"TransactItems": [add("a"), add("b")]});

    let (_, transaction) = call(&dynamodb, "TransactWriteItems", &body).await;
    let (status, single) = call(&dynamodb, "PutItem", &put("a")).await;

    assert_eq!(codes(&transaction), ["ThrottlingError", "None"]);
    assert_eq!(status, 400);
    assert_eq!(
        single["__type"],
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    );
    assert!(dynamodb.items(TABLE).unwrap().is_empty());
}

#[tokio::test]
async fn a_conflict_may_come_with_a_failed_condition() {
    let dynamodb = with_table().await;
    call(&dynamodb, "PutItem", &put("old")).await;
    set(&dynamodb, "TransactWriteItems", "conflict+condition");
    let body = json!({"TransactItems": [add("a"), put_if_absent("new"), put_if_absent("old")]});

    let (_, answer) = call(&dynamodb, "TransactWriteItems", &body).await;

    let expected = ["TransactionConflict", "None", "ConditionalCheckFailed"];
    assert_eq!(codes(&answer), expected);
    assert_eq!(answer["CancellationReasons"][2]["Item"], key("old"));
}

#[tokio::test]
async fn a_failed_condition_on_an_absent_item_carries_no_item() {
    let dynamodb = with_table().await;
    set(&dynamodb, "TransactWriteItems", "conflict+condition");
    let body = json!({"TransactItems": [put_if_absent("new"), add("a")]});

    let (_, answer) = call(&dynamodb, "TransactWriteItems", &body).await;

    assert_eq!(
        codes(&answer),
        ["ConditionalCheckFailed", "TransactionConflict"]
    );
    assert_eq!(answer["CancellationReasons"][0].get("Item"), None);
}

#[tokio::test]
async fn a_batch_of_reads_may_be_processed_in_part() {
    let dynamodb = with_table().await;
    for name in ["a", "b", "c"] {
        call(&dynamodb, "PutItem", &put(name)).await;
    }
    set(&dynamodb, "BatchGetItem", "unprocessed");
    let asked = |names: &[&str]| {
        let keys: Vec<Value> = names.iter().map(|name| key(name)).collect();
        json!({ TABLE: { "Keys": keys, "ConsistentRead": true } })
    };
    let body = json!({"RequestItems": asked(&["a", "b", "c"])});

    let (status, answer) = call(&dynamodb, "BatchGetItem", &body).await;

    assert_eq!(status, 200);
    assert_eq!(answer["Responses"], json!({ TABLE: [key("a")] }));
    assert_eq!(answer["UnprocessedKeys"], asked(&["b", "c"]));
}

#[tokio::test]
async fn a_500_has_no_effect() {
    let dynamodb = with_table().await;
    set(&dynamodb, "PutItem", "status:500");

    let (status, answer) = call(&dynamodb, "PutItem", &put("a")).await;

    assert_eq!(status, 500);
    assert_eq!(
        answer["__type"],
        "com.amazonaws.dynamodb.v20120810#InternalServerError"
    );
    assert!(dynamodb.items(TABLE).unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_reply_has_an_effect_and_a_refusal_has_none() {
    let dynamodb = with_table().await;
    set(&dynamodb, "PutItem", "lost_reply");
    set(&dynamodb, "PutItem", "refuse");

    try_call(&dynamodb, "PutItem", &put("lost"))
        .await
        .unwrap_err();
    try_call(&dynamodb, "PutItem", &put("refused"))
        .await
        .unwrap_err();

    assert_eq!(dynamodb.items(TABLE).unwrap(), [key("lost")]);
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let dynamodb = with_table().await;
    let request = client::plain()
        .post(dynamodb.url())
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .body("{}");

    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 400);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("MissingAuthenticationToken")
    );
}

#[tokio::test]
async fn an_incomplete_signature_is_refused() {
    let dynamodb = with_table().await;
    let request = client::plain()
        .post(dynamodb.url())
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=a/b")
        .body("{}");

    let answer = request.send().await.unwrap().text().await.unwrap();

    let missing = [
        "IncompleteSignatureException",
        "'Signature'",
        "'SignedHeaders'",
        "'X-Amz-Date'",
    ];
    assert!(missing.iter().all(|part| answer.contains(part)), "{answer}");
}

#[tokio::test]
async fn an_unsupported_operation_is_unknown() {
    let dynamodb = with_table().await;

    let (status, answer) = call(&dynamodb, "DeleteTable", &json!({"TableName": TABLE})).await;

    assert_eq!(status, 400);
    assert_eq!(
        answer["__type"],
        "com.amazon.coral.service#UnknownOperationException"
    );
}

#[tokio::test]
async fn a_body_of_another_shape_is_a_validation_exception() {
    let dynamodb = with_table().await;
    let body = json!({"TableName": TABLE});

    let (status, answer) = call(&dynamodb, "GetItem", &body).await;

    assert_eq!(status, 400);
    assert_eq!(
        answer["__type"],
        "com.amazon.coral.validate#ValidationException"
    );
}
