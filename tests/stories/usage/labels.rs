//! Invalid text in a label is replaced or cut, and the usage is still charged.

use http::StatusCode;
use serde_json::{Value, json};
use tests::World;

const LINE: &str = r#"{"meter":"ai_tokens","input_tokens":10}"#;

fn usage_of(member: &str) -> Value {
    json!({"member_id": member, "usage": [{"meter": "ai_tokens", "input_tokens": 10}]})
}

#[tokio::test]
async fn a_member_may_be_any_text() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let [long, longer] = ["x", "é"].map(|letter| letter.repeat(150));
    let members = [
        ("jo+ai@example.com", "jo+ai@example.com"),
        ("team#1#/Ana María", "team#1#/Ana María"),
        ("#", "#"),
        (" % ' \" \\ ", " % ' \" \\ "),
        ("用户\u{1F600}", "用户\u{1F600}"),
        (&long, &long),
        ("line\nbreak\0", "line\u{FFFD}break\u{FFFD}"),
    ];
    for (number, (member, _)) in members.iter().enumerate() {
        let (key, body) = (format!("k{number}"), usage_of(member));
        world.charged("acct_a", &key, &body).await;
    }
    // An empty name is no member, and two long names stay distinct after they are cut.
    let others = ["", &longer, &format!("{longer}2")];
    for (number, member) in others.iter().enumerate() {
        let (key, body) = (format!("o{number}"), usage_of(member));
        world.charged("acct_a", &key, &body).await;
    }

    let token = world.token("acct_a");
    let told = world.get("/v1/usage?group_by=member", Some(&token)).await;
    let rows = told.body["rows"].as_array().unwrap().clone();
    let groups: Vec<Option<&str>> = rows.iter().map(|row| row["group"].as_str()).collect();
    assert_eq!(rows.len(), members.len() + others.len(), "{groups:?}");
    for (_, member) in members {
        assert!(groups.contains(&Some(member)), "{member:?} of {groups:?}");
    }
    assert!(groups.contains(&None));
    let cut = groups.iter().flatten().filter(|group| group.len() > 190);
    assert_eq!(cut.filter(|group| group.starts_with("ééé")).count(), 2);
    assert!(groups.iter().flatten().all(|group| group.len() <= 200));

    let ledger = world.get("/v1/ledger", Some(&token)).await.body.to_string();
    assert!(ledger.contains("jo+ai@example.com"), "{ledger}");
    world.sparks(&["verify"]).await.expect("consistent books");
    let lines = Value::from(world.lines()).to_string();
    assert!(lines.contains("acct_a") && !lines.contains("example.com"));
}

#[tokio::test]
async fn a_usage_with_a_repaired_member_can_be_replayed() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let body = usage_of(&"é\n".repeat(500));
    let first = world.record("acct_a", "k1", &body).await;
    let again = world.record("acct_a", "k1", &body).await;
    assert!(again.is_replay(), "{again:?}");
    assert_eq!(first.body["usage_id"], again.body["usage_id"]);
    let other = world.record("acct_a", "k1", &usage_of("é")).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_lone_surrogate_is_replaced_and_the_usage_is_charged() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let token = world.token("acct_a");
    let trace = r#"{"name":"\udc00n","output":"ok \ud83d","metadata":{"\ud800":"\ud83d\ude00"}}"#;
    let body = format!(r#"{{"member_id":"m\ud800","usage":[{LINE}],"trace":{trace}}}"#);
    let replaced = body
        .replace(r"\ud83d\ude00", "\u{1F600}")
        .replace(r"\udc00", "\u{FFFD}")
        .replace(r"\ud800", "\u{FFFD}")
        .replace(r"\ud83d", "\u{FFFD}");

    let send = |body: String| world.post("/v1/usage", Some(&token), Some("k1"), body);
    send(body.clone()).await.expect(StatusCode::CREATED);
    for same in [body, replaced] {
        let again = send(same).await.expect(StatusCode::CREATED);
        assert!(again.is_replay(), "{again:?}");
    }

    let span = world.spans().remove(0);
    assert_eq!(span["output"], "ok \u{FFFD}");
    let item = format!(r#"{{"idempotency_key":"b1","usage":[{LINE}],"trace":{trace}}}"#);
    let batch = format!(r#"{{"items":[{item}]}}"#);
    let batch = world
        .post("/v1/usage/batch", Some(&token), None, batch)
        .await;
    assert_eq!(batch.body["results"][0]["status"], 201, "{batch:?}");
}

#[tokio::test]
async fn a_repeated_metadata_name_is_refused() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let body =
        format!(r#"{{"usage":[{LINE}],"trace":{{"metadata":{{"k":"a","l":"b","k":"c"}}}}}}"#);
    let token = world.token("acct_a");
    let answer = world
        .post("/v1/usage", Some(&token), Some("k1"), body)
        .await;
    assert_eq!(answer.refusal(), (422, "invalid_request"));
    assert_eq!(answer.body["field"], "trace.metadata", "{answer:?}");
    assert!(world.items("E#use_").is_empty());
}
