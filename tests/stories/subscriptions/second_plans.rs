//! An account pays for one plan at a time. A second one is refused, its session is expired, or an incident names both.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{CARD, World};

fn incidents(world: &World, code: &str) -> Vec<Value> {
    let mut incidents = world.items("INCIDENTS");
    incidents.retain(|incident| incident["code"]["S"] == code);
    incidents
}

async fn open(world: &World, key: &str) -> String {
    let page = world.checkout("acct_a", key, &world.order("plus")).await;
    tests::session_id(&page.expect(StatusCode::CREATED))
}

#[tokio::test]
async fn a_second_plan_is_refused_in_any_status_of_the_first() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    for status in [
        "active",
        "trialing",
        "past_due",
        "unpaid",
        "paused",
        "on_holiday",
    ] {
        let path = format!("/_local/subscriptions/{subscription}/status");
        world.at_stripe(&path, &json!({"status": status})).await;
        let order = world.order("plus");
        let refused = world.checkout("acct_a", status, &order).await;
        assert_eq!(refused.refusal(), (409, "already_subscribed"), "{status}");
    }
    assert_eq!(world.items("I#").len(), 1, "a refusal writes no order");
    // Packs can still be bought, and so can a plan once the first has ended.
    let pack = world.order("pack_125k");
    let page = world.checkout("acct_a", "pack", &pack).await;
    page.expect(StatusCode::CREATED);
    world.delete_subscription(&subscription).await;
    open(&world, "active").await;
}

#[tokio::test]
async fn a_second_plan_is_refused_without_any_webhook() {
    let world = World::start().await;
    world.drop_webhooks();
    let session = open(&world, "k1").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let refused = world.checkout("acct_a", "k2", &world.order("plus")).await;
    assert_eq!(refused.refusal(), (409, "already_subscribed"));
}

#[tokio::test]
async fn a_second_plan_is_refused_by_the_stored_state_while_stripe_is_down() {
    let world = World::start().await;
    world.subscribe("acct_a", "plus").await;
    world.stripe_fails("/v1/subscriptions", "status:503", 100);
    let refused = world.checkout("acct_a", "k2", &world.order("plus")).await;
    assert_eq!(refused.refusal(), (409, "already_subscribed"));
}

/// Two devices each open a Checkout Session before either is paid.
#[tokio::test]
async fn the_other_open_session_is_expired_when_the_first_is_paid() {
    for verified in [true, false] {
        let world = World::start().await;
        if verified {
            world.drop_webhooks();
        }
        let (first, second) = (open(&world, "k1").await, open(&world, "k2").await);
        let pack = world.open("acct_a", "pack_125k").await;
        world.pay(&first, CARD).await.expect(StatusCode::OK);
        if verified {
            world.verified("acct_a", &first).await;
        }
        world.webhooks_settled().await;
        let refused = world.pay(&second, CARD).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let told = world.verified("acct_a", &second).await;
        assert_eq!(told.body["status"], "expired");
        world.pay(&pack, CARD).await.expect(StatusCode::OK);
        let state = world.stack.stripe.state();
        assert_eq!(state["subscriptions"].as_array().unwrap().len(), 1);
        world.sparks(&["verify", "acct_a"]).await.unwrap();
    }
}

/// Nothing is refunded automatically: the operator asks the customer which plan to keep.
#[tokio::test]
async fn two_live_plans_are_one_incident_that_names_both() {
    let world = World::start().await;
    world.drop_webhooks();
    let (first, second) = (open(&world, "k1").await, open(&world, "k2").await);
    for session in [&first, &second] {
        world.pay(session, CARD).await.expect(StatusCode::OK);
    }
    for session in [&first, &second] {
        world.verified("acct_a", session).await;
    }
    world.subscription("acct_a").await.expect(StatusCode::OK);
    let kept = incidents(&world, "second_subscription");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["account_seen"]["S"], "acct_a");
    let state = world.stack.stripe.state();
    let live: Vec<&str> = state["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let told = format!("{}{}", kept[0]["subject"]["S"], kept[0]["detail"]["S"]);
    assert!(live.iter().all(|id| told.contains(id)), "{told}");
    assert_eq!(world.credits("acct_a").len(), 2);
    assert_eq!(state["refunds"], json!([]));
    world.sparks(&["verify", "acct_a"]).await.unwrap();
}

#[tokio::test]
async fn a_replay_of_the_paid_order_is_not_a_second_plan() {
    let world = World::start().await;
    let session = open(&world, "k1").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    let again = world.checkout("acct_a", "k1", &world.order("plus")).await;
    let again = again.expect(StatusCode::CREATED);
    assert!(again.is_replay());
    assert_eq!(again.body["session_id"], session.as_str());
    assert_eq!(again.body["url"], Value::Null);
}
