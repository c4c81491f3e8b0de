//! A client of the fake Langfuse that can send malformed exports.

use local::client;
use local::http::FREE_PORT;
use local::langfuse::FakeLangfuse;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

pub(crate) const TRACE: &str = "6b134648741df2e3c8cd4cd7a0e236ba";
pub(crate) const SPAN: &str = "585512f350bef565";
pub(crate) const BASIC: &str = "Basic cGstbGYtbG9jYWw6c2stbGYtbG9jYWw=";
pub(crate) const USAGE: &str = "langfuse.observation.usage_details";
pub(crate) const COST: &str = "langfuse.observation.cost_details";

pub(crate) async fn fake() -> FakeLangfuse {
    FakeLangfuse::start(FREE_PORT).await.unwrap()
}

pub(crate) fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": value})
}

pub(crate) fn text(key: &str, value: &str) -> Value {
    attribute(key, &json!({ "stringValue": value }))
}

/// A span that Langfuse stores entirely.
pub(crate) fn span() -> Value {
    json!({
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "usage.record",
        "kind": 3,
        "startTimeUnixNano": "1795378500123456789",
        "endTimeUnixNano": "1795378500123456789",
        "attributes": [
            text("langfuse.trace.name", "chat"),
            text("langfuse.user.id", "acct_1"),
            text("langfuse.session.id", "s_1"),
            attribute("langfuse.trace.tags", &json!({"arrayValue": {"values": [{"stringValue": "prod"}]}})),
            text("langfuse.trace.metadata.ticket", "T-1"),
            text("langfuse.observation.metadata.sparks", "137.172"),
            text("langfuse.environment", "prod"),
            text("langfuse.observation.type", "generation"),
            text("langfuse.observation.model.name", "gpt-5"),
            text("langfuse.observation.input", "hello"),
            text(USAGE, r#"{"input":900,"input_cached_tokens":100,"output":300,"total":1300}"#),
            text(COST, r#"{"input":0.0025,"total":0.0031375}"#),
        ],
        "status": {"code": 1},
    })
}

/// The valid span with one attribute replaced or removed.
pub(crate) fn span_with(key: &str, value: Option<Value>) -> Value {
    let mut span = span();
    let attributes = span["attributes"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["key"] != key);
    attributes.extend(value.map(|value| attribute(key, &value)));
    span
}

pub(crate) fn span_at(name: &str, value: Value) -> Value {
    let mut span = span();
    span[name] = value;
    span
}

pub(crate) fn export(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "sparks")]},
        "scopeSpans": [{"scope": {"name": "sparks"}, "spans": spans}],
    }]})
}

pub(crate) fn request(fake: &FakeLangfuse, body: &Value) -> reqwest::RequestBuilder {
    client::plain()
        .post(format!("{}/api/public/otel/v1/traces", fake.url()))
        .header(AUTHORIZATION, BASIC)
        .header(CONTENT_TYPE, "application/json")
        .header("x-langfuse-ingestion-version", "4")
        .body(body.to_string())
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

pub(crate) async fn send(fake: &FakeLangfuse, spans: &[Value]) -> (u16, Value) {
    answer(request(fake, &export(spans))).await
}

pub(crate) async fn read(fake: &FakeLangfuse, path: &str) -> (u16, Value) {
    let url = format!("{}{path}", fake.url());
    answer(client::plain().get(url).header(AUTHORIZATION, BASIC)).await
}

pub(crate) async fn delete(fake: &FakeLangfuse, path: &str) -> (u16, Value) {
    answer(client::plain().delete(format!("{}{path}", fake.url()))).await
}

pub(crate) fn spans(fake: &FakeLangfuse) -> usize {
    fake.state()["spans"].as_array().unwrap().len()
}
