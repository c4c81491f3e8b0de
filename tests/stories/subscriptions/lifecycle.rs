//! A plan's life: subscribed, cancelled at the portal, renewed, ended. Its Sparks are granted and expire with it.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::process::clock::Clock;
use tests::{CARD, World};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Asserts that the account has these grants, by source and remainder in burn order.
async fn assert_grants(world: &World, expected: &[(&str, &str)]) {
    let grants = world.grants("acct_a").await;
    let grants = grants.iter();
    let grants: Vec<_> = grants.map(|(source, left)| (&**source, &**left)).collect();
    assert_eq!(grants, expected);
}

#[tokio::test]
async fn a_plan_cancelled_at_the_portal_ends_with_its_sparks() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let subscription = world.subscribe("acct_a", "plus").await;
    assert_grants(&world, &[("free", "10000.000"), ("plan", "500000.000")]).await;
    let standing = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(standing.body["status"], "active");
    assert_eq!(standing.body["plan"], "plus");
    assert_eq!(standing.body["source"], "stripe");
    assert_eq!(standing.body["cancel_at"], json!(null));
    assert_eq!(standing.body["cancel_at_period_end"], false);
    assert!(
        standing.body["current_period_end"]
            .as_str()
            .unwrap()
            .starts_with("2026-12-22T12:00:0")
    );

    let back = format!("{}/account", world.origin());
    let body = json!({"return_url": back, "flow": "subscription_cancel"});
    let portal = world.portal("acct_a", &body).await;
    let portal = portal.expect(StatusCode::CREATED).body;
    let url = portal["url"].as_str().unwrap();
    let browser = local::client::plain();
    let cancelled = browser
        .post(format!("{url}/cancel"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("subscription={subscription}"));
    let cancelled = cancelled.send().await.unwrap();
    assert_eq!(cancelled.status(), 303);
    assert_eq!(cancelled.headers()["location"], back.as_str());
    world.webhooks_settled().await;

    let standing = world.subscription("acct_a").await.body;
    assert_eq!(standing["status"], "active");
    assert_eq!(standing["cancel_at_period_end"], true);
    assert_eq!(standing["cancel_at"], standing["current_period_end"]);
    assert_eq!(standing["subscriptions"][0]["id"], subscription.as_str());

    world.spend("acct_a", "k1", 110_000).await;
    assert_grants(&world, &[("plan", "400000.000")]).await;
    let world = world.until("2026-12-22T13:00:00Z").await;
    world.renew(&subscription, "succeeded").await;
    let standing = world.subscription("acct_a").await.body;
    assert_eq!(standing["status"], "canceled");
    // The grace period of a day is not over.
    assert_grants(&world, &[("free", "10000.000"), ("plan", "400000.000")]).await;
    let world = world.until("2026-12-23T13:00:00Z").await;
    assert_grants(&world, &[("free", "10000.000")]).await;
    let expired = world.entries("acct_a");
    let expired = expired
        .iter()
        .find(|(id, _)| id.starts_with("exp#in_"))
        .unwrap();
    assert_eq!(expired.1, -400_000_000);
}

#[tokio::test]
async fn a_renewal_adds_a_grant_and_the_old_one_expires() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let world = world.until("2026-12-22T12:05:00Z").await;
    let invoice = world.renew(&subscription, "succeeded").await;
    // At Stripe, a renewal invoice's own period is the previous one.
    assert_ne!(
        invoice["period_end"],
        invoice["lines"]["data"][0]["period"]["end"]
    );
    assert_grants(
        &world,
        &[
            ("free", "10000.000"),
            ("plan", "500000.000"),
            ("plan", "500000.000"),
        ],
    )
    .await;
    world.spend("acct_a", "k1", 110_000).await;
    let world = world.until("2026-12-23T12:05:00Z").await;
    assert_grants(&world, &[("plan", "500000.000")]).await;
    assert_eq!(world.credits("acct_a").len(), 2);
}

#[tokio::test]
async fn reading_the_subscription_credits_paid_renewals_without_webhooks() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    world.drop_webhooks();
    let subscription = world.subscribe("acct_a", "plus").await;
    for _ in 0..3 {
        world.renew(&subscription, "succeeded").await;
    }
    assert_eq!(world.credits("acct_a").len(), 1);
    for _ in 0..2 {
        world.subscription("acct_a").await.expect(StatusCode::OK);
        assert_eq!(world.credits("acct_a").len(), 4);
    }
    assert_eq!(world.available("acct_a").await, "2010000.000");
}

#[tokio::test]
async fn a_credit_after_its_period_lasts_thirty_days() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    world.drop_webhooks();
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await;
    let late = at("2027-01-10T00:00:00Z");
    let world = world.at(Clock::starting_at(late)).await;
    world.verify("acct_a", &session).await;
    let token = world.token("acct_a");
    let balance = world.get("/v1/balance", Some(&token)).await.body;
    let plan = &balance["grants"][1];
    assert_eq!(plan["source"], "plan");
    let ends = at(plan["expires_at"].as_str().unwrap());
    let days = SignedDuration::from_hours(30 * 24);
    assert!(ends >= late + days && ends < late + days + SignedDuration::from_mins(5));
}

#[tokio::test]
async fn a_plan_is_verified_again_without_calling_stripe() {
    let world = World::start().await;
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    let first = world.verify("acct_a", &session).await.body;
    assert_eq!(first["sparks_credited"], "500000.000");
    assert_eq!(first["balance"]["available"], "510000.000");
    world.stripe_fails("/", "status:503", 100);
    let again = world.verify("acct_a", &session).await;
    assert_eq!(again.expect(StatusCode::OK).body, first);
}

#[tokio::test]
async fn while_stripe_is_down_the_stored_subscription_is_returned_with_its_time() {
    let world = World::start().await;
    world.subscribe("acct_a", "plus").await;
    let told = world.subscription("acct_a").await.body;
    world.stripe_fails("/v1/subscriptions", "status:503", 100);
    let stored = world.subscription("acct_a").await;
    let mut stored = stored.expect(StatusCode::OK).body;
    assert_eq!(stored["source"], "stored");
    // `as_of` is the time of the last stored change.
    assert!(stored["as_of"].as_str() <= told["as_of"].as_str());
    stored["source"] = json!("stripe");
    stored["as_of"] = told["as_of"].clone();
    assert_eq!(stored, told);

    // No subscription of `acct_b` is stored.
    let session = world.open("acct_b", "pack_125k").await;
    assert!(!session.is_empty());
    let unknown = world.subscription("acct_b").await;
    assert_eq!(unknown.refusal(), (503, "unavailable"));
}

#[tokio::test]
async fn a_failed_renewal_is_past_due_and_grants_once_it_is_paid() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.renew(&subscription, "failed").await;
    let stored = &world.item("A#acct_a", "U");
    assert!(
        stored["subscriptions"]["S"]
            .as_str()
            .unwrap()
            .contains("past_due"),
        "the webhook stored it: {stored}"
    );
    assert_eq!(
        world.subscription("acct_a").await.body["status"],
        "past_due"
    );
    assert_eq!(world.credits("acct_a").len(), 1);
    world.renew(&subscription, "succeeded").await;
    assert_eq!(world.subscription("acct_a").await.body["status"], "active");
    assert_eq!(world.credits("acct_a").len(), 2);
}

#[tokio::test]
async fn unknown_subscription_statuses_are_passed_on() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    for (status, told) in [
        ("on_holiday", "on_holiday"),
        ("incomplete_expired", "canceled"),
        ("paused", "paused"),
    ] {
        let path = format!("/_local/subscriptions/{subscription}/status");
        world.at_stripe(&path, &json!({"status": status})).await;
        assert_eq!(world.subscription("acct_a").await.body["status"], told);
    }
}

#[tokio::test]
async fn an_account_can_buy_again_after_its_customer_is_deleted() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let customer = world.items("X#")[0]["pk"]["S"].as_str().unwrap()[2..].to_owned();
    world.delete_customer(&customer).await;
    world.webhooks_settled().await;

    let standing = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(standing.body["status"], "canceled");
    assert_eq!(
        standing.body["subscriptions"][0]["id"],
        subscription.as_str()
    );
    let body = json!({"return_url": world.origin()});
    let refused = world.portal("acct_a", &body).await;
    assert_eq!(refused.refusal(), (409, "no_customer"));
    world.buy("acct_a", "pack_125k", "k2").await;
    assert_eq!(world.items("X#").len(), 2);
    // Sparks bought before the deletion are kept.
    assert_eq!(world.available("acct_a").await, "635000.000");
}

#[tokio::test]
async fn an_account_can_buy_again_if_the_webhook_of_the_deletion_is_lost() {
    let world = World::start().await;
    world.drop_webhooks();
    world.subscribe("acct_a", "plus").await;
    let customer = world.items("X#")[0]["pk"]["S"].as_str().unwrap()[2..].to_owned();
    world.delete_customer(&customer).await;
    let standing = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(standing.body["status"], "canceled");
    world.buy("acct_a", "pack_125k", "k2").await;
    assert_eq!(world.available("acct_a").await, "635000.000");
}

#[tokio::test]
async fn an_active_subscription_is_listed_before_a_cancelled_one() {
    let world = World::start().await;
    let first = world.subscribe("acct_a", "plus").await;
    world.delete_subscription(&first).await;
    world.webhooks_settled().await;
    let page = world
        .checkout("acct_a", "second", &world.order("plus"))
        .await;
    let session = tests::session_id(&page.expect(StatusCode::CREATED));
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    let standing = world.subscription("acct_a").await.body;
    let all = standing["subscriptions"].as_array().unwrap();
    let statuses: Vec<&str> = all
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        (&standing["status"], statuses),
        (&json!("active"), vec!["active", "canceled"])
    );
    // Each of them has granted its own Sparks.
    assert_eq!(world.credits("acct_a").len(), 2);
}

#[tokio::test]
async fn all_uncredited_paid_periods_are_credited_at_once() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    for _ in 0..24 {
        world.renew(&subscription, "succeeded").await;
    }
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(world.credits("acct_a").len(), 25);
}

#[tokio::test]
async fn the_first_request_of_a_month_of_any_kind_grants_the_free_sparks() {
    let app = "https://app.example.com";
    let order = json!({"item": "pack_500k", "success_url": app, "cancel_url": app});
    for path in ["subscription", "portal", "checkout"] {
        let start = Clock::starting_at(at("2026-11-22T12:00:00Z"));
        let world = World::start_with(&[("ALLOWED_ORIGINS", app)], start).await;
        world.available("acct_a").await;
        let later = Clock::starting_at(at("2026-12-02T12:00:00Z"));
        let world = world.at(later).await;
        match path {
            "subscription" => world.subscription("acct_a").await,
            "portal" => world.portal("acct_a", &json!({ "return_url": app })).await,
            _ => world.checkout("acct_a", "k1", &order).await,
        };
        let free = world.entry("free#acct_a#2026-12");
        assert_eq!(free, Some(10_000_000), "{path}");
    }
}
