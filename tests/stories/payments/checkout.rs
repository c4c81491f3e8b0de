//! Creates one Checkout Session per account and idempotency key.

use http::StatusCode;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, World, session_id};

fn sessions(world: &World) -> Vec<Value> {
    world.stripe_objects("checkout_sessions")
}

fn asked(world: &World, path: &str) -> usize {
    let asked = world.stack.stripe.asked();
    asked
        .iter()
        .filter(|(method, asked, _)| method == "POST" && asked == path)
        .count()
}

#[tokio::test]
async fn a_checkout_returns_a_session_at_stripe() {
    let world = World::start().await;
    let page = world
        .checkout("acct_a", "k1", &world.order("pack_500k"))
        .await
        .expect(StatusCode::CREATED);

    let session = &sessions(&world)[0];
    assert_eq!(page.body["session_id"], session["id"]);
    assert_eq!(page.body["url"], session["url"]);
    assert!(page.body["expires_at"].is_string() && !page.is_replay());
    assert_eq!(session["mode"], "payment");
    assert_eq!(session["amount_subtotal"], 2_000);
    let success = session["success_url"].as_str().unwrap();
    assert!(
        success.ends_with("/paid?session_id={CHECKOUT_SESSION_ID}"),
        "{success}"
    );
    // Only the free plan's Sparks are there: nothing is credited yet.
    assert_eq!(world.available("acct_a").await, "10000.000");
}

#[tokio::test]
async fn session_payment_and_intent_carry_the_same_id() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_125k").await;
    world.pay(&session, CARD).await;

    let intent = world.items("I#")[0]["id"]["S"].clone();
    let metadata = json!({"sparks_intent": intent, "sparks_stage": "local"});
    let session = &sessions(&world)[0];
    assert_eq!(session["client_reference_id"], intent);
    assert_eq!(session["metadata"], metadata);
    let payment = &world.stripe_objects("payment_intents")[0];
    assert_eq!(payment["metadata"], metadata);
}

#[tokio::test]
async fn a_plan_is_a_subscription_with_the_same_metadata() {
    let world = World::start().await;
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await;

    assert_eq!(sessions(&world)[0]["mode"], "subscription");
    let subscription = &world.stripe_objects("subscriptions")[0];
    assert_eq!(subscription["metadata"], sessions(&world)[0]["metadata"]);
    let verified = world.verified("acct_a", &session).await;
    assert_eq!(verified.body["status"], "paid");
    assert_eq!(verified.body["item"], "plus");
    assert_eq!(verified.body["sparks_credited"], "500000.000");
}

#[tokio::test]
async fn a_quantity_multiplies_price_and_sparks() {
    let world = World::start().await;
    let mut body = world.order("pack_500k");
    body["quantity"] = json!(3);
    let page = world.checkout("acct_a", "k1", &body).await;
    let session = session_id(&page.expect(StatusCode::CREATED));
    assert_eq!(sessions(&world)[0]["amount_subtotal"], 6_000);
    world.pay(&session, CARD).await;

    let verified = world.verify("acct_a", &session).await;

    assert_eq!(verified.body["sparks_credited"], "1500000.000");
}

#[tokio::test]
async fn the_same_key_returns_the_same_session() {
    let world = World::start().await;
    let body = world.order("pack_500k");
    let first = world.checkout("acct_a", "k1", &body).await;
    let again = world.checkout("acct_a", "k1", &body).await;

    assert_eq!((again.status, again.is_replay()), (201, true));
    assert_eq!(again.body, first.body);
    assert_eq!(asked(&world, "/v1/checkout/sessions"), 1);
    // The same key of another account is another key.
    let other = world.checkout("acct_b", "k1", &body).await;
    assert!(!other.is_replay());
    assert_eq!(sessions(&world).len(), 2);
}

#[tokio::test]
async fn the_same_key_for_another_order_is_refused_and_writes_nothing() {
    let world = World::start().await;
    world
        .checkout("acct_a", "k1", &world.order("pack_500k"))
        .await;
    let before = world.table();
    let mut quantity = world.order("pack_500k");
    quantity["quantity"] = json!(2);
    let mut url = world.order("pack_500k");
    url["cancel_url"] = json!(format!("{}/other", world.origin()));
    for body in [
        world.order("pack_125k"),
        world.order("unknown"),
        quantity,
        url,
    ] {
        let answer = world.checkout("acct_a", "k1", &body).await;
        assert_eq!(answer.refusal(), (422, "idempotency_key_reused"), "{body}");
    }
    assert_eq!(world.table(), before);
    assert_eq!(asked(&world, "/v1/checkout/sessions"), 1);
}

#[tokio::test]
async fn a_replay_succeeds_after_its_origin_is_no_longer_allowed() {
    let world = World::start().await;
    let body = world.order("pack_500k");
    let first = world.checkout("acct_a", "k1", &body).await;
    let world = world.with("ALLOWED_ORIGINS", "https://elsewhere.example");
    let world = world.restarted().await;
    let new = world.checkout("acct_a", "k2", &body).await;
    assert_eq!(new.refusal(), (422, "url_not_allowed"));

    let again = world.checkout("acct_a", "k1", &body).await;
    assert_eq!((again.status, again.is_replay()), (201, true));
    assert_eq!(again.body, first.body);
    let mut other = body;
    other["quantity"] = json!(2);
    let other = world.checkout("acct_a", "k1", &other).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn concurrent_requests_with_one_key_open_one_session() {
    let world = World::start().await;
    let body = world.order("pack_500k");
    let requests = (0..8).map(|_| world.checkout("acct_a", "k1", &body));
    let answers = futures_util::future::join_all(requests).await;

    for answer in &answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(
        answers.iter().filter(|answer| !answer.is_replay()).count(),
        1
    );
    assert_eq!(sessions(&world).len(), 1);
    assert_eq!(world.stripe_objects("customers").len(), 1);
}

#[tokio::test]
async fn a_replay_of_a_paid_or_expired_session_has_no_url() {
    let world = World::start().await;
    let paid = world.open("acct_a", "pack_500k").await;
    world.pay(&paid, CARD).await;
    world.verify("acct_a", &paid).await;
    let again = world
        .checkout("acct_a", "pack_500k", &world.order("pack_500k"))
        .await;
    assert_eq!((again.status, again.is_replay()), (201, true));
    assert_eq!(again.body["url"], json!(null));
    assert_eq!(session_id(&again), paid);

    let (order, key) = (world.order("pack_125k"), "k2");
    world.checkout("acct_a", key, &order).await;
    let later = Clock::system().now() + jiff::SignedDuration::from_hours(24);
    let world = world.at(Clock::starting_at(later)).await;
    let again = world.checkout("acct_a", key, &order).await;
    // The replay succeeds, though the order's origin is no longer allowed and the session has expired.
    assert_eq!((again.status, again.is_replay()), (201, true), "{again:?}");
    assert_eq!(again.body["url"], json!(null));
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "4000000000000002").await;
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.expect(StatusCode::OK).body["status"], "unpaid");
    let order = world.order("pack_500k");
    let again = world.checkout("acct_a", "pack_500k", &order).await;
    assert!(again.body["url"].is_string(), "{again:?}");
}

#[tokio::test]
async fn a_session_that_could_not_be_created_is_not_created_a_day_later() {
    let world = World::start().await;
    world.stripe_fails("/v1/checkout/sessions", "status:503", 3);
    let order = world.order("pack_500k");
    let refused = world.checkout("acct_a", "k1", &order).await;
    assert_eq!(refused.refusal(), (503, "unavailable"));
    assert_eq!(refused.headers["retry-after"], "1");

    world.stack.stripe.clock().skip(24 * 60 * 60);
    let late = world.checkout("acct_a", "k1", &order).await;

    assert_eq!(late.refusal(), (409, "checkout_expired"));
    assert!(sessions(&world).is_empty());
    // Another key makes another order.
    world.stack.stripe.clock().skip(-24 * 60 * 60);
    world
        .checkout("acct_a", "k2", &order)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_failure_that_stripe_stores_under_the_key_is_retried_with_a_new_key() {
    let world = World::start().await;
    for path in ["/v1/customers", "/v1/checkout/sessions"] {
        world.stripe_fails(path, "status:500", 1);
    }
    let order = world.order("pack_500k");
    let page = world.checkout("acct_a", "k1", &order).await;
    page.expect(StatusCode::CREATED);
    assert_eq!(sessions(&world).len(), 1);
    assert_eq!(world.items("X#").len(), 1);
}

#[tokio::test]
async fn a_session_that_stripe_is_still_creating_is_retried() {
    let world = World::start().await;
    // One more than the calls that the Stripe client makes by itself.
    world.stripe_fails("/v1/checkout/sessions", "status:409", 4);
    let page = world
        .checkout("acct_a", "k1", &world.order("pack_500k"))
        .await;
    page.expect(StatusCode::CREATED);
    assert_eq!(sessions(&world).len(), 1);
}

#[tokio::test]
async fn sessions_take_promotion_codes_and_taxes_as_configured() {
    let variables = [
        ("CHECKOUT_PROMOTION_CODES", "false"),
        ("CHECKOUT_AUTOMATIC_TAX", "true"),
    ];
    let world = World::start_with(&variables, Clock::system()).await;
    world.open("acct_a", "pack_500k").await;
    let session = &sessions(&world)[0];
    assert_eq!(session["allow_promotion_codes"], json!(null));
    assert_eq!(session["automatic_tax"]["enabled"], true);

    let world = World::start().await;
    world.open("acct_a", "pack_500k").await;
    let session = &sessions(&world)[0];
    assert_eq!(session["allow_promotion_codes"], true);
    assert_eq!(session["automatic_tax"]["enabled"], false);
}
