//! Deleting a customer at Stripe ends its subscriptions and nothing else.
//!
//! Its payments are still credited, and the account's next customer is not affected.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, World, tokens};

fn event(kind: &str, object: &Value) -> Value {
    tests::event("evt_late", kind, object)
}

/// Asserts that the subscription is read from the table, with this status.
async fn assert_stored(world: &World, status: &str) {
    let read = world.subscription("acct_a").await;
    let read = read.expect(StatusCode::OK).body;
    assert_eq!(
        (&read["status"], &read["source"]),
        (&json!(status), &json!("stored"))
    );
}

#[tokio::test]
async fn late_events_of_a_deleted_customer_do_not_affect_the_next_one() {
    let world = World::start().await;
    let old = world.subscribe("acct_a", "plus").await;
    let deleted = world.stripe_id("customers", 0);
    world.delete_customer(&deleted).await;
    world.webhooks_settled().await;
    assert_eq!(
        world.subscription("acct_a").await.body["status"],
        "canceled"
    );

    let body = world.order("plus");
    let page = world.checkout("acct_a", "again", &body).await;
    let session = tests::session_id(&page.expect(StatusCode::CREATED));
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    assert_eq!(world.subscription("acct_a").await.body["status"], "active");

    for event in [
        event(
            "customer.subscription.deleted",
            &json!({"id": old, "customer": deleted}),
        ),
        event(
            "customer.subscription.updated",
            &json!({"id": old, "customer": deleted}),
        ),
        event(
            "customer.deleted",
            &json!({"id": deleted, "object": "customer"}),
        ),
    ] {
        world.signed_webhook(&event).await.expect(StatusCode::OK);
    }
    world.stripe_fails("/v1/", "status:503", 100);
    assert_stored(&world, "active").await;
}

#[tokio::test]
async fn a_deletion_without_a_webhook_ends_the_subscription_when_it_is_noticed() {
    let world = World::start().await;
    world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    let deleted = world.stripe_id("customers", 0);
    world.delete_customer(&deleted).await;
    let body = json!({"return_url": format!("{}/account", world.origin())});
    let refused = world.portal("acct_a", &body).await;
    assert_eq!(refused.refusal(), (409, "no_customer"));

    assert_stored(&world, "canceled").await;
}

#[tokio::test]
async fn a_renewal_paid_before_the_deletion_is_still_granted() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    world.renew(&subscription, "succeeded").await;
    assert_eq!(world.credits("acct_a").len(), 1);
    let deleted = world.stripe_id("customers", 0);
    world.delete_customer(&deleted).await;
    world.stack.stripe.faults().clear();

    // The next order finds the customer gone.
    let body = world.order("pack_500k");
    let page = world.checkout("acct_a", "k9", &body).await;
    page.expect(StatusCode::CREATED);
    assert_eq!(world.credits("acct_a").len(), 2);
}

/// A 404 may mean that the API key temporarily belongs to another Stripe account.
#[tokio::test]
async fn a_404_for_a_customer_keeps_its_link_to_the_account() {
    let world = World::start().await;
    world.subscribe("acct_a", "plus").await;
    let before = world.items("A#acct_a");
    world.stripe_fails("/v1/customers/", "status:404", 100);
    let known = world.stripe_id("customers", 0);
    let deleted = event(
        "customer.deleted",
        &json!({"id": known, "object": "customer"}),
    );
    world.signed_webhook(&deleted).await.expect(StatusCode::OK);
    let link = |items: &[Value]| -> Value {
        let found = items.iter().find(|item| item["sk"]["S"] == "C");
        found.unwrap()["customer"].clone()
    };
    assert_eq!(link(&world.items("A#acct_a")), link(&before));
}

#[tokio::test]
async fn usage_goes_to_the_next_customer_within_minutes() {
    let clock = Clock::skipping_from("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[], clock.clone()).await;
    world.grant("acct_a", "100").await;
    let usage = tokens(10);
    world.record("acct_a", "k1", &usage).await;
    let deleted = world.stripe_id("customers", 0);
    world.delete_customer(&deleted).await;
    world.webhooks_settled().await;
    clock.sleep(Duration::from_mins(6)).await;
    world.stack.stripe.clock().skip(6 * 60);
    let receipt = world.record("acct_a", "k2", &usage).await;
    assert_eq!(
        receipt.body["delivery"]["stripe"]["status"], "confirmed",
        "{receipt:?}"
    );
    let events = world.meter_events();
    let next = world.stripe_id("customers", 1);
    assert_ne!(next, deleted);
    assert_eq!(events[1]["payload"]["stripe_customer_id"], next);
}
