//! Tables that are asked in process, and the table of the template.

use bytes::Bytes;
use http::Request;
use local::clock::Clock;
use local::dynamodb::{Access, Tables};
use local::http::Reply;
use local::template::Template;
use serde_json::{Value, json};

pub(crate) const TABLE: &str = "sparks";

/// The embedded database, empty.
pub(crate) fn database() -> Tables {
    Tables::open(None, Access::default()).unwrap()
}

/// The model, empty.
pub(crate) fn model() -> Tables {
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    Tables::modelled(Access::default(), Clock::told_by(move || at))
}

/// The table as the template makes it.
pub(crate) fn definition() -> Value {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    template.table_definition(TABLE)
}

/// The same with indexes that know more of their items.
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

/// What tables answer, as of `ago` commits ago.
pub(crate) async fn ask_stale(
    tables: &Tables,
    operation: &str,
    body: &Value,
    ago: usize,
) -> (u16, Value) {
    match tables.handle_stale(request(operation, body), ago).await {
        Reply::Answer(answer) => {
            let body = serde_json::from_slice(answer.body()).unwrap();
            (answer.status().as_u16(), body)
        }
        Reply::HangUp => panic!("nobody asked for it"),
    }
}

/// What tables answer now.
pub(crate) async fn ask(tables: &Tables, operation: &str, body: &Value) -> (u16, Value) {
    ask_stale(tables, operation, body, 0).await
}
