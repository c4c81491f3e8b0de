//! Stripe's webhooks. Only signed events are read, and only the objects read from Stripe are trusted.

use http::StatusCode;
use local::faults::Fault;
use local::stripe::signature;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, World, event};

const COMPLETED: &str = "checkout.session.completed";

fn completed(session: &str) -> Value {
    event(
        "evt_1",
        COMPLETED,
        &json!({"id": session, "object": "checkout.session"}),
    )
}

/// Pays for a session whose own webhook is lost.
async fn paid() -> (World, String) {
    let world = World::start().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    (world, session)
}

#[tokio::test]
async fn a_webhook_without_a_recent_stripe_signature_is_refused_and_writes_nothing() {
    let (world, session) = paid().await;
    let (body, secret) = (completed(&session).to_string(), world.webhook_secret());
    let before = world.table();
    let now = world.now().as_second();
    let good = signature(&secret, now, &body);
    let altered = body.replace("evt_1", "evt_2");
    let other_time = good.replace(&format!("t={now}"), &format!("t={}", now - 1));
    for (header, body) in [
        (None, &body),
        (Some(String::new()), &body),
        (Some(signature("whsec_forged", now, &body)), &body),
        (Some(signature("", now, &body)), &body),
        (Some(good.clone()), &altered),
        (Some(signature(&secret, now - 301, &body)), &body),
        (Some(signature(&secret, now + 305, &body)), &body),
        (Some(other_time), &body),
        (Some(good.replace("v1=", "v0=")), &body),
    ] {
        let answer = world.webhook(header.as_deref(), body.clone()).await;
        assert_eq!(answer.refusal(), (400, "invalid_signature"), "{header:?}");
    }
    assert_eq!(world.table(), before);
    world
        .webhook(Some(&good), body)
        .await
        .expect(StatusCode::OK);
    assert_eq!(world.available("acct_a").await, "510000.000");
}

#[tokio::test]
async fn a_rolled_secret_works_beside_the_old_one() {
    let world = World::start_with(
        &[("STRIPE_WEBHOOK_SECRETS", "whsec_new,whsec_old")],
        Clock::system(),
    )
    .await;
    world.drop_webhooks();
    for (secret, account) in [("whsec_new", "acct_a"), ("whsec_old", "acct_b")] {
        let session = world.open(account, "pack_500k").await;
        world.pay(&session, CARD).await;
        let body = completed(&session).to_string();
        let header = signature(secret, world.now().as_second(), &body);
        let answer = world.webhook(Some(&header), body).await;
        assert_eq!(
            answer.expect(StatusCode::OK).body,
            json!({"received": true})
        );
        assert_eq!(world.available(account).await, "510000.000");
    }
}

#[tokio::test]
async fn the_signature_covers_the_raw_bytes() {
    let (world, session) = paid().await;
    // Reserialising the JSON would lose the spaces, the escape and the line break. The content type is not text, so the
    // gateway passes the body on in base64.
    let body = format!(
        "{{\r\n \"object\" : \"event\", \"type\":\"{COMPLETED}\",\"note\":\"Sparks \u{26a1} \\u00e9\",\
         \"data\":{{\"object\":{{\"id\":\"{session}\"}}}}}}\n"
    );
    let header = signature(&world.webhook_secret(), world.now().as_second(), &body);
    let request = local::client::plain()
        .post(format!("{}/v1/webhooks/stripe", world.origin()))
        .header("content-type", "application/octet-stream")
        .header("stripe-signature", header)
        .body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(world.available("acct_a").await, "510000.000");
}

#[tokio::test]
async fn a_body_must_be_json_of_at_most_a_mebibyte() {
    let world = World::start().await;
    let sign = |body: &str| signature(&world.webhook_secret(), world.now().as_second(), body);
    let large = " ".repeat((1 << 20) + 1);
    let answer = world.webhook(Some(&sign(&large)), large).await;
    assert_eq!(answer.refusal(), (413, "body_too_large"));
    let answer = world.webhook(Some(&sign("{")), "{").await;
    assert_eq!(answer.refusal(), (400, "invalid_json"));
}

#[tokio::test]
async fn the_session_in_the_payload_is_not_trusted() {
    let (world, session) = paid().await;
    let mut event = completed(&session);
    event["data"]["object"] = json!({
        "id": session, "payment_status": "paid", "amount_subtotal": 9_000_000, "quantity": 100,
        "metadata": {"sparks": "999999999", "sparks_intent": "chk_other", "sparks_stage": "other"},
        "client_reference_id": "chk_other", "customer": "cus_other",
    });
    world.signed_webhook(&event).await.expect(StatusCode::OK);
    assert_eq!(world.available("acct_a").await, "510000.000");

    let unpaid = world.open("acct_b", "pack_500k").await;
    let mut event = completed(&unpaid);
    event["data"]["object"]["payment_status"] = json!("paid");
    event["data"]["object"]["status"] = json!("complete");
    world.signed_webhook(&event).await.expect(StatusCode::OK);
    assert_eq!(world.available("acct_b").await, "10000.000");
}

#[tokio::test]
async fn ignored_events_are_acknowledged() {
    let (world, session) = paid().await;
    let before = world.table();
    for change in [
        json!({"type": "customer.created"}),
        json!({"type": "something.new"}),
        json!({"object": "v2.core.event", "type": "v2.core.account.updated"}),
        json!({"livemode": true}),
    ] {
        let mut event = completed(&session);
        for (name, value) in change.as_object().unwrap() {
            event[name] = value.clone();
        }
        world.signed_webhook(&event).await.expect(StatusCode::OK);
    }
    assert_eq!(world.table(), before);
}

#[tokio::test]
async fn an_event_that_fails_now_is_sent_again_by_stripe() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.stripe_fails("/v1/checkout/sessions/", "status:503", 3);
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    assert_eq!(world.deliveries(COMPLETED), [[503, 200]]);
    assert_eq!(world.available("acct_a").await, "510000.000");
    assert_eq!(world.credits("acct_a").len(), 1);
}

/// Creates a session at Stripe without `POST /v1/checkout`; returns its id.
async fn foreign(world: &World, customer: &str, metadata: &[(&str, &str)]) -> String {
    let prices = world.stripe_objects("prices");
    let price = prices.iter().find(|price| price["unit_amount"] == 2_000);
    let price = price.unwrap()["id"].as_str().unwrap();
    let mut body = format!(
        "mode=payment&line_items[0][price]={price}&success_url=https://a.example/&customer={customer}"
    );
    for (name, value) in metadata {
        body = format!("{body}&metadata[{name}]={value}");
    }
    let made = world.post_to_stripe("/v1/checkout/sessions", &body).await;
    made["id"].as_str().expect("a session").to_owned()
}

/// Creates a customer at Stripe that belongs to no account; returns its id.
async fn stranger(world: &World) -> String {
    let made = world.post_to_stripe("/v1/customers", "").await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sessions_of_other_products_or_stages_are_acknowledged_and_ignored() {
    let (world, _) = paid().await;
    let before = world.table();
    let customer = stranger(&world).await;
    let other_stage = [("sparks_stage", "production"), ("sparks_intent", "chk_1")];
    for metadata in [&[][..], &[("order", "7")], &other_stage] {
        let session = foreign(&world, &customer, metadata).await;
        world.pay(&session, CARD).await;
        let answer = world.signed_webhook(&completed(&session)).await;
        answer.expect(StatusCode::OK);
    }
    assert_eq!(world.table(), before);
}

#[tokio::test]
async fn a_session_of_ours_without_its_intent_is_not_acknowledged() {
    let (world, _) = paid().await;
    let customer = stranger(&world).await;
    let metadata = [("sparks_stage", "local"), ("sparks_intent", "chk_none")];
    let session = foreign(&world, &customer, &metadata).await;
    let answer = world.signed_webhook(&completed(&session)).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
}

#[tokio::test]
async fn an_event_that_can_never_be_processed_is_an_incident_and_acknowledged() {
    let (world, _) = paid().await;
    let ours = world.items("X#")[0]["pk"]["S"].as_str().unwrap()[2..].to_owned();
    let by_hand = foreign(&world, &ours, &[]).await;
    let half = foreign(&world, &ours, &[("sparks_stage", "local")]).await;
    for (session, code) in [
        (by_hand.as_str(), "not_made_here"),
        (&half, "metadata"),
        ("../v1/customers", "no_object_id"),
    ] {
        for _ in 0..2 {
            let answer = world.signed_webhook(&completed(session)).await;
            answer.expect(StatusCode::OK);
        }
        assert!(world.incidents().contains(&code.to_owned()), "{code}");
    }
    assert_eq!(world.incidents().len(), 3);
    let listed = world.sparks(&["doctor", "--json"]).await;
    assert!(listed.is_err());
}

#[tokio::test]
async fn a_session_unknown_to_stripe_is_an_incident_and_not_acknowledged() {
    let world = World::start().await;
    let answer = world.signed_webhook(&completed("cs_test_none")).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert_eq!(world.incidents(), ["not_there"]);
}

#[tokio::test]
async fn a_paid_session_that_was_not_stored_is_found_by_its_webhook() {
    let world = World::start().await;
    world.open("acct_a", "pack_125k").await;
    // The order is written and the session is created; then the table refuses to store the session.
    let refuse = Fault::new("TransactWriteItems", "status:400")
        .unwrap()
        .every(2);
    world.stack.dynamodb.faults().add(refuse);
    let order = world.order("pack_500k");
    let lost = world.checkout("acct_a", "k1", &order).await;
    assert_eq!(lost.refusal(), (500, "internal"));
    let sessions = world.stripe_objects("checkout_sessions");
    let session = sessions
        .iter()
        .find(|session| session["amount_subtotal"] == 2_000);
    let session = session.unwrap()["id"].as_str().unwrap();
    assert!(world.items("S#").len() == 1 && world.items("I#").len() == 2);

    world.pay(session, CARD).await;
    world.webhooks_settled().await;

    assert_eq!(world.items("S#").len(), 2);
    assert_eq!(world.available("acct_a").await, "510000.000");
    let verified = world.verify("acct_a", session).await;
    assert_eq!(verified.body["status"], "paid");
    let again = world.checkout("acct_a", "k1", &order).await;
    assert_eq!(
        (again.status, &again.body["session_id"]),
        (201, &json!(session))
    );
}
