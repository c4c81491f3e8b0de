//! A user acts, and the app records the usage. It is charged once, traced and metered.

use serde_json::json;
use tests::{World, tokens};

#[tokio::test]
async fn a_usage_is_charged_traced_and_metered() {
    let world = World::start().await;
    world.grant("acct_a", "10000").await;

    let answer = world.charged("acct_a", "k1", &tokens(1_000)).await;

    assert_eq!(answer.body["sparks"], "100.000");
    assert_eq!(answer.body["balance"]["available"], "9900.000");
    assert_eq!(answer.body["delivery"]["langfuse"]["status"], "confirmed");
    assert_eq!(answer.body["delivery"]["stripe"]["status"], "confirmed");
    assert_eq!(world.available("acct_a").await, "9900.000");

    let events = world.meter_events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_name"], "sparks_used");
    assert_eq!(events[0]["identifier"], answer.body["usage_id"]);
    assert_eq!(events[0]["payload"]["value"], "100000");

    let spans = world.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(
        spans[0]["trace_id"],
        answer.body["delivery"]["langfuse"]["trace_id"]
    );
    assert_eq!(spans[0]["user_id"], "acct_a");
    assert_eq!(spans[0]["usage"]["input"], 1_000);
    assert_eq!(spans[0]["cost"]["total"], 0.004);
    assert_eq!(spans[0]["metadata"]["sparks"], "100.000");
}

#[tokio::test]
async fn the_worked_example_costs_137_172_sparks() {
    let world = World::start().await;
    world.grant("acct_1", "10000").await;
    let body = json!({
        "member_id": "u_7",
        "usage": [
            {"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 300},
            {"meter": "compute", "milliseconds": 1500},
            {"meter": "storage", "gigabyte_hours": "0.25"},
        ],
        "trace": {
            "name": "chat", "session_id": "s_1", "tags": ["prod"], "metadata": {"k": "v"},
            "input": "What is a Spark?", "output": "A credit.",
        },
    });

    let mut answer = world.charged("acct_1", "k1", &body).await;

    assert_eq!(
        answer.body["recorded_at"].as_str().map(str::len),
        Some("2026-11-22T20:15:00.123Z".len())
    );
    answer.body["recorded_at"] = "[time]".into();
    insta::assert_json_snapshot!("receipt", answer.body);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(!answer.is_replay());

    let span = world.spans().remove(0);
    assert_eq!(span["name"], "chat");
    assert_eq!(span["user_id"], "u_7");
    assert_eq!(span["session_id"], "s_1");
    assert_eq!(span["tags"], json!(["prod"]));
    assert_eq!(span["input"], "What is a Spark?");
    assert_eq!(span["output"], "A credit.");
    assert_eq!(span["environment"], "local");
    assert_eq!(
        span["usage"],
        json!({"input": 1200, "input_cached_tokens": 200, "output": 300, "total": 1700})
    );
    // The provider's cost of the tokens plus the price of the other lines' Sparks.
    assert_eq!(span["cost"]["output"], 0.003);
    assert_eq!(span["cost"]["total"], 0.004_581_88);
    assert_eq!(world.meter_events()[0]["payload"]["value"], "137172");
}

#[tokio::test]
async fn entry_trace_and_meter_event_share_the_usage_id() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;

    let answer = world.record("acct_a", "k1", &tokens(10)).await;

    let usage_id = answer.body["usage_id"].as_str().unwrap();
    assert_eq!(world.items(&format!("E#{usage_id}")).len(), 1);
    assert_eq!(world.spans()[0]["metadata"]["usage_id"], usage_id);
    assert_eq!(world.meter_events()[0]["identifier"], usage_id);
    assert_eq!(answer.body["delivery"]["stripe"]["identifier"], usage_id);
}

#[tokio::test]
async fn all_usage_of_an_account_is_metered_for_one_customer() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.record_at_once("acct_a", 4, 10).await;
    let customers = world.stripe_objects("customers");
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["metadata"]["account"], "acct_a");
    for event in world.meter_events() {
        assert_eq!(event["payload"]["stripe_customer_id"], customers[0]["id"]);
    }
}

#[tokio::test]
async fn late_usage_is_metered_at_the_time_it_occurred() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let now = world.now();
    let yesterday = now - jiff::SignedDuration::from_hours(24);
    let mut body = tokens(10);
    body["occurred_at"] = yesterday.to_string().into();

    world.charged("acct_a", "k1", &body).await;

    assert_eq!(world.meter_events()[0]["timestamp"], yesterday.as_second());
    let start: jiff::Timestamp = world.spans()[0]["start"].as_str().unwrap().parse().unwrap();
    assert_eq!(start, yesterday);
}

#[tokio::test]
async fn long_prompts_are_cut_marked_and_never_stored() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let mut body = tokens(10);
    body["trace"] = json!({"input": "é".repeat(140_000), "output": "short"});

    world.charged("acct_a", "k1", &body).await;

    let span = world.spans().remove(0);
    assert_eq!(span["input"].as_str().unwrap().len(), 256 * 1024);
    assert_eq!(
        span["metadata"]["input_cut_at_bytes"],
        (256 * 1024).to_string()
    );
    assert_eq!(span["output"], "short");
    assert!(!world.table().concat().contains("éé"));
}

#[tokio::test]
async fn a_usage_of_zero_tokens_is_recorded_and_costs_nothing() {
    let world = World::start().await;
    let answer = world.charged("acct_a", "k1", &tokens(0)).await;
    assert_eq!(answer.body["sparks"], "0.000");
}

#[tokio::test]
async fn providers_that_are_not_configured_are_off() {
    let variables = [
        "LANGFUSE_HOST",
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "STRIPE_API_BASE",
        "STRIPE_SECRET_KEY",
    ]
    .map(|name| (name, ""));
    let world = World::start_with(&variables, shared::process::clock::Clock::system()).await;
    world.grant("acct_a", "100").await;

    let answer = world.charged("acct_a", "k1", &tokens(10)).await;

    assert_eq!(answer.body["delivery"]["langfuse"]["status"], "off");
    assert_eq!(answer.body["delivery"]["stripe"]["status"], "off");
    assert_eq!(world.pending(), 0);
}
