//! `sparks reconcile` compares a day of the ledger with Stripe and Langfuse. It reports every difference.

mod parked;

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::providers::langfuse::trace_id;
use tests::{CARD, METER, World};

/// Starts a world at noon, in which `acct_a` has Sparks and a Stripe customer.
async fn funded() -> World {
    let world = World::at_noon().await;
    world.grant("acct_a", "100000").await;
    world.spend("acct_a", "first", 10).await;
    world
}

/// Moves on to noon of the next day.
async fn next_day(world: World) -> World {
    world.later(SignedDuration::from_secs(24 * 3_600)).await
}

/// Returns the report of `sparks reconcile` on yesterday.
async fn report(world: &World) -> Value {
    let (report, outcome) = world.report(&["reconcile"]).await;
    assert_eq!(report["ok"], outcome.is_ok(), "{report}");
    if let Err(error) = outcome {
        assert!(matches!(error, cli::Error::NotInOrder), "{error:?}");
    }
    report
}

/// Returns the kind and id of each item that the report lists under this name.
fn listed(report: &Value, name: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = report[name].as_array().unwrap().iter();
    listed
        .map(|one| (text(&one["kind"]), text(&one["id"])))
        .collect()
}

async fn differences(world: &World) -> Vec<(String, String)> {
    listed(&report(world).await, "differences")
}

fn one(kind: &str, id: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), id.to_owned())]
}

#[tokio::test]
async fn a_day_with_every_delivery_has_no_differences() {
    let world = funded().await;
    world.spend("acct_a", "k1", 20).await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.refund(&payment, 500).await;
    let dispute = world.dispute(&payment, 500, "needs_response").await;
    world.dispute_is(&dispute, "won").await;
    world.subscribe("acct_b", "plus").await;
    let world = next_day(world).await;
    let report = report(&world).await;
    assert_eq!(report["differences"], json!([]));
    assert_eq!(report["notes"], json!([]));
    assert_eq!(report["day"], "2026-11-22");
    assert_eq!(
        report["checked"],
        json!({
            "sessions": 1, "invoices": 1, "purchases": 2, "refunds": 1, "disputes": 1, "credit_notes": 0, "reversals": 2,
            "usages": 2, "recent": 0, "hours": 1, "traces": 2,
        })
    );
    let printed = world.sparks(&["reconcile", "--day", "2026-11-22"]).await;
    assert!(printed.unwrap().starts_with("2026-11-22: 0 differences"));
    // An empty day has no differences either. A day in the future is refused.
    world
        .sparks(&["reconcile", "--day", "2026-11-20"])
        .await
        .unwrap();
    let to_come = world.sparks(&["reconcile", "--day", "2026-11-24"]).await;
    assert!(matches!(to_come, Err(cli::Error::DayToCome(_))));
}

/// Stripe knows nothing of the operator's corrections.
#[tokio::test]
async fn a_correction_by_the_operator_is_no_difference() {
    let world = funded().await;
    let grant = world.credits("acct_a").remove(0)["id"]["S"].clone();
    let reverse = ["reverse", grant.as_str().unwrap(), "--reason", "mistake"];
    world.sparks(&reverse).await.unwrap();
    let world = next_day(world).await;
    assert_eq!(differences(&world).await, vec![]);
}

/// Stripe's sums may not include a recent event yet.
#[tokio::test]
async fn deliveries_of_the_last_hour_are_not_compared() {
    let world = funded().await;
    let usage = world.spend("acct_a", "k1", 20).await;
    world.lose_meter_event(&usage).await;
    world.lose_trace(&trace_id(&usage)).await;
    let world = world.later(SignedDuration::from_secs(3_500)).await;
    let (report, outcome) = world.report(&["reconcile", "--day", "2026-11-22"]).await;
    outcome.unwrap();
    assert_eq!(
        (&report["checked"]["recent"], &report["checked"]["hours"]),
        (&json!(2), &json!(0))
    );
}

#[tokio::test]
async fn one_lost_of_two_equal_events_is_reported_with_its_hour() {
    let world = funded().await;
    let usage = world.spend("acct_a", "k1", 10).await;
    world.lose_meter_event(&usage).await;
    let world = next_day(world).await;
    let report = report(&world).await;
    assert_eq!(
        listed(&report, "differences"),
        one("meter_short", "2026-11-22T12:00:00Z")
    );
    let found = &report["differences"][0];
    assert_eq!(found["account_id"], "acct_a");
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.starts_with("the meter has 10000 milli-Sparks, and 20000 are confirmed"));
    assert!(detail.contains(&usage), "{detail}");
}

#[tokio::test]
async fn a_meter_event_of_another_sender_is_reported() {
    let world = funded().await;
    let customer = world.stripe_id("customers", 0);
    let form =
        format!("event_name=sparks_used&payload[stripe_customer_id]={customer}&payload[value]=5");
    world.post_to_stripe(METER, &form).await;
    let world = next_day(world).await;
    assert_eq!(
        differences(&world).await,
        one("meter_over", "2026-11-22T12:00:00Z")
    );
}

#[tokio::test]
async fn a_payment_without_a_webhook_is_reported_until_it_is_credited() {
    let world = funded().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let world = next_day(world).await;
    assert_eq!(
        differences(&world).await,
        one("payment_not_credited", &session)
    );
    let credited = world.sparks(&["reconcile", "--session", &session]).await;
    credited.unwrap();
    assert_eq!(differences(&world).await, []);
}

#[tokio::test]
async fn a_paid_invoice_without_a_webhook_is_reported() {
    let world = funded().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let invoice = world.stripe_id("invoices", 0);
    let world = next_day(world).await;
    let expected = one("payment_not_credited", &invoice);
    assert_eq!(differences(&world).await, expected);
}

#[tokio::test]
async fn a_credit_without_a_payment_is_reported() {
    let world = funded().await;
    let (session, _) = world.buy("acct_a", "pack_500k", "k1").await;
    world
        .stack
        .stripe
        .falsify_session(&session, "payment_status", json!("unpaid"));
    let world = next_day(world).await;
    assert_eq!(
        differences(&world).await,
        one("credit_without_payment", &session)
    );
}

#[tokio::test]
async fn refunds_and_disputes_without_a_webhook_are_reported() {
    let world = funded().await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    let failed = world.refund(&payment, 100).await;
    world.drop_webhooks();
    let refund = world.refund(&payment, 500).await;
    let dispute = world.dispute(&payment, 500, "needs_response").await;
    let inquiry = world.dispute(&payment, 500, "warning_needs_response").await;
    world.refund_is(&failed, "failed").await;
    let world = next_day(world).await;
    let mut expected = [
        one("refund_not_taken", &refund),
        one("dispute_not_taken", &dispute),
        one("not_restored", &failed),
    ]
    .concat();
    expected.sort();
    let before = world.table();
    let mut found = differences(&world).await;
    found.sort();
    assert_eq!(found, expected, "{inquiry} took nothing");
    assert_eq!(world.table(), before, "reconcile writes nothing");
}

#[tokio::test]
async fn refunds_are_read_to_the_last_page() {
    let world = funded().await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.drop_webhooks();
    let form = format!("payment_intent={payment}&amount=1");
    for _ in 0..101 {
        world.post_to_stripe("/v1/refunds", &form).await;
    }
    let world = next_day(world).await;
    let report = report(&world).await;
    assert_eq!(report["checked"]["refunds"], 101);
    assert_eq!(report["differences"].as_array().unwrap().len(), 101);
}

#[tokio::test]
async fn a_refund_of_a_plan_without_a_webhook_is_reported() {
    let world = funded().await;
    world.subscribe("acct_a", "plus").await;
    let payment = world.stripe_id("payment_intents", 0);
    world.drop_webhooks();
    let refund = world.refund(&payment, 1_000).await;
    let world = next_day(world).await;
    assert_eq!(differences(&world).await, one("refund_not_taken", &refund));
}

#[tokio::test]
async fn a_refund_of_an_uncredited_payment_is_reported_with_it() {
    for item in ["pack_500k", "plus"] {
        let world = funded().await;
        world.drop_webhooks();
        let session = world.open("acct_a", item).await;
        world.pay(&session, CARD).await.expect(StatusCode::OK);
        let stripe = world.stack.stripe.state();
        let payment = stripe["payment_intents"][0]["id"].as_str().unwrap();
        let refund = world.refund(payment, 1_000).await;
        let failed = world.refund(payment, 100).await;
        world.refund_is(&failed, "failed").await;
        let paid = stripe["invoices"][0]["id"].as_str().unwrap_or(&session);
        let world = next_day(world).await;
        let expected = [
            one("payment_not_credited", paid),
            one("refund_not_taken", &refund),
        ];
        assert_eq!(differences(&world).await, expected.concat(), "{item}");
    }
}

#[tokio::test]
async fn a_proration_payment_is_reported_with_its_refund() {
    let world = funded().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    let body = json!({
        "subscription": subscription, "billing_reason": "subscription_update",
        "lines": [{"amount": 700, "quantity": 1, "proration": true}],
    });
    let made = world.at_stripe("/_local/invoices", &body).await.body;
    let payment = made["payment_intent"].as_str().unwrap();
    let refund = world.refund(payment, 700).await;
    let world = next_day(world).await;
    let invoice = made["invoice"]["id"].as_str().unwrap();
    let expected = [
        one("payment_not_credited", invoice),
        one("refund_not_taken", &refund),
    ];
    assert_eq!(differences(&world).await, expected.concat());
}

#[tokio::test]
async fn a_trace_lost_by_langfuse_is_reported() {
    let world = funded().await;
    let usage = world.spend("acct_a", "k1", 20).await;
    world.lose_trace(&trace_id(&usage)).await;
    let world = next_day(world).await;
    assert_eq!(differences(&world).await, one("trace_missing", &usage));
}

#[tokio::test]
async fn a_pending_delivery_is_reported() {
    let world = funded().await;
    world.stripe_fails(METER, "status:500", 10);
    let usage = world.spend("acct_a", "k1", 20).await;
    let world = next_day(world).await;
    assert_eq!(differences(&world).await, one("still_pending", &usage));
}

/// Meter events stay with a deleted customer.
#[tokio::test]
async fn usage_is_compared_under_every_customer_of_the_account() {
    let world = funded().await;
    let customer = world.stripe_id("customers", 0);
    world.delete_customer(&customer).await;
    world.webhooks_settled().await;
    let mut world = world.restarted().await;
    world.spend("acct_a", "k1", 20).await;
    for _ in 0..2 {
        world = world.later(SignedDuration::from_secs(600)).await;
        world.deliver().await;
    }
    assert_eq!(world.meter_events().len(), 2);
    let world = next_day(world).await;
    assert_eq!(differences(&world).await, []);
}

#[tokio::test]
async fn an_unreadable_entry_is_reported() {
    let world = funded().await;
    let usage = world.spend("acct_a", "k1", 20).await;
    let name = format!("E#{usage}");
    let mut entry = world.items(&name).remove(0);
    entry.as_object_mut().unwrap().remove("langfuse");
    world.put_item(entry).await;
    let world = next_day(world).await;
    let found = differences(&world).await;
    assert!(
        found.contains(&("unreadable".to_owned(), name)),
        "{found:?}"
    );
}
