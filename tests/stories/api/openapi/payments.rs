//! Produces every example of checkouts, verifications and webhooks.

use local::faults::Fault;
use local::stripe::signature;
use serde_json::{Value, json};
use tests::{Answer, CARD, World, session_id};

use super::OpenApi;

const CHECKOUT: (&str, &str) = ("post", "/v1/checkout");
const VERIFY: (&str, &str) = ("post", "/v1/checkout/{session_id}/verify");
const WEBHOOK: (&str, &str) = ("post", "/v1/webhooks/stripe");

/// Checks every example; returns their pointers.
pub(super) async fn examples(openapi: &OpenApi, world: &World) -> Vec<String> {
    let mut seen = checkouts(openapi, world).await;
    seen.extend(verifications(openapi, world).await);
    seen.extend(webhooks(openapi, world).await);
    seen
}

async fn checkouts(openapi: &OpenApi, world: &World) -> Vec<String> {
    let with = |field: &str, value: Value| {
        let mut body = openapi.request("/v1/checkout", "pack");
        body[field] = value;
        body
    };
    let pack = openapi.request("/v1/checkout", "pack");
    let plan = openapi.request("/v1/checkout", "plan");
    let mut seen = Vec::new();
    for (example, key, body) in [
        ("page", "pack", pack.clone()),
        ("page", "plan", plan.clone()),
        ("idempotency_key_reused", "pack", plan.clone()),
        ("unknown_item", "k", with("item", json!("pack_1"))),
        ("invalid_quantity", "k", with("quantity", json!(101))),
        ("invalid_request", "k", with("sparks", json!("1"))),
        (
            "url_not_allowed",
            "k",
            with("success_url", json!("https://evil.example/")),
        ),
    ] {
        let answer = world.checkout("acct_1", key, &body).await;
        seen.extend(openapi.check(CHECKOUT, &answer, Some(example)));
    }
    let service = world.service_token();
    let answer = world
        .post("/v1/checkout", Some(&service), Some("k"), pack.to_string())
        .await;
    seen.extend(openapi.check(CHECKOUT, &answer, Some("service_forbidden")));
    let large = " ".repeat(65_537);
    let token = world.token("acct_1");
    let answer = world
        .post("/v1/checkout", Some(&token), Some("k"), large)
        .await;
    openapi.check(CHECKOUT, &answer, None);
    seen.extend(late(openapi, world, &pack).await);
    let first = session_id(&world.checkout("acct_plan", "first", &plan).await);
    world.pay(&first, CARD).await;
    let answer = world.checkout("acct_plan", "second", &plan).await;
    seen.extend(openapi.check(CHECKOUT, &answer, Some("already_subscribed")));
    seen
}

/// Requests a Checkout Session that Stripe fails to open, and again a day later.
async fn late(openapi: &OpenApi, world: &World, pack: &Value) -> Option<String> {
    let stripe = &world.stack.stripe;
    stripe.faults().add(
        Fault::new("/v1/checkout/sessions", "status:503")
            .unwrap()
            .times(3),
    );
    let refused = world.checkout("acct_1", "late", pack).await;
    openapi.check(CHECKOUT, &refused, None);
    stripe.clock().skip(24 * 60 * 60);
    let answer = world.checkout("acct_1", "late", pack).await;
    stripe.clock().skip(-24 * 60 * 60);
    openapi.check(CHECKOUT, &answer, Some("checkout_expired"))
}

async fn verifications(openapi: &OpenApi, world: &World) -> Vec<String> {
    world.drop_webhooks();
    let mut seen = Vec::new();
    let pack = openapi.request("/v1/checkout", "pack");
    let session = session_id(&world.checkout("acct_1", "verified", &pack).await);
    let mut check =
        |answer: &Answer, example| seen.extend(openapi.check(VERIFY, answer, Some(example)));
    check(&world.verify("acct_1", &session).await, "unpaid");
    check(&world.verify("acct_2", &session).await, "session_not_found");
    world.pay(&session, CARD).await;
    world
        .stack
        .stripe
        .falsify_session(&session, "currency", json!("eur"));
    check(&world.verify("acct_1", &session).await, "payment_mismatch");
    world
        .stack
        .stripe
        .falsify_session(&session, "currency", json!("usd"));
    check(&world.verify("acct_1", &session).await, "paid");
    let path = format!("/v1/checkout/{session}/verify");
    let token = world.token("acct_1");
    let body = r#"{"amount":1}"#;
    check(
        &world.post(&path, Some(&token), None, body).await,
        "invalid_request",
    );
    seen
}

async fn webhooks(openapi: &OpenApi, world: &World) -> Vec<String> {
    // The event names a session made here, because the example's session does not exist.
    let pack = openapi.request("/v1/checkout", "pack");
    let session = session_id(&world.checkout("acct_1", "hook", &pack).await);
    let mut event = openapi.request("/v1/webhooks/stripe", "completed");
    event["data"]["object"]["id"] = json!(session);
    let body = event.to_string();
    // The world of the examples has a fixed time.
    let now = "2026-11-22T20:15:00Z".parse::<jiff::Timestamp>().unwrap();
    let sign = |body: &str| signature(&world.webhook_secret(), now.as_second(), body);
    let mut seen = Vec::new();
    let answer = world.webhook(Some(&sign(&body)), body.clone()).await;
    seen.extend(openapi.check(WEBHOOK, &answer, Some("received")));
    let answer = world.webhook(Some(&sign("{}")), body).await;
    seen.extend(openapi.check(WEBHOOK, &answer, Some("invalid_signature")));
    for body in ["{", "[]"] {
        let answer = world.webhook(Some(&sign(body)), body).await;
        openapi.check(WEBHOOK, &answer, None);
    }
    seen
}
