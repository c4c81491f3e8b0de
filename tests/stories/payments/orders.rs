//! A payment is credited as its order says. Stripe must have the same order.

use http::StatusCode;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, World};

use super::credits::{COMPLETED, event, status, without_webhooks};

#[tokio::test]
async fn the_entry_keeps_the_payment_and_the_order() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.verify("acct_a", &session).await;

    let purchase = &world.credits("acct_a")[0]["purchase"]["S"];
    let purchase: Value = serde_json::from_str(purchase.as_str().unwrap()).unwrap();
    let payment = &world.stripe_objects("payment_intents")[0];
    assert_eq!(purchase["payment_intent"], payment["id"]);
    assert_eq!(purchase["amount_paid"], 2_000);
    assert_eq!(purchase["order"]["item"], "pack_500k");
    assert_eq!(
        purchase["order"]["catalog_version"],
        shared::pricing::catalog::VERSION
    );
    assert_eq!(purchase["intent"], world.items("I#")[0]["id"]["S"]);
}

#[tokio::test]
async fn a_session_that_does_not_match_its_order_is_refused_and_recorded() {
    for (field, value) in [
        ("amount_subtotal", json!(1)),
        ("currency", json!("eur")),
        ("price", json!("price_other")),
        ("quantity", json!(2)),
        ("livemode", json!(true)),
        ("mode", json!("setup")),
        ("client_reference_id", json!("chk_other")),
    ] {
        let world = without_webhooks().await;
        let session = world.open("acct_a", "pack_500k").await;
        world.stack.stripe.falsify_session(&session, field, value);
        world.pay(&session, CARD).await;

        let verified = world.verify("acct_a", &session).await;
        let webhook = world.signed_webhook(&event(COMPLETED, &session)).await;

        assert_eq!(verified.refusal(), (409, "payment_mismatch"), "{field}");
        assert_eq!(webhook.status, 200, "{field}: a retry would not help");
        assert_eq!(world.order_status(), "refused");
        assert!(world.credits("acct_a").is_empty());
        assert_eq!(world.available("acct_a").await, "10000.000");
        let incidents = world.items("INCIDENTS");
        assert_eq!(incidents.len(), 1, "both sightings are one incident");
        let code = incidents[0]["code"]["S"].as_str().unwrap();
        assert_eq!(code, format!("mismatch_{field}"));
        let listed = world.sparks(&["doctor"]).await;
        assert_eq!(
            listed.unwrap_err().to_string(),
            "problems found (see above)"
        );
    }
}

#[tokio::test]
async fn a_refused_session_is_credited_once_it_matches_its_order() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world
        .stack
        .stripe
        .falsify_session(&session, "currency", json!("eur"));
    world.pay(&session, CARD).await;
    world.verify("acct_a", &session).await;
    world
        .stack
        .stripe
        .falsify_session(&session, "currency", json!("usd"));

    let said = world
        .sparks(&["reconcile", "--session", &session])
        .await
        .unwrap();

    let credited =
        format!("{session} of acct_a is paid: 500000.000 Sparks credited, 510000.000 available\n");
    assert_eq!(said, credited);
    assert_eq!(world.order_status(), "paid");
}

#[tokio::test]
async fn an_order_is_credited_at_the_catalogue_of_its_time() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    // This simulates an order from a time when the pack held less.
    let mut intent = world.items("I#").remove(0);
    let order = intent["order"]["S"].as_str().unwrap();
    let order = order.replace("500000.000", "400000.000");
    intent["order"]["S"] = json!(order);
    world.put_item(intent).await;

    let verified = world.verify("acct_a", &session).await;

    assert_eq!(status(&verified), ("paid", "400000.000", "410000.000"));
}

/// Makes a promotion code at Stripe.
async fn promotion(world: &World, percent: &str) {
    let coupon = format!("id=off&percent_off={percent}&duration=once");
    world.post_to_stripe("/v1/coupons", &coupon).await;
    let code = "promotion[type]=coupon&promotion[coupon]=off&code=OFF";
    world.post_to_stripe("/v1/promotion_codes", code).await;
}

#[tokio::test]
async fn discounts_and_taxes_do_not_change_what_is_credited() {
    for (percent, tax, total) in [
        ("20", "false", 1_600),
        ("20", "true", 1_760),
        ("100", "false", 0),
    ] {
        let variables = [("CHECKOUT_AUTOMATIC_TAX", tax)];
        let world = World::start_with(&variables, Clock::system()).await;
        promotion(&world, percent).await;
        let session = world.open("acct_a", "pack_500k").await;
        let body = json!({"card": CARD, "promotion_code": "off"});
        let paid = world
            .at_page(&session, "pay", body)
            .await
            .expect(StatusCode::OK);
        assert_eq!(paid.body["session"]["amount_total"], total);

        let verified = world.verified("acct_a", &session).await;

        let credited = ("paid", "500000.000", "510000.000");
        assert_eq!(status(&verified), credited, "{percent} {tax}");
    }
}
