//! Only catalogue items can be bought, and buyers return only to allowed origins.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{CARD, World};

fn with(world: &World, field: &str, value: Value) -> Value {
    let mut body = world.order("pack_500k");
    body[field] = value;
    body
}

#[tokio::test]
async fn a_client_cannot_set_amounts_sparks_or_prices() {
    let world = World::start().await;
    for field in [
        "amount",
        "unit_amount",
        "sparks",
        "price",
        "price_id",
        "currency",
        "account_id",
        "metadata",
    ] {
        let answer = world
            .checkout("acct_a", "k1", &with(&world, field, json!("1")))
            .await;
        assert_eq!(answer.refusal(), (422, "invalid_request"), "{field}");
        assert_eq!(answer.body["field"], field);
    }
    assert!(world.items("").is_empty());
    let session = world.open("acct_a", "pack_500k").await;
    let path = format!("/v1/checkout/{session}/verify");
    for body in [r#"{"sparks":"1"}"#, r#"{"amount":1}"#, "[]", "null"] {
        let answer = world
            .post(&path, Some(&world.token("acct_a")), None, body)
            .await;
        assert_eq!(answer.refusal(), (422, "invalid_request"), "{body}");
    }
    for body in ["", "{}"] {
        let answer = world
            .post(&path, Some(&world.token("acct_a")), None, body)
            .await;
        answer.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn an_invalid_order_is_refused_and_writes_nothing() {
    let world = World::start().await;
    for (field, value, code) in [
        ("item", json!("pack_1"), "unknown_item"),
        ("item", json!("free"), "unknown_item"),
        ("item", json!(""), "unknown_item"),
        ("item", json!(5), "invalid_request"),
        ("quantity", json!(0), "invalid_quantity"),
        ("quantity", json!(101), "invalid_quantity"),
        ("quantity", json!(-1), "invalid_quantity"),
        ("quantity", json!(1.5), "invalid_quantity"),
        ("quantity", json!(4_294_967_297_u64), "invalid_quantity"),
        ("quantity", json!("1"), "invalid_request"),
        (
            "success_url",
            json!("https://evil.example/"),
            "url_not_allowed",
        ),
        (
            "cancel_url",
            json!("https://evil.example/"),
            "url_not_allowed",
        ),
        ("cancel_url", json!(null), "invalid_request"),
    ] {
        let answer = world
            .checkout("acct_a", "k1", &with(&world, field, value.clone()))
            .await;
        assert_eq!(answer.refusal(), (422, code), "{field} {value}");
        assert_eq!(answer.body["field"], field, "{answer:?}");
    }
    let mut plan = world.order("plus");
    plan["quantity"] = json!(2);
    let answer = world.checkout("acct_a", "k1", &plan).await;
    assert_eq!(answer.refusal(), (422, "invalid_quantity"));
    assert!(world.items("").is_empty());
    assert!(world.stripe_objects("customers").is_empty());
}

#[tokio::test]
async fn a_checkout_needs_a_key_a_token_and_a_body() {
    let world = World::start().await;
    let (token, body) = (world.token("acct_a"), world.order("pack_500k").to_string());
    let path = "/v1/checkout";
    let no_key = world.post(path, Some(&token), None, body.clone()).await;
    assert_eq!(no_key.refusal(), (400, "idempotency_key_required"));
    let bad_key = world
        .post(path, Some(&token), Some("a b"), body.clone())
        .await;
    assert_eq!(bad_key.refusal(), (422, "invalid_request"));
    assert_eq!(world.post(path, None, Some("k1"), body).await.status, 401);
    let not_json = world.post(path, Some(&token), Some("k1"), "{").await;
    assert_eq!(not_json.refusal(), (400, "invalid_json"));
    let large = " ".repeat(65_537);
    let large = world.post(path, Some(&token), Some("k1"), large).await;
    assert_eq!(large.refusal(), (413, "body_too_large"));
}

#[tokio::test]
async fn a_service_cannot_pay_for_an_account() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    let token = world.service_token();
    let body = world.order("pack_500k").to_string();
    let checkout = world
        .post("/v1/checkout", Some(&token), Some("k1"), body)
        .await;
    assert_eq!(checkout.refusal(), (403, "service_forbidden"));
    let path = format!("/v1/checkout/{session}/verify");
    let verify = world.post(&path, Some(&token), None, "").await;
    assert_eq!(verify.refusal(), (403, "service_forbidden"));
}

#[tokio::test]
async fn another_accounts_session_or_an_unknown_one_is_not_found() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    let calls = world.stack.stripe.asked().len();
    let long = "c".repeat(200);
    for id in [
        session.as_str(),
        "cs_test_none",
        "x",
        "cs_%2F..",
        "cs_test-1",
        &long,
    ] {
        let answer = world.verify("acct_b", id).await;
        assert_eq!(answer.refusal(), (404, "session_not_found"), "{id}");
    }
    assert_eq!(world.stack.stripe.asked().len(), calls, "no call to Stripe");
    assert!(world.credits("acct_b").is_empty());
}
