//! Late payments: an order is checked until its money arrives or has failed for good.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use local::faults::Fault;
use serde_json::{Value, json};
use shared::payments::orders::{OrderStatus, Orders};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use tests::{CARD, World, session_id};

use super::credits::without_webhooks;

/// Returns whether the one order is listed for the outbox to check.
fn is_looked_into(world: &World) -> bool {
    let orders = world.items("I#");
    assert_eq!(orders.len(), 1);
    let listed = orders[0].get("pending_bucket").is_some();
    assert_eq!(listed, orders[0].get("pending_due").is_some());
    listed
}

async fn status(world: &World, session: &str) -> (String, String) {
    let verified = world.verified("acct_a", session).await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&verified["status"]),
        text(&verified["sparks_credited"]),
    )
}

fn told(status: &str, credited: &str) -> (String, String) {
    (status.to_owned(), credited.to_owned())
}

#[tokio::test]
async fn a_bank_transfer_not_sent_yet_is_processing_and_checked() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "transfer").await.expect(StatusCode::OK);
    assert_eq!(status(&world, &session).await, told("processing", "0.000"));
    assert!(is_looked_into(&world));
    // The session is complete, so it has no page to pay at.
    let order = world.order("pack_500k");
    let again = world.checkout("acct_a", "pack_500k", &order).await;
    assert_eq!(again.expect(StatusCode::CREATED).body["url"], Value::Null);
    world.settle_payment(&session, "succeeded").await;
    assert_eq!(status(&world, &session).await, told("paid", "500000.000"));
    assert!(!is_looked_into(&world));
}

#[tokio::test]
async fn a_payment_that_failed_for_good_is_not_checked_until_it_is_processing_again() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "delayed").await.expect(StatusCode::OK);
    assert_eq!(status(&world, &session).await, told("processing", "0.000"));
    assert!(is_looked_into(&world));
    world.settle_payment(&session, "failed").await;
    assert_eq!(status(&world, &session).await, told("unpaid", "0.000"));
    assert!(!is_looked_into(&world));

    // A later status from Stripe lists it again.
    let orders = Orders::beside(&world.ledger());
    let deadline = Deadline::lasting(&Clock::system(), Duration::from_secs(20));
    let id = world.items("I#")[0]["id"]["S"].as_str().unwrap().parse();
    let order = orders
        .order(&id.unwrap(), &deadline)
        .await
        .unwrap()
        .unwrap();
    let noted = orders.note_status(&order, OrderStatus::Processing, &deadline);
    noted.await.unwrap();
    assert!(is_looked_into(&world));
}

#[tokio::test]
async fn a_payment_that_failed_for_good_ends_its_session_and_another_key_opens_another() {
    for item in ["pack_500k", "plus"] {
        let world = without_webhooks().await;
        let order = world.order(item);
        let failed = world.open("acct_a", item).await;
        world.pay(&failed, "delayed").await.expect(StatusCode::OK);
        world.settle_payment(&failed, "failed").await;
        assert_eq!(status(&world, &failed).await, told("unpaid", "0.000"));

        let again = world.checkout("acct_a", item, &order).await;
        assert_eq!((again.status, again.is_replay()), (201, true));
        assert_eq!(again.body["url"], json!(null), "{item}");
        assert_eq!(session_id(&again), failed);
        let other = world.checkout("acct_a", "k2", &order).await;
        assert!(other.body["url"].is_string() && !other.is_replay());
        assert_ne!(session_id(&other), failed);
    }
}

#[tokio::test]
async fn a_plan_paid_by_bank_debit_is_processing_until_the_debit_succeeds_or_fails() {
    for outcome in ["succeeded", "failed"] {
        let world = without_webhooks().await;
        let session = world.open("acct_a", "plus").await;
        world.pay(&session, "delayed").await.expect(StatusCode::OK);
        assert_eq!(status(&world, &session).await, told("processing", "0.000"));
        assert!(is_looked_into(&world));
        world.settle_payment(&session, outcome).await;
        let end = match outcome {
            "succeeded" => told("paid", "500000.000"),
            _ => told("unpaid", "0.000"),
        };
        assert_eq!(status(&world, &session).await, end, "{outcome}");
        assert!(!is_looked_into(&world));
    }
}

/// A paid session does not settle its order; only the grant does.
#[tokio::test]
async fn a_paid_plan_is_checked_until_its_sparks_are_granted() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.stripe_fails("/v1/invoices", "status:500", 100);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.refusal(), (503, "unavailable"));
    assert!(is_looked_into(&world));

    world.stack.stripe.faults().clear();
    assert_eq!(status(&world, &session).await, told("paid", "500000.000"));
    assert!(!is_looked_into(&world));
    assert_eq!(world.credits("acct_a").len(), 1);
}

#[tokio::test]
async fn a_retry_hours_later_makes_the_same_call_and_returns_the_same_session() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let body = world.order("pack_500k");
    // Every reply is lost, including those to the retries of one request.
    world.stripe_fails("/v1/checkout/sessions", "lost_reply", 3);
    let first = world.checkout("acct_a", "k1", &body).await;
    assert_eq!(first.refusal(), (503, "unavailable"));
    let made = world.stripe_id("checkout_sessions", 0);

    let origin = world.origin();
    let world = world.until("2026-11-22T15:00:00Z").await;
    // The origin of the app stays allowed.
    let world = world
        .with("ALLOWED_ORIGINS", &origin)
        .with("CHECKOUT_PROMOTION_CODES", "true");
    let world = world.restarted().await;
    let again = world
        .checkout("acct_a", "k1", &body)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(session_id(&again), made);
    assert_eq!(world.stripe_objects("checkout_sessions").len(), 1);
}

#[tokio::test]
async fn a_return_address_that_is_no_longer_allowed_opens_no_session() {
    let world = World::start().await;
    let body = world.order("pack_500k");
    world.stripe_fails("/v1/checkout/sessions", "status:503", 100);
    let first = world.checkout("acct_a", "k1", &body).await;
    assert_eq!(first.status, 503);
    world.stack.stripe.faults().clear();
    let world = world
        .with("ALLOWED_ORIGINS", "https://elsewhere.example")
        .restarted()
        .await;
    let again = world.checkout("acct_a", "k1", &body).await;
    assert_eq!(again.refusal(), (422, "url_not_allowed"));
    assert!(world.stripe_objects("checkout_sessions").is_empty());
}

#[tokio::test]
async fn concurrent_orders_of_a_new_account_make_one_customer() {
    let world = World::start().await;
    world.stripe_fails("/v1/customers", "slow:300", 1);
    let body = world.order("pack_500k");
    let keys: Vec<String> = (0..4).map(|number| format!("k{number}")).collect();
    let orders = keys.iter().map(|key| world.checkout("acct_a", key, &body));
    for page in join_all(orders).await {
        page.expect(StatusCode::CREATED);
    }
    assert_eq!(world.stripe_objects("customers").len(), 1);
}

#[tokio::test]
async fn the_placeholder_for_the_session_id_may_be_anywhere_in_the_address() {
    let world = World::start().await;
    let mut body = world.order("pack_500k");
    let way = format!("{}/orders/{{CHECKOUT_SESSION_ID}}/done", world.origin());
    body["success_url"] = json!(way);
    let page = world
        .checkout("acct_a", "k1", &body)
        .await
        .expect(StatusCode::CREATED);
    let session = session_id(&page);
    let paid = world.pay(&session, CARD).await.expect(StatusCode::OK);
    assert_eq!(
        paid.body["redirect"],
        format!("{}/orders/{session}/done", world.origin())
    );
}

#[tokio::test]
async fn a_momentary_outage_is_retried_unnoticed() {
    let world = without_webhooks().await;
    let once = |path: &str| Fault::new(path, "status:503").unwrap().times(1);
    for path in [
        "/v1/customers",
        "/v1/checkout/sessions",
        "/v1/checkout/sessions/",
    ] {
        world.stack.stripe.faults().add(once(path));
    }
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    assert_eq!(status(&world, &session).await, told("paid", "500000.000"));
}
