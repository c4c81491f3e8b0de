//! Spans that Langfuse would silently drop or garble, and the fake refuses.

use serde_json::{Value, json};

use super::client::{
    COST, TRACE, USAGE, answer, export, fake, request, send, span, span_at, span_with, spans, text,
};

#[tokio::test]
async fn one_bad_span_refuses_the_whole_export() {
    let fake = fake().await;

    let (status, body) = send(&fake, &[span(), span_at("name", json!(null))]).await;

    assert_eq!(status, 400);
    let error = body["error"].as_str().unwrap();
    assert!(
        error.ends_with("The entire export of 2 span(s) was rejected"),
        "{error}"
    );
    assert_eq!(spans(&fake), 0);
}

/// Returns a value of this text.
#[expect(clippy::unnecessary_wraps, reason = "an attribute may be absent")]
fn string(value: &str) -> Option<Value> {
    Some(json!({ "stringValue": value }))
}

/// Expects that each attribute with this value is refused with this error text.
async fn refused_by_name(traps: &[(&str, Option<Value>, &str)]) {
    let fake = fake().await;
    for (key, value, named) in traps {
        let (status, body) = send(&fake, &[span_with(key, value.clone())]).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{key} {value:?}");
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(spans(&fake), 0);
}

#[tokio::test]
async fn each_silent_trap_of_usage_and_cost_is_refused_by_name() {
    refused_by_name(&[
        (USAGE, string(r#"{"input":1.5}"#), "not a whole number"),
        (USAGE, string(r#"{"input":-1}"#), "not a whole number"),
        (USAGE, string(r#"{"input":"1"}"#), "not a whole number"),
        (USAGE, string("{"), "JSON object"),
        (USAGE, string("null"), "JSON object"),
        (
            USAGE,
            Some(json!({"kvlistValue": {"values": []}})),
            "is not a stringValue",
        ),
        (
            USAGE,
            string(r#"{"input":1,"sparks":42}"#),
            "`sparks` is unknown",
        ),
        (
            USAGE,
            string(r#"{"prompt_tokens":1}"#),
            "`prompt_tokens` is unknown",
        ),
        (
            USAGE,
            string(r#"{"input_cached_tokens":1,"input_cache_read":1}"#),
            "overlaps",
        ),
        (
            USAGE,
            string(r#"{"input":10,"input_cached_tokens":5,"total":10}"#),
            "overlaps",
        ),
        (
            "gen_ai.usage.input_tokens",
            Some(json!({"intValue": "5"})),
            "inclusive",
        ),
        (COST, string(r#"{"total":"0.1"}"#), "not a number"),
        (COST, string(r#"{"total":-0.1}"#), "not a number"),
        (COST, string(r#"{"input":0.1}"#), "no `total`"),
        (COST, None, "without cost_details"),
    ])
    .await;
}

#[tokio::test]
async fn each_silent_trap_of_the_other_attributes_is_refused_by_name() {
    refused_by_name(&[
        ("langfuse.environment", string("Prod!"), "environment"),
        ("langfuse.environment", string("langfuse-x"), "environment"),
        ("langfuse.trace.name", None, "langfuse.trace.name"),
        ("langfuse.user.id", None, "langfuse.user.id"),
        (
            "langfuse.session.id",
            string("sesión-123"),
            "langfuse.session.id",
        ),
        ("langfuse.session.id", string(&"s".repeat(201)), "drop it"),
        ("langfuse.trace.tags", string("prod"), "langfuse.trace.tags"),
        (
            "langfuse.trace.metadata.n",
            Some(json!({"intValue": "5"})),
            ".metadata.n` must be",
        ),
        (
            "langfuse.observation.type",
            string("call"),
            "observation.type",
        ),
        ("n", Some(json!({"intValue": "many"})), "`n` is not"),
    ])
    .await;
}

#[tokio::test]
async fn empty_texts_are_accepted_and_mean_absent() {
    let fake = fake().await;
    let empty = Some(json!({ "stringValue": "" }));
    let mut spans = vec![span_at("name", json!(""))];
    for key in [
        "langfuse.trace.name",
        "langfuse.user.id",
        "langfuse.session.id",
        "langfuse.observation.input",
        "langfuse.observation.output",
        "langfuse.observation.model.name",
    ] {
        spans.push(span_with(key, empty.clone()));
    }

    let (status, body) = send(&fake, &spans).await;

    assert_eq!(status, 200, "{body}");
    let stored = fake.state()["spans"].clone();
    assert_eq!(
        (
            &stored[1]["trace_name"],
            &stored[2]["user_id"],
            &stored[3]["session_id"]
        ),
        (&json!(""), &json!(null), &json!(null))
    );
}

#[tokio::test]
async fn each_silent_trap_of_the_span_itself_is_refused_by_name() {
    let fake = fake().await;
    let traps = [
        ("traceId", json!(TRACE.to_uppercase()), "traceId"),
        ("traceId", json!("axNGSHQd8uPIzUzXoOI2ug=="), "traceId"),
        ("traceId", json!("0".repeat(32)), "traceId"),
        ("spanId", json!("585512f350bef56"), "spanId"),
        ("spanId", json!(&TRACE[..16]), "beginning of traceId"),
        ("parentSpanId", json!("x"), "parentSpanId"),
        ("name", json!(null), "name"),
        (
            "startTimeUnixNano",
            json!(null),
            "startTimeUnixNano is missing",
        ),
        ("startTimeUnixNano", json!("1795378500123"), "before 2020"),
        (
            "startTimeUnixNano",
            json!(1_795_378_500_123_456_789_u64),
            "decimal text",
        ),
        ("endTimeUnixNano", json!(null), "endTimeUnixNano is missing"),
        (
            "endTimeUnixNano",
            json!("1795378500000000000"),
            "before startTimeUnixNano",
        ),
        ("endTimeUnixNano", json!("soon"), "not a decimal text"),
    ];
    for (name, value, named) in traps {
        let (status, body) = send(&fake, &[span_at(name, value.clone())]).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{name} {value}");
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(spans(&fake), 0);
}

#[tokio::test]
async fn an_attribute_given_twice_is_refused() {
    let fake = fake().await;
    let mut span = span();
    let attributes = span["attributes"].as_array_mut().unwrap();
    attributes.push(text("langfuse.trace.name", "again"));

    assert_eq!(send(&fake, &[span]).await.0, 400);
}

#[tokio::test]
async fn an_empty_export_is_refused() {
    let fake = fake().await;
    for body in [json!({"resourceSpans": []}), export(&[]), json!({})] {
        let (status, _) = answer(request(&fake, &body)).await;
        assert_eq!(status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_span_without_a_model_needs_neither_usage_nor_cost() {
    let fake = fake().await;
    let mut span = span_with(USAGE, None);
    let attributes = span["attributes"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["key"] != COST);

    assert_eq!(send(&fake, &[span]).await.0, 200);
}
