//! Prevented disputes, other currencies, credit notes and early fraud warnings. Also reversals that stay open for
//! weeks.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{World, event};

/// Starts a world whose account has bought 500,000 Sparks for $20. It has no free ones left. Returns the payment, too.
async fn bought() -> (World, String) {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.spend("acct_a", "free", 10_000).await;
    (world, payment)
}

async fn dispute(world: &World, body: Value) -> String {
    let made = world.at_stripe("/_local/disputes", &body).await;
    world.webhooks_settled().await;
    let made = made.expect(StatusCode::OK).body;
    made["id"].as_str().unwrap().to_owned()
}

/// A resolution pays the cardholder back without a refund object; a block moves no money.
#[tokio::test]
async fn a_prevented_dispute_claws_back_only_if_the_cardholder_got_the_money() {
    for (case_type, left) in [("resolution", "0.000"), ("block", "500000.000")] {
        let (world, payment) = bought().await;
        let body =
            json!({"payment_intent": payment, "status": "prevented", "case_type": case_type});
        dispute(&world, body).await;
        assert_eq!(world.left("acct_a").await, left, "{case_type}");
    }
}

/// The dispute is over €9 of a payment of $20, which Stripe settles as $10.
#[tokio::test]
async fn a_dispute_in_another_currency_claws_back_the_share_that_it_moved() {
    let (world, payment) = bought().await;
    let body = json!({
        "payment_intent": payment, "status": "needs_response", "currency": "eur", "amount": 900, "settled": 1_000,
    });
    let id = dispute(&world, body).await;
    assert_eq!(world.entry(&id), Some(-250_000_000));
    assert_eq!(world.incidents(), [""; 0]);
}

#[tokio::test]
async fn a_dispute_of_unknown_share_claws_back_everything_and_is_an_incident() {
    let (world, payment) = bought().await;
    let settings = json!({"balance_transactions": false});
    world.control("/_local/settings", &settings).await;
    let body = json!({
        "payment_intent": payment, "status": "needs_response", "currency": "eur", "amount": 900,
    });
    let id = dispute(&world, body).await;
    assert_eq!(world.entry(&id), Some(-500_000_000));
    assert_eq!(world.incidents(), ["no_share"]);
    world.dispute_is(&id, "won").await;
    assert_eq!(world.left("acct_a").await, "500000.000");
}

/// Starts a world with a plan of $20 whose invoice is paid. Returns the invoice, too.
async fn subscribed() -> (World, String) {
    let world = World::start().await;
    world.subscribe("acct_a", "plus").await;
    world.spend("acct_a", "free", 10_000).await;
    let invoice = world.stripe_id("invoices", 0);
    (world, invoice)
}

async fn credit_note(world: &World, form: &str) -> String {
    let made = world.post_to_stripe("/v1/credit_notes", form).await;
    world.webhooks_settled().await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_credit_note_to_the_customers_balance_takes_its_share_once() {
    let (world, invoice) = subscribed().await;
    let form = format!("invoice={invoice}&amount=500&credit_amount=500");
    let id = credit_note(&world, &form).await;
    assert_eq!(world.entry(&id), Some(-125_000_000));
    for event in world.events("credit_note.created") {
        let path = format!("/_local/webhooks/{event}/redeliver");
        world.at_stripe(&path, &json!({})).await;
    }
    world.webhooks_settled().await;
    assert_eq!(world.left("acct_a").await, "375000.000");
    // Voiding the credit note restores the Sparks that it took.
    let path = format!("/_local/credit_notes/{id}/void");
    world.control(&path, &json!({})).await;
    world.webhooks_settled().await;
    assert_eq!(world.left("acct_a").await, "500000.000");
}

#[tokio::test]
async fn a_credit_note_that_is_a_refund_takes_its_share_under_the_refunds_id() {
    let (world, invoice) = subscribed().await;
    let form = format!("invoice={invoice}&amount=1000&refund_amount=500&credit_amount=500");
    let id = credit_note(&world, &form).await;
    assert_eq!(world.entry(&id), Some(-125_000_000));
    let refund = world.stripe_id("refunds", 0);
    assert_eq!(world.entry(&refund), Some(-125_000_000));
    assert_eq!(world.left("acct_a").await, "250000.000");

    let form = format!("invoice={invoice}&amount=500&refund_amount=500");
    let id = credit_note(&world, &form).await;
    assert_eq!(world.entry(&id), None, "all of it is a refund");
    assert_eq!(world.left("acct_a").await, "125000.000");
}

#[tokio::test]
async fn an_early_fraud_warning_is_an_incident_and_takes_nothing() {
    let (world, payment) = bought().await;
    let body = json!({"payment_intent": payment});
    world.control("/_local/early_fraud_warnings", &body).await;
    world.webhooks_settled().await;
    assert_eq!(world.incidents(), ["early_fraud_warning"]);
    assert_eq!(world.items("INCIDENTS")[0]["account_seen"]["S"], "acct_a");
    assert_eq!(world.left("acct_a").await, "500000.000");
    assert_eq!(
        world.deliveries("radar.early_fraud_warning.created"),
        [[200]]
    );
}

/// The dispute ends weeks after it was opened. The events of its end are lost.
#[tokio::test]
async fn a_dispute_that_is_won_after_weeks_is_restored_though_its_events_are_lost() {
    let (world, payment) = bought().await;
    let id = world.dispute(&payment, 2_000, "needs_response").await;
    assert_eq!(world.left("acct_a").await, "0.000");
    world.drop_webhooks();
    let mut world = world.later(SignedDuration::from_hours(21 * 24)).await;
    world.dispute_is(&id, "won").await;
    for _ in 0..2 {
        world = world.later(SignedDuration::from_hours(13)).await;
        world.deliver().await;
    }
    // A new month has begun, with its free Sparks.
    assert_eq!(world.left("acct_a").await, "510000.000");
    // The dispute is final, so the outbox no longer checks it.
    let world = world.later(SignedDuration::from_hours(48)).await;
    assert_eq!(world.deliver().await["reversals"], 0);
}

#[tokio::test]
async fn a_pending_refund_and_an_inquiry_are_checked_daily_until_they_end() {
    let (world, payment) = bought().await;
    let body = json!({"payment_intent": payment, "amount": 1_000, "status": "pending"});
    let refund = world.control("/_local/refunds", &body).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.webhooks_settled().await;
    let (other, second) = world.buy("acct_a", "pack_125k", "k2").await;
    let inquiry = world.dispute(&second, 500, "warning_needs_response").await;
    assert_eq!(world.left("acct_a").await, "375000.000", "{other}");
    world.drop_webhooks();
    let world = world.later(SignedDuration::from_hours(25)).await;
    assert_eq!(world.deliver().await["reversals"], 2);
    world.refund_is(&refund, "failed").await;
    world.dispute_is(&inquiry, "needs_response").await;
    let world = world.later(SignedDuration::from_hours(25)).await;
    assert_eq!(world.deliver().await["reversals"], 2);
    assert_eq!(world.left("acct_a").await, "500000.000");
    let world = world.later(SignedDuration::from_hours(25)).await;
    assert_eq!(world.deliver().await["reversals"], 1, "the dispute");
}

/// The event is acknowledged: refusing it for three days would count against the webhook endpoint.
#[tokio::test]
async fn a_refund_of_an_ungranted_invoice_waits_for_the_grant() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    let invoice = world.renew(&subscription, "succeeded").await;
    let (id, price) = (
        invoice["id"].as_str().unwrap(),
        "/lines/data/0/pricing/price_details/price",
    );
    let known = invoice.pointer(price).unwrap().clone();
    world.stack.stripe.falsify(id, price, json!("price_new"));
    let payment = world.stripe_objects("payment_intents").pop().unwrap()["id"].clone();
    let refund = world.refund(payment.as_str().unwrap(), 2_000).await;
    let event = event("evt_refund", "refund.created", &json!({"id": refund}));
    world.signed_webhook(&event).await.expect(StatusCode::OK);
    assert_eq!(world.entry(&refund), None);
    world.stack.stripe.falsify(id, price, known);
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    assert_eq!(world.entry(id), Some(500_000_000));
    assert_eq!(world.entry(&refund), Some(-500_000_000));
}

/// A bank returns the money of a refund weeks after it succeeded. The events of that are lost.
#[tokio::test]
async fn a_refund_that_fails_after_it_succeeded_is_restored_though_its_events_are_lost() {
    let (world, payment) = bought().await;
    let refund = world.refund(&payment, 2_000).await;
    assert_eq!(world.left("acct_a").await, "0.000");
    world.drop_webhooks();
    let mut world = world.later(SignedDuration::from_hours(20 * 24)).await;
    world.deliver().await;
    world.refund_is(&refund, "failed").await;
    world = world.later(SignedDuration::from_hours(7 * 24 + 1)).await;
    world.deliver().await;
    assert_eq!(
        world.entry(&format!("restored#{refund}")),
        Some(500_000_000)
    );
    let world = world.later(SignedDuration::from_hours(14 * 24)).await;
    assert_eq!(world.deliver().await["reversals"], 0, "it is final");
}

/// A part of an open invoice is paid and refunded. Later the rest is paid, and the period granted.
#[tokio::test]
async fn a_refund_of_a_part_payment_is_taken_once_its_invoice_is_paid() {
    let clock = Clock::starting_at("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[], clock).await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let invoice = world.renew(&subscription, "failed").await;
    let id = invoice["id"].as_str().unwrap();
    let path = format!("/_local/invoices/{id}/pay");
    let part = world.control(&path, &json!({"amount": 1_000})).await["payment_intent"].clone();
    let refund = world.refund(part.as_str().unwrap(), 1_000).await;
    assert_eq!(world.entry(&refund), None);

    let rest = json!({"amount": 1_000});
    world.control(&path, &rest).await;
    world.webhooks_settled().await;
    assert_eq!(world.entry(id), Some(500_000_000));
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    assert_eq!(world.entry(&refund), Some(-250_000_000));
}

#[tokio::test]
async fn an_early_fraud_warning_before_the_credit_is_an_incident() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.stripe_fails("webhooks/invoice", "drop", 1_000);
    world.renew(&subscription, "succeeded").await;
    let payment = world.stripe_objects("payment_intents").pop().unwrap()["id"].clone();
    let body = json!({"payment_intent": payment});
    world.control("/_local/early_fraud_warnings", &body).await;
    world.webhooks_settled().await;
    assert_eq!(world.incidents(), ["early_fraud_warning"]);
}

/// The previous item version stores nothing new. Credit notes take nothing, and no reversal is followed.
#[tokio::test]
async fn with_item_version_2_nothing_new_is_stored() {
    let clock = Clock::starting_at("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[("ITEM_VERSION", "2")], clock).await;
    world.subscribe("acct_a", "plus").await;
    let state = world.stack.stripe.state();
    let (invoice, payment) = (
        &state["invoices"][0]["id"],
        &state["payment_intents"][0]["id"],
    );
    let form = format!(
        "invoice={}&amount=500&credit_amount=500",
        invoice.as_str().unwrap()
    );
    let id = credit_note(&world, &form).await;
    assert_eq!(world.entry(&id), None);
    world
        .dispute(payment.as_str().unwrap(), 500, "needs_response")
        .await;
    assert_eq!(world.items("D#"), [json!(null); 0]);
}
