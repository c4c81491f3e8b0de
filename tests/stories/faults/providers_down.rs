//! Provider outages. The debit stands, and the answer comes in time and says what is pending.

use std::time::{Duration, Instant};

use http::StatusCode;
use local::faults::Fault;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{Answer, METER, TRACES, World, tokens};

async fn funded() -> World {
    let world = World::start_with(&[("DELIVERY_BUDGET_MS", "400")], Clock::system()).await;
    world.grant("acct_a", "100").await;
    world
}

/// Records a usage of `acct_a` over one Spark.
async fn recorded(world: &World, key: &str) -> Answer {
    let answer = world.record("acct_a", key, &tokens(10)).await;
    answer.expect(StatusCode::CREATED)
}

/// Makes every request to Langfuse and to Stripe fail.
fn both_fail(world: &World, fault: &str) {
    world.langfuse_fails("/", fault, 100);
    world.stripe_fails("/", fault, 100);
}

fn statuses(answer: &Answer) -> (&str, &str) {
    let delivery = &answer.body["delivery"];
    (
        delivery["langfuse"]["status"].as_str().unwrap(),
        delivery["stripe"]["status"].as_str().unwrap(),
    )
}

fn entry(world: &World) -> Value {
    world.items("E#use_").remove(0)
}

#[tokio::test]
async fn providers_that_drop_the_connection_leave_the_usage_pending() {
    let world = funded().await;
    both_fail(&world, "refuse");

    let answer = recorded(&world, "k1").await;

    assert_eq!(statuses(&answer), ("pending", "pending"));
    assert_eq!(world.available("acct_a").await, "99.000");
    assert_eq!(world.pending(), 1);
    let replay = recorded(&world, "k1").await;
    assert!(replay.is_replay());
    assert_eq!(world.available("acct_a").await, "99.000");
}

#[tokio::test]
async fn providers_that_hang_cost_no_more_than_the_budget() {
    let world = funded().await;
    // The customer exists, so that only the delivery itself is measured.
    world.record("acct_a", "k0", &tokens(10)).await;
    both_fail(&world, "slow:20000");

    let started = Instant::now();
    let answer = recorded(&world, "k1").await;

    assert_eq!(statuses(&answer), ("pending", "pending"));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "the answer does not wait for 20 s"
    );
    assert_eq!(world.available("acct_a").await, "98.000");
}

#[tokio::test]
async fn one_provider_down_does_not_hold_up_the_other() {
    let world = funded().await;
    world.stripe_fails("/", "status:503", 100);
    let answer = recorded(&world, "k1").await;
    assert_eq!(statuses(&answer), ("confirmed", "pending"));
    assert_eq!(
        world.pending(),
        1,
        "what is left stays listed for the outbox"
    );
}

#[tokio::test]
async fn an_event_that_stripe_has_already_counts_as_delivered() {
    let world = funded().await;
    world.stripe_fails(METER, "lost_reply", 1);

    let answer = recorded(&world, "k1").await;

    assert_eq!(
        statuses(&answer),
        ("confirmed", "confirmed"),
        "a broken connection is retried once"
    );
    assert_eq!(world.meter_events().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_proof_that_an_event_was_not_sent() {
    let world = funded().await;
    world.stripe_fails(METER, "status:429", 1);

    let answer = recorded(&world, "k1").await;

    assert_eq!(statuses(&answer), ("confirmed", "pending"));
    assert_eq!(entry(&world)["stripe_unsent"]["S"], "rate_limited");
}

#[tokio::test]
async fn a_server_error_does_not_prove_that_nothing_was_sent() {
    let world = funded().await;
    world.stripe_fails(METER, "status:500", 1);
    world.langfuse_fails(TRACES, "status:500", 1);

    world.record("acct_a", "k1", &tokens(10)).await;

    let entry = entry(&world);
    assert_eq!(
        (entry.get("stripe_unsent"), entry.get("langfuse_unsent")),
        (None, None)
    );
}

#[tokio::test]
async fn a_request_that_is_refused_for_good_is_parked_with_the_reason() {
    let world = funded().await;
    world.stripe_fails(METER, "status:404", 1);
    world.langfuse_fails(TRACES, "status:400", 1);

    let answer = recorded(&world, "k1").await;

    assert_eq!(statuses(&answer), ("parked", "parked"));
    assert_eq!(entry(&world)["langfuse_parked"]["S"], "status 400");
    assert!(
        entry(&world)["stripe_parked"]["S"]
            .as_str()
            .unwrap()
            .contains("404")
    );
    assert_eq!(world.pending(), 0);
}

#[tokio::test]
async fn a_refused_key_leaves_usage_pending_and_is_not_tried_again() {
    // At Stripe, a 403 is about one call: a restricted key lacks the right to it.
    for (status, asked) in [("status:401", 1), ("status:403", 3)] {
        let world = funded().await;
        world.stripe_fails("/v1/", status, 100);
        world.langfuse_fails("/api/", status, 100);
        for key in ["k1", "k2", "k3"] {
            let answer = recorded(&world, key).await;
            assert_eq!(statuses(&answer), ("pending", "pending"));
        }
        assert_eq!(world.stack.stripe.faults().fired("/v1/"), asked);
        assert_eq!(world.stack.langfuse.faults().fired("/api/"), 1);
    }
}

#[tokio::test]
async fn three_failures_in_a_row_open_the_circuit_and_skipped_entries_record_it() {
    let world = funded().await;
    world.record("acct_a", "k0", &tokens(10)).await;
    world.stripe_fails(METER, "status:503", 100);
    world.langfuse_fails(TRACES, "status:503", 100);

    for number in 1..=6 {
        recorded(&world, &format!("k{number}")).await;
    }

    assert_eq!(world.stack.stripe.faults().fired(METER), 3);
    assert_eq!(world.stack.langfuse.faults().fired(TRACES), 3);
    let skipped = world
        .items("E#use_")
        .iter()
        .filter(|entry| entry["stripe_unsent"]["S"] == "circuit")
        .count();
    assert_eq!(skipped, 3);
    assert_eq!(world.available("acct_a").await, "93.000");
}

#[tokio::test]
async fn a_general_rate_limit_opens_the_circuit_and_one_on_a_customer_does_not() {
    for (reason, tried) in [
        ("global-rate", 1),
        ("endpoint-concurrency", 1),
        ("resource-specific", 2),
    ] {
        let world = funded().await;
        world.grant("acct_b", "10").await;
        for account in ["acct_a", "acct_b"] {
            world.record(account, "k0", &tokens(10)).await;
        }
        let limit = Fault::new(METER, "status:429")
            .unwrap()
            .times(100)
            .header("stripe-rate-limited-reason", reason);
        world.stack.stripe.faults().add(limit);
        for account in ["acct_a", "acct_a", "acct_b"] {
            let key = format!("{}", world.items("E#use_").len());
            world.spend(account, &key, 1).await;
        }
        assert_eq!(world.stack.stripe.faults().fired(METER), tried, "{reason}");
    }
}

#[tokio::test]
async fn a_mark_that_cannot_be_written_leaves_the_usage_pending() {
    let world = funded().await;
    world.dynamodb_fails("UpdateItem", "throttle", 1_000);

    let answer = recorded(&world, "k1").await;

    assert_eq!(
        statuses(&answer),
        ("pending", "pending"),
        "an answer never says more than the table does"
    );
    assert_eq!(
        (
            world.spans().len(),
            world.meter_events().len(),
            world.pending()
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_failed_customer_lookup_makes_no_second_customer() {
    let world = funded().await;
    world.record("acct_a", "k0", &tokens(10)).await;
    let world = world.at(Clock::system()).await;
    world.dynamodb_fails("GetItem", "throttle", 12);

    let answer = recorded(&world, "k1").await;

    assert_eq!(statuses(&answer), ("confirmed", "pending"));
    let stripe = world.stack.stripe.state();
    let made = stripe["requests"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|request| request["path"] == "/v1/customers");
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn a_part_of_a_batch_that_does_not_fit_the_budget_stays_pending() {
    let world = funded().await;
    world.record("acct_a", "k0", &tokens(10)).await;
    world.stripe_fails(METER, "slow:300", 100);
    let items: Vec<Value> = (1..=5)
        .map(|number| json!({"idempotency_key": format!("k{number}"), "usage": [{"meter": "compute", "milliseconds": 60_000}]}))
        .collect();
    world.grant("acct_a", "1000").await;

    let answer = world.batched("acct_a", &items).await;

    let states: Vec<_> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["delivery"]["stripe"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(states.last(), Some(&"pending"));
    assert!(
        answer.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|result| result["status"] == 201)
    );
}

#[tokio::test]
async fn a_database_that_is_down_is_a_503_that_says_to_retry() {
    // On this clock, waiting until the deadline ends takes no time.
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    let world = World::start_with(&[], Clock::skipping_from(noon)).await;
    world.grant("acct_a", "100").await;
    world.dynamodb_fails("TransactWriteItems", "throttle", 10_000);

    let answer = world.record("acct_a", "k1", &tokens(10)).await;

    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert_eq!(answer.headers["retry-after"], "1");
    world.stack.dynamodb.faults().clear();
    recorded(&world, "k1").await;
    assert_eq!(world.available("acct_a").await, "99.000");
}

#[tokio::test]
async fn a_broken_database_is_a_500_without_internal_details() {
    let world = World::start_with(&[("TABLE_NAME", "no-such-table")], Clock::system()).await;
    let answer = world.record("acct_a", "k1", &tokens(10)).await;
    assert_eq!(answer.refusal(), (500, "internal"));
    assert!(!answer.body.to_string().contains("table"));
}
