//! Tables that are called in process, with the template's table definition.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use local::clock::Clock;
use local::dynamodb::{Access, Tables, Visibility};
use local::http::Reply;
use local::template::Template;
use serde_json::{Value, json};

pub(crate) const TABLE: &str = "sparks";

/// Returns an empty model.
pub(crate) fn model() -> Tables {
    modelled_at(&Time::default())
}

/// Returns an empty model whose time a test moves.
pub(crate) fn modelled_at(time: &Time) -> Tables {
    let time = time.clone();
    let clock = Clock::told_by(move || time.now());
    Tables::new(Access::default(), clock).with_changes()
}

/// A time that only a test moves; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn pass(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Returns the definition of the template's table.
pub(crate) fn definition() -> Value {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    template.table_definition(TABLE)
}

/// Returns the definition with indexes that contain more attributes.
pub(crate) fn wider(definition: &Value) -> Value {
    let mut wider = definition.clone();
    wider["GlobalSecondaryIndexes"][0]["Projection"] = json!({"ProjectionType": "ALL"});
    wider["GlobalSecondaryIndexes"][1]["Projection"] =
        json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["stripe", "claims"]});
    wider
}

pub(crate) fn request(operation: &str, body: &Value) -> Request<Bytes> {
    Request::post("http://dynamodb.local/")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("x-amz-date", "20261122T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
        )
        .body(body.to_string().into())
        .unwrap()
}

/// Returns the response of tables, in the state of `ago` commits ago.
pub(crate) async fn ask_stale(
    tables: &Tables,
    operation: &str,
    body: &Value,
    ago: usize,
) -> (u16, Value) {
    ask_with(tables, operation, body, &Visibility::Stale(ago)).await
}

/// Returns the response of tables with this visibility.
pub(crate) async fn ask_with(
    tables: &Tables,
    operation: &str,
    body: &Value,
    visibility: &Visibility,
) -> (u16, Value) {
    match tables
        .handle_with(request(operation, body), visibility)
        .await
    {
        Reply::Answer(answer) => {
            let body = serde_json::from_slice(answer.body()).unwrap();
            (answer.status().as_u16(), body)
        }
        Reply::HangUp => panic!("no fault was set"),
    }
}

/// Returns the response of tables now.
pub(crate) async fn ask(tables: &Tables, operation: &str, body: &Value) -> (u16, Value) {
    ask_stale(tables, operation, body, 0).await
}
