//! Queries for comparing the model with `dynoxide`: the ledger's, and wrong ones.

use fastrand::Rng;
use serde_json::{Value, json};

use super::expressions::{number, pick, text, value_of};
use super::world::TABLE;

/// Returns a query, mostly one of the ledger's.
pub(crate) fn query(rng: &mut Rng) -> Value {
    let bucket = value_of("pending_bucket", rng);
    let (low, high) = ("2026-11-22", "2026-11-23");
    let mut query = match rng.u8(..12) {
        0 => {
            json!({"IndexName": "pending", "KeyConditionExpression": "pending_bucket = :bucket AND pending_due <= :until",
                "ExpressionAttributeValues": {":bucket": bucket, ":until": number(rng)}})
        }
        1 => {
            json!({"IndexName": "pending", "KeyConditionExpression": "pending_bucket = :bucket",
                "ExpressionAttributeValues": {":bucket": bucket}})
        }
        2 => {
            json!({"IndexName": "ledger", "KeyConditionExpression": "account = :account AND ledger_at BETWEEN :first AND :last",
                "ExpressionAttributeValues": {":account": {"S": "a1"}, ":first": {"S": low}, ":last": {"S": high}}})
        }
        3 => {
            json!({"IndexName": "ledger", "KeyConditionExpression": "account = :account", "ProjectionExpression": "pk, sk",
                "ExpressionAttributeValues": {":account": text(rng)}})
        }
        4 => json!({"KeyConditionExpression": "pk = :rollups AND sk BETWEEN :first AND :last",
                "ExpressionAttributeValues": {":rollups": {"S": "R#a1"}, ":first": {"S": "!"}, ":last": {"S": "~"}}}),
        5 => {
            json!({"KeyConditionExpression": "pk = :pk", "FilterExpression": "attribute_not_exists(stripe)",
                "ExpressionAttributeValues": {":pk": {"S": "INCIDENTS"}}})
        }
        6 => json!({"KeyConditionExpression": "pk = :pk AND begins_with(sk, :subject)",
                "ExpressionAttributeValues": {":pk": {"S": "INCIDENTS"}, ":subject": {"S": "in_1#"}}}),
        7 => {
            let sign = pick(rng, &["<", "<=", ">", ">=", "="]);
            json!({"KeyConditionExpression": format!("#pk = :pk AND :sk {sign} sk"), "ExpressionAttributeNames": {"#pk": "pk"},
                    "ExpressionAttributeValues": {":pk": {"S": "R#a1"}, ":sk": {"S": "Q#2026-11-22T20:15"}}})
        }
        8 => {
            let sign = pick(rng, &["<", "<=", ">", ">=", "="]);
            json!({"IndexName": "pending", "KeyConditionExpression": format!("pending_due {sign} :due AND pending_bucket = :bucket"),
                    "FilterExpression": "sk = :sk",
                    "ExpressionAttributeValues": {":bucket": bucket, ":due": number(rng), ":sk": {"S": "E"}}})
        }
        9 => {
            json!({"IndexName": "pending", "KeyConditionExpression": "pending_bucket = :bucket AND pending_due BETWEEN :low AND :high",
                "ExpressionAttributeValues": {":bucket": bucket, ":low": {"N": "-1"}, ":high": {"N": "4"}}})
        }
        10 => {
            json!({"KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)", "FilterExpression": "sk = :sk",
                "ExpressionAttributeValues": {":pk": {"S": "R#a1"}, ":sk": {"S": "Q#"}}})
        }
        _ => wrong_query(rng),
    };
    query["TableName"] = TABLE.into();
    query
}

fn wrong_query(rng: &mut Rng) -> Value {
    let values = json!({":a": {"S": "R#a1"}, ":b": {"S": "Q#"}});
    let (index, condition) = match rng.u8(..7) {
        0 => (None, "pk = :a AND account = :b"),
        1 => (None, "pk > :a AND sk = :b"),
        2 => (None, "sk = :a AND account = :b"),
        3 => (None, "pk = :a OR sk = :b"),
        4 => (Some("nowhere"), "pk = :a AND sk = :b"),
        5 => (Some("pending"), "pending_bucket = :a AND pending_due = :b"),
        _ => (None, "pk = :a AND sk BETWEEN :a AND :b"),
    };
    let mut query =
        json!({"KeyConditionExpression": condition, "ExpressionAttributeValues": values});
    if let Some(index) = index {
        query["IndexName"] = index.into();
    }
    query
}
