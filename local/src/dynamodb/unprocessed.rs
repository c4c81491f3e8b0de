//! A batch of reads that is processed in part, as DynamoDB may do.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>

use http::StatusCode;
use serde_json::{Value, json};

use super::Visibility;
use super::model::Model;
use super::operation::{MEDIA_TYPE, Operation};
use crate::http::{Response, respond};

/// Reads the first item of each table, and returns the others as unprocessed.
pub(super) fn answer(model: &Model, body: &[u8], visibility: &Visibility) -> Response {
    let mut first: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut left = json!({});
    let tables = first["RequestItems"].as_object_mut().into_iter().flatten();
    for (table, asked) in tables {
        if let Some(keys) = asked["Keys"].as_array_mut()
            && keys.len() > 1
        {
            let others = keys.split_off(1);
            left[table] = asked.clone();
            left[table]["Keys"] = others.into();
        }
    }
    let first = first.to_string();
    let response = model.answer(Operation::BatchGetItem, first.as_bytes(), visibility);
    match serde_json::from_slice::<Value>(response.body()) {
        Ok(mut answer) if response.status() == StatusCode::OK => {
            answer["UnprocessedKeys"] = left;
            respond(StatusCode::OK, MEDIA_TYPE, answer.to_string())
        }
        _ => response,
    }
}
