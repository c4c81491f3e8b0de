//! A Stripe key that is wrong or lacks a permission ends no subscription. It stops nothing else either.

use std::net::SocketAddr;

use http::StatusCode;
use jiff::SignedDuration;
use local::stripe::FakeStripe;
use serde_json::{Value, json};
use tests::{METER, World, tokens};

/// Returns the item with the subscriptions of `acct_a`.
fn stored(world: &World) -> Value {
    let items = world.items("A#acct_a").into_iter();
    let mut subscriptions = items.filter(|item| item["sk"]["S"] == "U");
    subscriptions.next().unwrap()
}

#[tokio::test]
async fn a_key_of_another_account_ends_no_subscription() {
    let world = World::at_noon().await;
    world.subscribe("acct_a", "plus").await;
    let before = stored(&world);
    let right = world.stack.stripe.url();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let another = FakeStripe::start(address).await.unwrap();

    let world = world.with("STRIPE_API_BASE", &another.url());
    let world = world.restarted().await;
    let told = world.subscription("acct_a").await;
    let told = told.expect(StatusCode::OK).body;
    assert_eq!(
        (&told["status"], &told["source"]),
        (&json!("active"), &json!("stored"))
    );
    // A month later, when the next check is due, the other account still does not know the customer.
    let world = world.later(SignedDuration::from_hours(24 * 32)).await;
    world.try_to_deliver().await;
    let after = stored(&world);
    assert_eq!(after["subscriptions"], before["subscriptions"]);
    assert!(after["pending_due"].is_object(), "{after}");

    let world = world.with("STRIPE_API_BASE", &right).restarted().await;
    let told = world.subscription("acct_a").await;
    let told = told.expect(StatusCode::OK).body;
    assert_eq!(
        (&told["status"], &told["source"]),
        (&json!("active"), &json!("stripe"))
    );
}

#[tokio::test]
async fn a_missing_permission_stops_only_the_calls_that_need_it() {
    let world = World::at_noon().await;
    let (_, payment) = world.buy("acct_a", "pack_125k", "k1").await;
    world.stripe_fails("/v1/disputes", "status:403", 100);

    world.dispute(&payment, 500, "needs_response").await;
    world.webhooks_settled().await;

    let taken = world.deliveries("charge.dispute.created");
    assert!(
        taken.iter().flatten().all(|status| *status >= 500),
        "{taken:?}"
    );
    // Everything else keeps working.
    let order = world.order("pack_125k");
    let page = world.checkout("acct_a", "k2", &order).await;
    page.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_limit_reported_as_a_400_parks_nothing() {
    for code in ["rate_limit", "lock_timeout"] {
        let world = World::at_noon().await;
        world.grant("acct_a", "1000").await;
        // An account's first call creates its customer.
        world.spend("acct_a", "k1", 1).await;
        world.stripe_fails(METER, &format!("code:{code}"), 1);

        let usage = world.charged("acct_a", "k2", &tokens(10)).await.body;
        assert_eq!(usage["delivery"]["stripe"]["status"], "pending", "{code}");
        let world = world.drained().await;
        world.assert_delivered_once();
    }
}
