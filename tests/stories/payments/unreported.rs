//! The outbox credits payments that no webhook reported and no caller verified.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use tests::{CARD, World};

async fn without_webhooks() -> World {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    world.drop_webhooks();
    world
}

#[tokio::test]
async fn an_unreported_payment_is_credited_after_its_session_has_ended() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let world = world.later(SignedDuration::from_hours(22)).await;
    assert_eq!(world.deliver().await["payments"], 0);
    let world = world.later(SignedDuration::from_hours(2)).await;
    assert_eq!(world.deliver().await["payments"], 1);
    assert_eq!(world.credits("acct_a").len(), 1);
    assert_eq!(world.order_status(), "paid");
    assert_eq!(world.deliver().await["payments"], 0);
}

/// Stripe makes the session, its replies are lost, and the buyer pays all the same.
#[tokio::test]
async fn a_session_that_was_never_stored_is_found_among_its_customers() {
    let world = without_webhooks().await;
    world.stripe_fails("/v1/checkout/sessions", "lost_reply", 3);
    let body = world.order("pack_500k");
    let page = world.checkout("acct_a", "k1", &body).await;
    assert_eq!(page.status, 503);
    let session = world.stripe_id("checkout_sessions", 0);
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let world = world.later(SignedDuration::from_hours(24)).await;
    world.deliver().await;
    assert_eq!(world.credits("acct_a").len(), 1);
    assert_eq!(world.order_status(), "paid");
}

#[tokio::test]
async fn abandoned_orders_are_settled_and_processing_ones_are_checked_daily() {
    let world = without_webhooks().await;
    let delayed = world.open("acct_a", "pack_500k").await;
    world.pay(&delayed, "delayed").await.expect(StatusCode::OK);
    let never = world.open("acct_a", "pack_125k").await;
    let mut world = world.later(SignedDuration::from_hours(24)).await;
    world.deliver().await;
    let open = |world: &World| -> usize {
        let intents = world.items("I#");
        intents
            .iter()
            .filter(|intent| intent.get("pending_bucket").is_some())
            .count()
    };
    assert_eq!(open(&world), 1, "{never} has ended");
    for _ in 0..3 {
        assert_eq!(world.deliver().await["payments"], 0);
        world = world.later(SignedDuration::from_hours(25)).await;
        assert_eq!(world.deliver().await["payments"], 1);
    }
    world.settle_payment(&delayed, "succeeded").await;
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    assert_eq!((world.credits("acct_a").len(), open(&world)), (1, 0));
}

#[tokio::test]
async fn an_unreported_renewal_is_granted() {
    let world = without_webhooks().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    let world = world.later(SignedDuration::from_hours(30 * 24 + 2)).await;
    world.renew(&subscription, "succeeded").await;
    assert_eq!(world.credits("acct_a").len(), 1);
    let report = world.deliver().await;
    assert_eq!(
        (&report["subscriptions"], &report["failures"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(world.credits("acct_a").len(), 2);
    assert_eq!(world.deliver().await["subscriptions"], 0);
}

#[tokio::test]
async fn an_ended_subscription_is_no_longer_checked() {
    let world = without_webhooks().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    world.delete_subscription(&subscription).await;
    let world = world.later(SignedDuration::from_hours(30 * 24 + 2)).await;
    assert_eq!(world.deliver().await["subscriptions"], 1);
    let world = world.later(SignedDuration::from_hours(48)).await;
    assert_eq!(world.deliver().await["subscriptions"], 0);
}

#[tokio::test]
async fn while_stripe_is_down_payments_wait_and_are_credited_after() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let world = world.later(SignedDuration::from_hours(24)).await;
    world.stripe_fails("/v1/", "status:503", 1_000);
    let report = world.deliver().await;
    assert_eq!(report["failures"], 1, "{report}");
    world.stack.stripe.faults().clear();
    let world = world.later(SignedDuration::from_hours(1)).await;
    world.deliver().await;
    assert_eq!(world.credits("acct_a").len(), 1);
}
