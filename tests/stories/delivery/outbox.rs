//! The outbox delivers each usage once to Stripe and Langfuse. It does so whatever failed when the usage was recorded.

use futures_util::future::join_all;
use jiff::SignedDuration;
use local::faults::Fault;
use serde_json::{Value, json};
use tests::{METER, TRACES, World, item, tokens};

/// Starts a world at a fixed time in which `acct_a` has enough Sparks.
async fn funded() -> World {
    let world = World::at_noon().await;
    world.grant("acct_a", "100000").await;
    // This creates the customer, so that later faults concern deliveries alone.
    record(&world, "first", 10).await;
    world
}

async fn record(world: &World, key: &str, count: u64) {
    world.charged("acct_a", key, &tokens(count)).await;
}

fn fail(world: &World, fault: &str, times: u32) {
    world.stripe_fails(METER, fault, times);
    world.langfuse_fails(TRACES, fault, times);
}

#[tokio::test]
async fn after_lost_connections_everything_is_delivered_once() {
    delivered_once_after(&["refuse", "lost_reply"]).await;
}

#[tokio::test]
async fn after_server_errors_everything_is_delivered_once() {
    delivered_once_after(&["status:500", "status:503"]).await;
}

#[tokio::test]
async fn after_rate_limits_and_timeouts_everything_is_delivered_once() {
    delivered_once_after(&["status:429", "slow:1000"]).await;
}

async fn delivered_once_after(faults: &[&str]) {
    for fault in faults {
        let world = funded().await;
        fail(&world, fault, 6);
        for number in 0..3 {
            record(&world, &format!("k{number}"), 10 + number).await;
        }
        world.heal();
        assert_eq!(world.pending(), 3, "{fault}");
        let world = world.later(SignedDuration::from_secs(40)).await;
        assert_eq!(world.deliver().await["waiting"], 0, "too early: {fault}");
        let world = world.drained().await;
        world.assert_delivered_once();
        world.sparks(&["verify"]).await.unwrap();
    }
}

#[tokio::test]
async fn a_delivery_that_may_have_arrived_is_checked_before_it_is_sent_again() {
    let world = funded().await;
    fail(&world, "lost_reply", 6);
    record(&world, "k1", 10).await;
    world.heal();
    assert_eq!((world.spans().len(), world.meter_events().len()), (2, 2));
    // Langfuse shows a trace only after a while, so the outbox concludes nothing before.
    let world = world.later(SignedDuration::from_secs(100)).await;
    let early = world.deliver().await;
    assert_eq!(
        (&early["waiting"], &early["traces"]),
        (&json!(1), &json!(0))
    );
    let world = world.later(SignedDuration::from_secs(60)).await;
    world.deliver().await;
    world.assert_delivered_once();
}

/// Stripe never received any of 120 usages. They go in two events and not 120, and the meter counts the same.
#[tokio::test]
async fn many_waiting_usages_of_one_customer_go_in_parcels() {
    let world = funded().await;
    fail(&world, "status:429", 1_000);
    for batch in 0..3 {
        let items: Vec<Value> = (0..40)
            .map(|number| item(&format!("k{batch}_{number}"), 10 + number))
            .collect();
        world.batched("acct_a", &items).await;
    }
    world.heal();
    assert_eq!(world.pending(), 120);
    let world = world.later(SignedDuration::from_secs(120)).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["parcels"], &report["metered"]),
        (&json!(2), &json!(120)),
        "{report}"
    );
    assert_eq!(world.meter_events().len(), 3);
    world.assert_delivered_once();
    let parcel = &world.items("B#")[0];
    assert_eq!(parcel["stripe"]["S"], "confirmed");
    assert!(parcel.get("pending_bucket").is_none());
}

#[tokio::test]
async fn a_parcel_whose_reply_was_lost_is_repeated_unchanged() {
    let world = funded().await;
    fail(&world, "status:429", 1_000);
    let items: Vec<Value> = (0..45)
        .map(|number| item(&format!("k{number}"), 10))
        .collect();
    world.batched("acct_a", &items).await;
    for number in 45..60 {
        record(&world, &format!("k{number}"), 10).await;
    }
    world.heal();
    world.stripe_fails(METER, "lost_reply", 2);
    let world = world.later(SignedDuration::from_secs(120)).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["parcels"], &report["metered"]),
        (&json!(1), &json!(0)),
        "{report}"
    );
    let mut world = world;
    for _ in 0..3 {
        world = world.later(SignedDuration::from_secs(360)).await;
        world.deliver().await;
    }
    assert_eq!(world.meter_events().len(), 2);
    world.assert_delivered_once();
}

#[tokio::test]
async fn concurrent_runs_deliver_each_usage_once() {
    let world = funded().await;
    fail(&world, "status:429", 1_000);
    for number in 0..12 {
        record(&world, &format!("k{number}"), 10).await;
    }
    world.heal();
    let world = world.later(SignedDuration::from_secs(120)).await;
    let runs = join_all((0..4).map(|_| world.deliver())).await;
    let sum = |name: &str| -> u64 { runs.iter().map(|run| run[name].as_u64().unwrap()).sum() };
    assert_eq!((sum("metered"), sum("traces")), (12, 12), "{runs:?}");
    world.assert_delivered_once();
}

#[tokio::test]
async fn an_event_that_is_too_old_for_stripe_is_parked_and_not_sent() {
    let world = funded().await;
    world.stripe_fails(METER, "status:500", 10);
    record(&world, "k1", 10).await;
    world.heal();
    let world = world
        .later(SignedDuration::from_secs(23 * 3_600 + 60))
        .await;
    let events = world.meter_events().len();
    let report = world.deliver().await;
    assert_eq!(
        (&report["parked"], &report["waiting"]),
        (&json!(1), &json!(0)),
        "{report}"
    );
    assert_eq!(world.meter_events().len(), events);
    let entries = world.items("E#use_");
    let parked = entries
        .iter()
        .find(|entry| entry["stripe"]["S"] == "parked")
        .unwrap();
    assert!(
        parked["stripe_parked"]["S"]
            .as_str()
            .unwrap()
            .contains("23 hours")
    );
    assert!(
        parked["pending_bucket"]["S"]
            .as_str()
            .unwrap()
            .starts_with("K#")
    );
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_holds_up_nothing_else() {
    let world = funded().await;
    fail(&world, "status:429", 100);
    for number in 0..3 {
        record(&world, &format!("k{number}"), 10).await;
    }
    world.heal();
    let entries = world.items("E#use_");
    let mut corrupt = entries
        .into_iter()
        .find(|entry| entry.get("pending_bucket").is_some())
        .unwrap();
    let whole = corrupt.clone();
    corrupt.as_object_mut().unwrap().remove("lines");
    world.put_item(corrupt).await;
    let world = world.later(SignedDuration::from_secs(120)).await;
    world.deliver().await;
    assert_eq!(world.pending(), 1);
    // Once repaired, it is delivered like any other.
    world.put_item(whole).await;
    world.deliver().await;
    world.assert_delivered_once();
}

#[tokio::test]
async fn a_truncated_refusal_is_retried_and_not_parked() {
    let world = funded().await;
    // Stripe takes the event, and both replies are lost.
    world.stripe_fails(METER, "lost_reply", 2);
    record(&world, "k1", 10).await;
    // The error with which Stripe reports the duplicate arrives truncated.
    world.stripe_fails(METER, "truncated", 1);
    let world = world.later(SignedDuration::from_secs(180)).await;
    let report = world.deliver().await;

    assert_eq!(
        (&report["parked"], &report["metered"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
    assert_eq!(world.stack.stripe.faults().fired(METER), 3);
    world.drained().await.assert_delivered_once();
}

#[tokio::test]
async fn a_usage_that_stripe_refuses_for_good_is_parked_and_the_others_are_delivered() {
    let world = funded().await;
    fail(&world, "status:503", 100);
    for number in 0..3 {
        record(&world, &format!("k{number}"), 10).await;
    }
    world.heal();
    world.stripe_fails(METER, "status:400", 1);
    let world = world.later(SignedDuration::from_secs(180)).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["parked"], &report["metered"]),
        (&json!(1), &json!(2)),
        "{report}"
    );
    // Their traces are sent after two reads that did not show them.
    let world = world.later(SignedDuration::from_mins(16)).await;
    assert_eq!(world.deliver().await["traces"], 3);
    assert_eq!(world.pending(), 0);
}

#[tokio::test]
async fn table_conflicts_and_throttles_do_not_change_the_outcome() {
    let world = funded().await;
    fail(&world, "status:429", 100);
    for number in 0..8 {
        record(&world, &format!("k{number}"), 10).await;
    }
    world.heal();
    let world = world.later(SignedDuration::from_secs(120)).await;
    for fault in ["throttle", "conflict", "lost_reply"] {
        let fault = Fault::new("/", fault).unwrap().times(6).every(3);
        world.stack.dynamodb.faults().add(fault);
    }
    world.deliver().await;
    world.heal();
    world.drained().await.assert_delivered_once();
}

#[tokio::test]
async fn a_trace_that_is_sent_again_says_that_its_content_was_dropped() {
    let world = funded().await;
    fail(&world, "status:429", 2);
    let body = json!({
        "usage": [{"meter": "ai_tokens", "input_tokens": 10}],
        "trace": {"name": "chat", "session_id": "s_1", "input": "secret prompt"},
    });
    world.charged("acct_a", "k1", &body).await;
    world.heal();
    assert!(!world.table().concat().contains("secret"));
    let world = world.later(SignedDuration::from_secs(120)).await;
    world.deliver().await;
    world.assert_delivered_once();
    let spans = world.spans();
    let span = spans.iter().find(|span| span["name"] == "chat").unwrap();
    assert_eq!(span["metadata"]["sparks.content"], "dropped", "{span}");
    assert_eq!(span["session_id"], "s_1");
    assert!(world.items("B#").is_empty(), "one alone makes no parcel");
}
