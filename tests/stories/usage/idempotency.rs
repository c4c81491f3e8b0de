//! A repeated request is one usage: one debit, one receipt and no further effect.

use http::StatusCode;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{World, tokens};

/// Returns the members of a response that a replay repeats.
fn receipt(body: &Value) -> Vec<&Value> {
    [
        "usage_id",
        "account_id",
        "sparks",
        "lines",
        "price_version",
        "recorded_at",
    ]
    .map(|member| &body[member])
    .into()
}

#[tokio::test]
async fn a_replayed_call_is_charged_once() {
    let world = World::start().await;
    world.grant("acct_a", "1000").await;
    let first = world.charged("acct_a", "k1", &tokens(1_000)).await;
    let table = world.table();

    let second = world.charged("acct_a", "k1", &tokens(1_000)).await;

    assert!(second.is_replay() && !first.is_replay());
    assert_eq!(receipt(&first.body), receipt(&second.body));
    assert_eq!(second.body["delivery"], first.body["delivery"]);
    assert_eq!(world.table(), table);
    assert_eq!((world.spans().len(), world.meter_events().len()), (1, 1));
}

#[tokio::test]
async fn a_replay_succeeds_even_if_the_balance_is_too_small_by_then() {
    let world = World::start().await;
    world.grant("acct_a", "150").await;
    let first = world.record("acct_a", "k1", &tokens(1_000)).await;

    let second = world.charged("acct_a", "k1", &tokens(1_000)).await;

    assert_eq!(receipt(&first.body), receipt(&second.body));
    assert_eq!(second.body["balance"]["available"], "50.000");
}

#[tokio::test]
async fn a_replay_succeeds_long_after_its_time_window() {
    let world = World::start().await;
    world.grant("acct_a", "150").await;
    let now = world.now();
    let mut body = tokens(1_000);
    body["occurred_at"] = now.to_string().into();
    let first = world.charged("acct_a", "k1", &body).await;

    let world = world
        .at(Clock::starting_at(
            now + jiff::SignedDuration::from_hours(24 * 400),
        ))
        .await;
    let replay = world.charged("acct_a", "k1", &body).await;
    assert!(replay.is_replay());
    assert_eq!(receipt(&first.body), receipt(&replay.body));
    assert_eq!(replay.body["balance"]["available"], "50.000");

    let mut other = body.clone();
    other["usage"][0]["input_tokens"] = 1.into();
    assert_eq!(
        world.record("acct_a", "k1", &other).await.refusal(),
        (422, "idempotency_key_reused")
    );
    assert_eq!(
        world.record("acct_a", "k2", &body).await.refusal(),
        (422, "occurred_at_out_of_window")
    );
}

#[tokio::test]
async fn an_unpriced_request_under_a_used_key_is_a_reuse() {
    let world = World::start().await;
    world.grant("acct_a", "150").await;
    world.spend("acct_a", "k1", 1).await;
    let unpriced =
        json!({"usage": [{"meter": "ai_tokens", "model": "gpt-unheard-of", "input_tokens": 10}]});
    assert_eq!(
        world.record("acct_a", "k1", &unpriced).await.refusal(),
        (422, "idempotency_key_reused")
    );
    assert_eq!(
        world.record("acct_a", "k2", &unpriced).await.refusal(),
        (422, "unknown_model")
    );
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused_and_writes_nothing() {
    let world = World::start().await;
    world.grant("acct_a", "1000").await;
    world.record("acct_a", "k1", &tokens(1_000)).await;
    let table = world.table();

    let refused = world.record("acct_a", "k1", &tokens(1_001)).await;

    assert_eq!(refused.refusal(), (422, "idempotency_key_reused"));
    assert_eq!(world.table(), table);
}

#[tokio::test]
async fn equivalent_requests_are_replays() {
    let world = World::start().await;
    world.grant("acct_a", "1000").await;
    world
        .record(
            "acct_a",
            "k1",
            &json!({"usage": [{"meter": "storage", "gigabyte_hours": "0.5"}]}),
        )
        .await;
    let same =
        json!({"account_id": "acct_a", "usage": [{"gigabyte_hours": "0.500", "meter": "storage"}]});
    assert!(world.record("acct_a", "k1", &same).await.is_replay());
}

#[tokio::test]
async fn without_a_key_nothing_is_recorded() {
    let world = World::start().await;
    let token = world.token("acct_a");
    let answer = world
        .post("/v1/usage", Some(&token), None, tokens(1).to_string())
        .await;
    assert_eq!(answer.refusal(), (400, "idempotency_key_required"));
    assert_eq!(answer.body["field"], "Idempotency-Key");
}

#[tokio::test]
async fn keys_of_different_accounts_are_independent() {
    let world = World::start().await;
    for account in ["acct_a", "acct_b"] {
        world.grant(account, "100").await;
        let answer = world.charged(account, "k1", &tokens(10)).await;
        assert!(!answer.is_replay());
    }
    assert_eq!(world.meter_events().len(), 2);
}

#[tokio::test]
async fn fifty_concurrent_duplicates_are_one_debit() {
    let world = World::start().await;
    world.grant("acct_a", "10000").await;
    let body = tokens(1_000);

    let answers =
        futures_util::future::join_all((0..50).map(|_| world.record("acct_a", "k1", &body))).await;

    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == 201 && !answer.is_replay())
            .count(),
        1
    );
    assert!(
        answers.iter().all(
            |answer| answer.status == 201 && receipt(&answer.body) == receipt(&answers[0].body)
        )
    );
    assert_eq!(world.available("acct_a").await, "9900.000");
    assert_eq!((world.spans().len(), world.meter_events().len()), (1, 1));
}

#[tokio::test]
async fn a_refused_request_may_succeed_with_the_same_key_after_a_top_up() {
    let world = World::start().await;
    world.grant("acct_a", "10").await;
    assert_eq!(
        world.record("acct_a", "k1", &tokens(1_000)).await.status,
        402
    );
    world.grant("acct_a", "90").await;
    let answer = world.charged("acct_a", "k1", &tokens(1_000)).await;
    assert!(!answer.is_replay());
    assert_eq!(answer.body["balance"]["available"], "0.000");
}

/// Message ids are easy to guess. A user who sends one first must not stop the charge that the app's backend makes.
#[tokio::test]
async fn a_customer_cannot_use_up_a_key_of_the_backend() {
    let world = World::at_noon().await;
    world.grant("acct_a", "1000").await;
    let nothing = json!({"usage": [{"meter": "compute", "milliseconds": 0}]});
    let used = world.record("acct_a", "msg-123", &nothing).await;
    assert_eq!(used.expect(StatusCode::CREATED).body["sparks"], "0.000");

    let charge = json!({
        "account_id": "acct_a", "usage": [{"meter": "ai_tokens", "input_tokens": 1000}],
    });
    let service = world.service_token();
    let by_backend = async || {
        let (token, body) = (Some(service.as_str()), charge.to_string());
        world.post("/v1/usage", token, Some("msg-123"), body).await
    };
    let charged = by_backend().await.expect(StatusCode::CREATED);
    assert_eq!(charged.body["sparks"], "100.000");

    // A replay by either caller returns that caller's own usage.
    let again = by_backend().await.expect(StatusCode::CREATED);
    assert!(again.is_replay());
    assert_eq!(again.body["usage_id"], charged.body["usage_id"]);
    let again = world.record("acct_a", "msg-123", &nothing).await;
    assert!(again.expect(StatusCode::CREATED).is_replay());
    assert_eq!(world.available("acct_a").await, "900.000");
}

/// A customer's key is found under either id while a deployment changes its item version.
#[tokio::test]
async fn a_key_is_one_usage_whichever_item_version_recorded_it() {
    let body = tokens(100);
    for (first, second) in [("1", "2"), ("2", "1")] {
        let world = World::at_noon()
            .await
            .with("ITEM_VERSION", first)
            .restarted()
            .await;
        let recorded = world.charged("acct_a", "k1", &body).await;
        let world = world.with("ITEM_VERSION", second).restarted().await;
        let again = world.charged("acct_a", "k1", &body).await;
        assert!(again.is_replay(), "{first} {second}");
        assert_eq!(again.body["usage_id"], recorded.body["usage_id"]);
        let item = json!({"idempotency_key": "k1", "usage": body["usage"]});
        let mut other = item.clone();
        other["usage"][0]["input_tokens"] = 200.into();
        let batch = world.batched("acct_a", &[item, other]).await;
        let results = &batch.body["results"];
        assert_eq!(results[0]["replayed"], true);
        assert_eq!(results[1]["code"], "idempotency_key_reused");
        // By itself, the other request is charged; after that, both are replays.
        let other = tokens(200);
        world.charged("acct_a", "k1", &other).await;
        let items =
            [&body, &other].map(|body| json!({"idempotency_key": "k1", "usage": body["usage"]}));
        let batch = world.batched("acct_a", &items).await;
        let replayed = [0, 1].map(|place| batch.body["results"][place]["replayed"] == true);
        assert_eq!(replayed, [true, true]);
        world.sparks(&["verify"]).await.unwrap();
    }
}

#[tokio::test]
async fn a_zero_cost_usage_is_recorded_and_traced_but_not_metered() {
    let world = World::at_noon().await;
    let recorded = world.charged("acct_a", "k1", &tokens(0)).await;
    let delivery = &recorded.body["delivery"];
    assert_eq!(delivery["stripe"]["status"], "off");
    assert_eq!(delivery["langfuse"]["status"], "confirmed");
    assert_eq!((world.spans().len(), world.meter_events().len()), (1, 0));
    assert_eq!(world.pending(), 0);
}
