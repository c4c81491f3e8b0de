//! Usage that accumulates during a Stripe outage is delivered once, and soon.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::process::clock::Clock;
use tests::{METER, World, tokens};

/// Starts a world whose clock moves only by sleeping. It does not wait long for Stripe.
async fn standing_still() -> (World, Clock) {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = Clock::skipping_from(start);
    let variables = [("DELIVERY_BUDGET_MS", "300")];
    (World::start_with(&variables, clock.clone()).await, clock)
}

#[tokio::test]
async fn twenty_usages_a_second_while_stripe_refuses() {
    a_minute_of_usage("refuse").await;
}

#[tokio::test]
async fn twenty_usages_a_second_while_stripe_fails() {
    a_minute_of_usage("status:500").await;
}

#[tokio::test]
async fn twenty_usages_a_second_while_stripe_limits_the_rate() {
    a_minute_of_usage("status:429").await;
}

#[tokio::test]
async fn twenty_usages_a_second_while_stripe_hangs() {
    a_minute_of_usage("slow:1000").await;
}

#[tokio::test]
async fn twenty_usages_a_second_while_stripe_replies_get_lost() {
    a_minute_of_usage("lost_reply").await;
}

/// Records 20 usages a second for a minute during the fault. After it, Stripe has each of them once.
async fn a_minute_of_usage(fault: &str) {
    let (world, clock) = standing_still().await;
    let accounts: Vec<String> = (0..20).map(|number| format!("acct_{number}")).collect();
    for account in &accounts {
        world.grant(account, "1000").await;
        world.spend(account, "first", 1).await;
    }
    world.stripe_fails(METER, fault, u32::MAX);
    for second in 0..60 {
        let key = format!("second_{second}");
        let body = tokens(10 + second);
        let recorded = accounts
            .iter()
            .map(|account| world.record(account, &key, &body));
        for answer in join_all(recorded).await {
            answer.expect(StatusCode::CREATED);
        }
        clock.sleep(Duration::from_secs(1)).await;
    }
    world.stack.stripe.faults().clear();
    assert!(world.pending() > 0, "{fault}");
    let world = world.drained().await;
    assert_eq!(world.items("E#use_").len(), 20 * 61);
    world.assert_delivered_once();
    world.sparks(&["verify"]).await.unwrap();
    // Reconciliation compares an hour once it has been over for an hour.
    let world = world.later(SignedDuration::from_hours(3)).await;
    let (report, outcome) = world.report(&["reconcile", "--day", "2026-11-22"]).await;
    outcome.unwrap();
    assert_eq!(
        (&report["ok"], &report["differences"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(report["checked"]["usages"], 20 * 61, "{report}");
}

/// The outbox makes one call to Stripe at a time for each customer. At 120 ms a call, 2,000 usages sent one by one
/// would take four minutes; in parcels they take some three seconds.
#[tokio::test]
async fn two_thousand_usages_of_one_customer_take_a_call_per_hundred() {
    let (world, clock) = standing_still().await;
    world.stripe_fails(METER, "refuse", u32::MAX);
    world.record_many("acct_a", 2_000).await;
    world.stack.stripe.faults().clear();
    assert!(world.pending() > 1_900);
    let before = world.stack.stripe.asked().len();
    clock.sleep(Duration::from_mins(1)).await;
    world.deliver().await;
    let calls = world.stack.stripe.asked().len() - before;
    assert!(calls <= 30, "{calls} calls");
    let world = world.drained().await;
    world.assert_delivered_once();
}

#[tokio::test]
async fn two_concurrent_outboxes_deliver_the_usages_of_fifty_customers_once() {
    let (world, clock) = standing_still().await;
    world.stripe_fails(METER, "refuse", u32::MAX);
    for number in 0..50 {
        world.record_many(&format!("acct_{number}"), 20).await;
    }
    world.stack.stripe.faults().clear();
    assert!(world.pending() > 900);
    clock.sleep(Duration::from_mins(1)).await;
    tokio::join!(world.deliver(), world.deliver());
    let world = world.drained().await;
    assert_eq!(world.items("E#use_").len(), 1_000);
    world.assert_delivered_once();
    world.sparks(&["verify"]).await.unwrap();
}
