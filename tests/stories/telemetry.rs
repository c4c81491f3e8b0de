//! Each invocation is told of in one line: what was called, how it went, what it counts. Never what was said.

use http::StatusCode;
use serde_json::{Value, json};
use tests::World;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn tokens(count: u64) -> Value {
    json!({"usage": [{"meter": "ai_tokens", "input_tokens": count}]})
}

/// The lines of one route, oldest first.
fn of(world: &World, route: &str) -> Vec<Value> {
    let lines = world.lines().into_iter();
    lines.filter(|line| line["route"] == route).collect()
}

/// The metrics that a line has CloudWatch take out of it, by name.
fn metrics(line: &Value) -> Vec<&str> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    let metrics = directives.into_iter().flatten().flat_map(|directive| {
        assert_eq!(directive["Namespace"], "Sparks");
        assert_eq!(directive["Dimensions"], json!([["Function", "Stage"]]));
        directive["Metrics"].as_array().unwrap()
    });
    metrics
        .map(|metric| metric["Name"].as_str().unwrap())
        .inspect(|name| assert!(line[name].is_i64() || line[name].is_u64(), "{name}: {line}"))
        .collect()
}

#[tokio::test]
async fn a_replay_is_told_as_one() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.record("acct_a", "k1", &tokens(10)).await;
    world.record("acct_a", "k1", &tokens(10)).await;

    let lines = world.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["replayed"], false);
    assert_eq!(lines[1]["replayed"], true);
}

#[tokio::test]
async fn refusals_are_counted_by_code_those_of_items_too() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let too_much = tokens(1_000_000_000);
    let refused = world.record("acct_a", "k1", &too_much).await;
    assert_eq!(refused.refusal(), (402, "insufficient_sparks"));
    let item = |key: &str, mut usage: Value| {
        usage["idempotency_key"] = key.into();
        usage
    };
    let unknown = json!({"usage": [{"meter": "ai_tokens", "model": "no-such", "input_tokens": 1}]});
    let items = [
        item("k2", too_much.clone()),
        item("k3", tokens(10)),
        item("k4", too_much),
        item("k5", unknown),
    ];
    let batch = world.record_batch("acct_a", &items).await;
    batch.expect(StatusCode::OK);

    let line = of(&world, "/v1/usage").remove(0);
    assert_eq!(line["status"], 402);
    assert_eq!(line["code"], "insufficient_sparks");
    assert_eq!(metrics(&line), ["Refusals.insufficient_sparks"]);
    assert_eq!(line["Refusals.insufficient_sparks"], 1);
    let line = of(&world, "/v1/usage/batch").remove(0);
    assert_eq!(line["status"], 200);
    assert_eq!(line.get("code"), None);
    assert_eq!(line["Refusals.insufficient_sparks"], 2);
    assert_eq!(line["Refusals.unknown_model"], 1);
}

#[tokio::test]
async fn a_line_names_the_traces_it_is_part_of_and_nothing_that_was_sent() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let mut usage = tokens(10);
    usage["member_id"] = "canary-member".into();
    usage["trace"] = json!({
        "name": "canary-name", "session_id": "canary-session", "metadata": {"canary": "canary"},
        "input": "canary prompt", "output": "canary answer",
    });
    let send = |path: &str, traceparent: &str, body: &Value| {
        let request = local::client::plain().post(format!("{}{path}?canary=1", world.origin()));
        request
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", world.token("acct_a")))
            .header("idempotency-key", "canary-key")
            .header(
                "x-amzn-trace-id",
                "Root=1-5759e988-bd862e3fe1be46a994272793",
            )
            .header("traceparent", traceparent.to_owned())
            .body(body.to_string())
            .send()
    };
    send("/v1/usage", TRACEPARENT, &usage).await.unwrap();
    send("/v1/checkout", "00-canary", &world.order("pack_500k"))
        .await
        .unwrap();
    let url =
        json!({"item": "pack_500k", "success_url": "https://canary.test", "cancel_url": "canary"});
    send("/v1/checkout", "canary", &url).await.unwrap();
    send("/v1/usage", "canary", &json!({"canary": "canary"}))
        .await
        .unwrap();

    let lines = world.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0]["traceparent"], TRACEPARENT);
    assert_eq!(
        lines[0]["xray_trace_id"],
        "1-5759e988-bd862e3fe1be46a994272793"
    );
    assert_eq!(lines[1].get("traceparent"), None);
    let text = json!(lines).to_string();
    for variable in [
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "ALLOWED_ORIGINS",
    ] {
        let value = &world.environment()[variable];
        assert!(!value.is_empty() && !text.contains(value), "{variable}");
    }
    for never in [
        "canary",
        "http",
        "Bearer",
        "cs_test_",
        &world.token("acct_a"),
    ] {
        assert!(!text.contains(never), "{never}: {text}");
    }
}
