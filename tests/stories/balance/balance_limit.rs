//! A debit never takes the balance below zero, under any concurrency and any DynamoDB fault.

use http::StatusCode;
use local::faults::Fault;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{World, count, tokens};

#[tokio::test]
async fn too_small_a_balance_is_a_402_and_writes_nothing() {
    let world = World::start().await;
    world.grant("acct_a", "0.999").await;
    let table = world.table();

    let answer = world.record("acct_a", "k1", &tokens(10)).await;

    assert_eq!(answer.refusal(), (402, "insufficient_sparks"));
    assert_eq!(
        (&answer.body["required"], &answer.body["available"]),
        (&json!("1.000"), &json!("0.999"))
    );
    assert_eq!(
        answer.body["top_up_items"],
        json!(["pack_125k", "pack_500k", "pack_2500k"])
    );
    assert_eq!(world.table(), table);
    assert_eq!((world.spans().len(), world.meter_events().len()), (0, 0));
}

#[tokio::test]
async fn the_last_spark_can_be_spent() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let answer = world.charged("acct_a", "k1", &tokens(10)).await;
    assert_eq!(answer.body["balance"]["available"], "0.000");
}

#[tokio::test]
async fn of_two_hundred_concurrent_debits_exactly_the_affordable_ones_succeed() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;

    let answers = world.record_at_once("acct_a", 200, 10).await;

    assert_eq!((count(&answers, 201), count(&answers, 402)), (100, 100));
    assert_eq!(world.available("acct_a").await, "0.000");
    assert_eq!(world.spans().len(), 100);
}

#[tokio::test]
async fn concurrent_debits_are_exact_among_conflicts_and_throttles() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let faults = world.stack.dynamodb.faults();
    for (fault, every) in [("conflict", 3), ("throttle", 5), ("conflict+condition", 7)] {
        faults.add(
            Fault::new("TransactWriteItems", fault)
                .unwrap()
                .times(60)
                .every(every),
        );
    }
    faults.add(
        Fault::new("UpdateItem", "throttle")
            .unwrap()
            .times(20)
            .every(4),
    );
    faults.add(
        Fault::new("GetItem", "throttle")
            .unwrap()
            .times(20)
            .every(4),
    );

    let answers = world.record_at_once("acct_a", 200, 10).await;

    assert_eq!((count(&answers, 201), count(&answers, 402)), (100, 100));
    assert_eq!(world.available("acct_a").await, "0.000");
    assert!(
        faults.fired("TransactWriteItems") >= 60,
        "the faults did not fire"
    );
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_one_debit() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    for (number, fault) in ["lost_reply", "status:500", "refuse"]
        .into_iter()
        .enumerate()
    {
        world.dynamodb_fails("TransactWriteItems", fault, 1);
        let answer = world
            .charged("acct_a", &format!("k{number}"), &tokens(10))
            .await;
        assert!(!answer.is_replay(), "{fault}");
    }
    assert_eq!(world.available("acct_a").await, "97.000");
    assert_eq!(world.meter_events().len(), 3);
}

#[tokio::test]
async fn accounts_do_not_touch_each_other() {
    let world = World::start().await;
    world.grant("acct_a", "5").await;
    world.grant("acct_b", "5").await;
    world.spend("acct_a", "k1", 1).await;
    assert_eq!(world.available("acct_a").await, "4.000");
    assert_eq!(world.available("acct_b").await, "5.000");
}

/// A refused transaction costs eight write units; a read costs four read units.
#[tokio::test]
async fn a_recently_refused_account_is_read_before_the_next_debit() {
    let clock = Clock::skipping_from("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[("DELIVERY_BUDGET_MS", "400")], clock.clone()).await;
    world.grant("acct_a", "0.999").await;
    let counted = Fault::new("TransactWriteItems", "slow:0").unwrap();
    let faults = world.stack.dynamodb.faults();
    faults.add(counted.times(u32::MAX));
    let refused = async |key: &str| {
        let refused = world.record("acct_a", key, &tokens(10)).await;
        assert_eq!(refused.refusal(), (402, "insufficient_sparks"));
        faults.fired("TransactWriteItems")
    };
    let first = refused("k1").await;
    assert_eq!((refused("k1").await, refused("k2").await), (first, first));

    // A recorded usage is replayed, whatever the balance.
    world.grant("acct_a", "0.001").await;
    world.spend("acct_a", "k2", 1).await;
    let before = refused("k3").await;
    let again = world.record("acct_a", "k2", &tokens(10)).await;
    assert!(again.expect(StatusCode::CREATED).is_replay());
    assert_eq!(faults.fired("TransactWriteItems"), before);

    clock.sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(refused("k4").await, before + 1);
}

/// Refusals and zero-cost usages cost the operator money.
///
/// An environment serves a limited number of them, then refuses with `Retry-After`.
#[tokio::test]
async fn refusals_and_zero_cost_usages_are_limited_per_account() {
    let clock = Clock::skipping_from("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[("DELIVERY_BUDGET_MS", "400")], clock.clone()).await;
    let nothing = json!({"usage": [{"meter": "compute", "milliseconds": 0}]});
    let items: Vec<Value> = (0..45)
        .map(|number| json!({"idempotency_key": format!("k{number}"), "usage": nothing["usage"]}))
        .collect();
    world.available("acct_a").await;
    for _ in 0..6 {
        world.batched("acct_a", &items).await;
    }

    let refused = world.record_batch("acct_a", &items).await;

    assert_eq!(refused.refusal(), (429, "too_many_requests"));
    assert_eq!(refused.headers["retry-after"], "1");
    // Usages that are paid for still succeed, and so do other accounts.
    world.charged("acct_a", "paid", &tokens(10)).await;
    world.charged("acct_b", "k1", &nothing).await;
    clock.sleep(std::time::Duration::from_secs(1)).await;
    world.batched("acct_a", &items).await;
}
