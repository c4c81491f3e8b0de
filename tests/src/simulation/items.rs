//! The items of the table in DynamoDB's form, and the objects of Stripe.

use local::stack::TABLE;
use serde_json::{Value, json};

use super::World;
use crate::model::parse;

/// Returns a text attribute, or an empty text.
pub(super) fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

/// Returns a number attribute, or zero.
pub(super) fn number(item: &Value, name: &str) -> i64 {
    let number = item[name]["N"].as_str();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// Returns printed Sparks as milli-Sparks; the least number if they cannot be parsed.
pub(super) fn milli(text: &Value) -> i64 {
    text.as_str().and_then(parse).unwrap_or(i64::MIN)
}

/// Returns the elements of a list of JSON; none if it is missing.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the amount due of an invoice. A credit note on an open invoice is not a payment.
pub(super) fn owed(invoice: &Value) -> i64 {
    let cents = |name: &str| invoice[name].as_i64().unwrap_or_default();
    cents("total") - cents("pre_payment_credit_notes_amount")
}

impl World {
    /// Reads an item consistently.
    pub(super) async fn item(&self, pk: &str, sk: &str) -> Option<Value> {
        let body = json!({
            "TableName": TABLE, "ConsistentRead": true, "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
        });
        let signed = "AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, \
                      SignedHeaders=host, Signature=local";
        let request = http::Request::post("https://dynamodb.local/")
            .header("x-amz-target", "DynamoDB_20120810.GetItem")
            .header("x-amz-date", "20261122T000000Z")
            .header("authorization", signed)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string().into());
        let answer = self.tables.handle(request.expect("a request")).await;
        let local::http::Reply::Answer(answer) = answer else {
            return None;
        };
        let mut answer: Value = serde_json::from_slice(answer.body()).ok()?;
        let item = answer["Item"].take();
        item.is_object().then_some(item)
    }

    /// Returns all items.
    pub(super) fn items(&self) -> Vec<Value> {
        self.tables.items(TABLE).unwrap_or_default()
    }
}
