//! Traces in Langfuse stay correct whatever labels the caller sends.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{TRACES, World};

fn usage(trace: &Value) -> Value {
    json!({"usage": [{"meter": "ai_tokens", "input_tokens": 10}], "trace": trace})
}

/// Records a usage with this trace; returns the world, the usage's id and its span.
async fn traced(trace: Value) -> (World, String, Value) {
    let world = World::at_noon().await;
    world.grant("acct_a", "100").await;
    let answer = world.charged("acct_a", "k1", &usage(&trace)).await;
    let delivery = &answer.body["delivery"]["langfuse"];
    assert_eq!(delivery["status"], "confirmed", "{trace}");
    let id = answer.body["usage_id"].as_str().unwrap().to_owned();
    let span = world.spans().remove(0);
    (world, id, span)
}

#[tokio::test]
async fn a_callers_metadata_never_replaces_that_of_sparks() {
    let given = json!({
        "account": "acct_victim", "usage_id": "use_other", "sparks": "0.000", "price_version": "0", "lines": "[]",
        "sparks.content": "dropped", "langfuse_session_id": "s_other", "ticket": "T-1",
    });
    let trace = json!({ "metadata": given });
    let (world, id, span) = traced(trace.clone()).await;

    let metadata = &span["metadata"];
    let expected = [
        ("account", "acct_a"),
        ("usage_id", id.as_str()),
        ("sparks", "1.000"),
        ("caller_account", "acct_victim"),
        ("caller_usage_id", "use_other"),
        ("caller_sparks", "0.000"),
        ("sparks_content", "dropped"),
        ("ticket", "T-1"),
    ];
    for (key, value) in expected {
        assert_eq!(metadata[key], value, "{key}: {metadata}");
    }
    assert!(metadata.get("sparks.content").is_none());
    assert_eq!(span["session_id"], json!(null));
    // The entry keeps the metadata as sent, so that a replay matches it.
    let stored: Value = {
        let entry = world.items("E#use_").remove(0);
        serde_json::from_str(entry["trace"]["S"].as_str().unwrap()).unwrap()
    };
    assert_eq!(stored["metadata"], given);
    let again = world.record("acct_a", "k1", &usage(&trace)).await;
    assert!(again.expect(StatusCode::CREATED).is_replay());
}

#[tokio::test]
async fn empty_texts_of_a_trace_count_as_missing() {
    let empty = json!({
        "name": "", "session_id": "", "tags": [""], "metadata": {"": ""}, "input": "", "output": "",
    });
    let (world, _, span) = traced(empty.clone()).await;
    assert_eq!(
        (&span["name"], &span["trace_name"]),
        (&json!("usage"), &json!("usage"))
    );
    for name in ["session_id", "tags", "input", "output"] {
        assert_eq!(span[name], json!(null), "{name}");
    }
    assert!(span["metadata"].get("sparks.content").is_none());

    // In a batch, an empty trace does not remove another one's content.
    let item = |key: &str, trace: &Value| {
        let mut item = usage(trace);
        item["idempotency_key"] = key.into();
        item
    };
    let full = json!({"name": "chat", "input": "hello"});
    let items = [item("k2", &empty), item("k3", &full)];
    world.batched("acct_a", &items).await;
    let spans = world.spans();
    let chat = spans.iter().find(|span| span["name"] == "chat");
    assert_eq!(chat.unwrap()["input"], "hello");
    world.assert_delivered_once();
}

/// A trace that an earlier release stored and parked is delivered like any other.
#[tokio::test]
async fn a_stored_trace_with_empty_texts_is_delivered_after_a_redrive() {
    let world = World::at_noon().await;
    world.grant("acct_a", "100").await;
    world.langfuse_fails(TRACES, "status:400", 1);
    let body = usage(&json!({"name": "", "session_id": "", "output": ""}));
    let recorded = world.charged("acct_a", "k1", &body).await.body;
    assert_eq!(recorded["delivery"]["langfuse"]["status"], "parked");
    let entry = world.items("E#use_").remove(0);
    assert!(
        entry["trace"]["S"]
            .as_str()
            .unwrap()
            .contains(r#""name":"""#)
    );

    let id = recorded["usage_id"].as_str().unwrap();
    world.sparks(&["outbox", "redrive", id]).await.unwrap();
    world.sparks(&["outbox", "run"]).await.unwrap();
    world.assert_delivered_once();
}

#[tokio::test]
async fn labels_are_sent_in_the_form_that_langfuse_keeps() {
    let trace = json!({
        "name": "a\u{0}b", "session_id": "sesión-123", "tags": ["one\ntwo"], "input": "null: \u{0}\nnext",
        "metadata": {"a.b": "1", "a b": "2", "größe": "3\u{0}"},
    });
    let (world, _, span) = traced(trace.clone()).await;
    assert_eq!(span["trace_name"], "a\u{fffd}b");
    assert_eq!(span["session_id"], "sesi%C3%B3n-123");
    assert_eq!(span["tags"], json!(["one\u{fffd}two"]));
    assert_eq!(span["input"], "null: \u{fffd}\nnext");
    let metadata = &span["metadata"];
    assert_eq!(
        (&metadata["a_b"], &metadata["a_b_2"]),
        (&json!("2"), &json!("1"))
    );
    assert_eq!(metadata["größe"], "3\u{fffd}");
    let again = world.record("acct_a", "k1", &usage(&trace)).await;
    assert!(again.expect(StatusCode::CREATED).is_replay());
}
