//! Usages proven unsent by their request are sent by the outbox in parcels.

use jiff::SignedDuration;
use serde_json::Value;
use shared::process::clock::Clock;
use tests::{METER, World, item, tokens};

/// Records `count` batches of 45 usages.
async fn record_batches(world: &World, count: usize) {
    for batch in 0..count {
        let items = (0..45).map(|number| item(&format!("b{batch}_{number}"), 1 + number));
        let items: Vec<Value> = items.collect();
        world.batched("acct_a", &items).await;
    }
}

/// Returns the number of entries marked as never sent to Stripe for this reason.
fn unsent(world: &World, reason: &str) -> usize {
    let entries = world.items("E#use_").into_iter();
    entries
        .filter(|entry| entry["stripe_unsent"]["S"] == reason)
        .count()
}

#[tokio::test]
async fn usages_left_over_by_a_slow_stripe_go_in_parcels() {
    let world = World::at_noon().await;
    world.record_many("acct_a", 1).await;
    world.stripe_fails(METER, "slow:120", 1_000);
    record_batches(&world, 3).await;
    world.stack.stripe.faults().clear();
    // The circuit breaker may have opened meanwhile: the usages it skipped are proven unsent, too.
    let untried = unsent(&world, "not_tried");
    assert!(untried > 30, "{untried} of 135");
    let proven = untried + unsent(&world, "circuit");
    assert!(proven > 100, "{proven} of 135");

    let world = world.later(SignedDuration::from_secs(120)).await;
    let before = world.stack.stripe.asked().len();
    let report = world.deliver().await;
    let calls = world.stack.stripe.asked().len() - before;
    assert!(report["parcels"].as_u64() >= Some(2), "{report}");
    // Each batch may have sent one usage, which goes under its own id.
    assert!(calls < 20, "{calls} calls");
    let world = world.drained().await;
    world.assert_delivered_once();
}

#[tokio::test]
async fn usages_without_a_customer_go_in_parcels() {
    let world = World::at_noon().await;
    world.grant("acct_a", "100000").await;
    world.stripe_fails("/v1/customers", "status:503", 1_000);
    record_batches(&world, 2).await;
    world.stack.stripe.faults().clear();
    assert_eq!(unsent(&world, "no_customer"), 90);
    delivered_in_a_parcel(world).await;
}

#[tokio::test]
async fn usages_whose_customer_cannot_be_looked_up_go_in_parcels() {
    let world = World::at_noon().await;
    world.grant("acct_a", "100000").await;
    world.dynamodb_fails("GetItem", "throttle", 10_000);
    record_batches(&world, 2).await;
    world.stack.dynamodb.faults().clear();
    assert_eq!(unsent(&world, "customer_unclear"), 90);
    delivered_in_a_parcel(world).await;
}

async fn delivered_in_a_parcel(world: World) {
    let world = world.later(SignedDuration::from_secs(120)).await;
    let report = world.deliver().await;
    assert_eq!(report["parcels"], 1, "{report}");
    world.drained().await.assert_delivered_once();
}

/// The waits between 25 failures add up to about five seconds.
///
/// That is more than the second reserved for the response, and less than the budget that the providers leave.
#[tokio::test]
async fn marks_may_use_the_budget_that_the_providers_leave() {
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    let variables = [("DELIVERY_BUDGET_MS", "10000")];
    let world = World::start_with(&variables, Clock::skipping_from(noon)).await;
    world.record_many("acct_a", 1).await;
    world.dynamodb_fails("UpdateItem", "status:500", 25);
    let delivery = &world.charged("acct_a", "k1", &tokens(10)).await.body["delivery"];
    for provider in ["langfuse", "stripe"] {
        assert_eq!(delivery[provider]["status"], "confirmed", "{delivery}");
    }
    assert_eq!(world.pending(), 0);
}
