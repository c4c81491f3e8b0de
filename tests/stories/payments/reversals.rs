//! Refunds and disputes claw back their Sparks, exact to the milli-Spark. They restore them if they fail or are won.

use http::StatusCode;
use serde_json::json;
use tests::{CARD, World, event, tokens};

/// Starts a world where `acct_a` bought 500,000 Sparks for $20. It spent its free ones, and `spent` of the bought ones.
/// Returns the world, the session and the payment.
async fn bought(spent: u64) -> (World, String, String) {
    let world = World::start().await;
    let (session, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.spend("acct_a", "free", 10_000).await;
    if spent > 0 {
        world.spend("acct_a", "spent", spent).await;
    }
    (world, session, payment)
}

/// <https://github.com/elizaOS/eliza/issues/10920>: a refund took nothing back at all.
#[tokio::test]
async fn a_refund_takes_its_share_back_once() {
    let (world, _, payment) = bought(0).await;
    let refund = world.refund(&payment, 500).await;
    assert_eq!(world.left("acct_a").await, "375000.000");
    assert_eq!(world.entry(&refund), Some(-125_000_000));
    for kind in ["refund.created", "refund.updated", "charge.refunded"] {
        let event = event("evt_again", kind, &json!({"id": refund}));
        world.signed_webhook(&event).await.expect(StatusCode::OK);
    }
    world.refund_is(&refund, "pending").await;
    world.refund_is(&refund, "succeeded").await;
    assert_eq!(world.left("acct_a").await, "375000.000");

    // Stripe's `amount_refunded` is cumulative; the second refund takes only its own part.
    world.refund(&payment, 1_500).await;
    assert_eq!(world.left("acct_a").await, "0.000");
}

/// <https://github.com/elizaOS/eliza/issues/10963>: spent Sparks were forgotten, or refused for good.
#[tokio::test]
async fn refunded_sparks_that_were_spent_become_a_debt_that_the_next_purchase_repays() {
    let (world, _, payment) = bought(400_000).await;
    world.refund(&payment, 2_000).await;
    assert_eq!(world.grants("acct_a").await, []);
    assert_eq!(world.available("acct_a").await, "-400000.000");
    let refused = world.record("acct_a", "k9", &tokens(10)).await;
    assert_eq!(refused.refusal(), (402, "insufficient_sparks"));

    world.buy("acct_a", "pack_500k", "k2").await;
    assert_eq!(
        world.grants("acct_a").await,
        [("pack".to_owned(), "100000.000".to_owned())]
    );
}

/// <https://github.com/elizaOS/eliza/issues/10997>: a dispute takes the money when it opens; a won one was taken twice.
#[tokio::test]
async fn a_dispute_claws_back_when_it_opens_and_no_more_when_it_is_lost() {
    let (world, _, payment) = bought(0).await;
    let dispute = world.dispute(&payment, 2_000, "needs_response").await;
    assert_eq!(world.left("acct_a").await, "0.000");
    for status in ["under_review", "lost"] {
        world.dispute_is(&dispute, status).await;
        assert_eq!(world.left("acct_a").await, "0.000", "{status}");
    }
    assert_eq!(world.entry(&dispute), Some(-500_000_000));
}

#[tokio::test]
async fn an_inquiry_takes_nothing_until_it_is_a_dispute() {
    let (world, _, payment) = bought(0).await;
    let dispute = world
        .dispute(&payment, 2_000, "warning_needs_response")
        .await;
    world.dispute_is(&dispute, "warning_under_review").await;
    assert_eq!(world.left("acct_a").await, "500000.000");
    assert_eq!(world.entry(&dispute), None);
    world.dispute_is(&dispute, "needs_response").await;
    assert_eq!(world.left("acct_a").await, "0.000");

    let (world, _, payment) = bought(0).await;
    let dispute = world
        .dispute(&payment, 2_000, "warning_needs_response")
        .await;
    world.dispute_is(&dispute, "warning_closed").await;
    assert_eq!(world.left("acct_a").await, "500000.000");
    assert_eq!(world.entry(&dispute), None);
}

/// <https://github.com/elizaOS/eliza/pull/31449>: dollars were given back instead of credits. $5 of $20 are 125,000
/// Sparks. These are restored, and repay a debt of 25,000 first.
#[tokio::test]
async fn a_won_dispute_restores_the_sparks_that_it_took_and_not_dollars() {
    let (world, _, payment) = bought(400_000).await;
    let dispute = world.dispute(&payment, 500, "needs_response").await;
    assert_eq!(world.available("acct_a").await, "-25000.000");
    world.dispute_is(&dispute, "won").await;
    world.dispute_is(&dispute, "won").await;
    let restored = world.entry(&format!("restored#{dispute}"));
    assert_eq!(restored, Some(125_000_000));
    assert_eq!(
        world.grants("acct_a").await,
        [("pack".to_owned(), "100000.000".to_owned())]
    );
}

/// Another product did not count Sparks that a won dispute restored
/// (<https://github.com/elizaOS/eliza/issues/11155>), so a later refund took too little or nothing.
#[tokio::test]
async fn a_refund_after_a_won_dispute_takes_the_restored_sparks() {
    let (world, session, payment) = bought(100_000).await;
    let dispute = world.dispute(&payment, 2_000, "needs_response").await;
    assert_eq!(world.available("acct_a").await, "-100000.000");
    world.dispute_is(&dispute, "won").await;
    assert_eq!(
        world.grants("acct_a").await,
        [("pack".to_owned(), "400000.000".to_owned())]
    );

    // The restored Sparks belong to the same purchase.
    let refund = world.refund(&payment, 2_000).await;
    assert_eq!(world.entry(&refund), Some(-500_000_000));
    assert_eq!(world.available("acct_a").await, "-100000.000");
    assert_eq!(world.sum_of_entries("acct_a"), -100_000_000);
    assert_eq!(world.entry(&session), Some(500_000_000));
}

/// A refund of $10 of $20 takes half of 500,000. A dispute of all $20 claims 500,000, but only 250,000 are left to
/// take. When the refund fails, the dispute takes over its 250,000, which is all that the dispute was short of.
#[tokio::test]
async fn a_dispute_takes_over_what_a_failed_refund_had_taken() {
    let (world, _, payment) = bought(0).await;
    let refund = world.refund(&payment, 1_000).await;
    assert_eq!(world.left("acct_a").await, "250000.000");
    let dispute = world.dispute(&payment, 2_000, "needs_response").await;
    assert_eq!(world.entry(&dispute), Some(-250_000_000));
    assert_eq!(world.left("acct_a").await, "0.000");
    world.refund_is(&refund, "failed").await;
    assert_eq!(world.entry(&format!("restored#{refund}")), Some(0));
    assert_eq!(world.left("acct_a").await, "0.000");
    // When the dispute is won, it gives back all 500,000 that it holds by now.
    world.dispute_is(&dispute, "won").await;
    assert_eq!(world.left("acct_a").await, "500000.000");
}

/// 80 % of 500,000 are spent, and 100,000 are left. A refund of $10 of $20 takes 250,000: the 100,000 that are left,
/// and 150,000 as a debt. A dispute of the other $10 takes 250,000 more: the debt is 400,000, exactly what was spent.
/// If the dispute is won, it gives back 250,000 and the debt is 150,000. If it is lost, the debt stays.
#[tokio::test]
async fn a_refund_and_a_dispute_after_spending_leave_the_exact_debt() {
    for (end, left) in [("won", "-150000.000"), ("lost", "-400000.000")] {
        let (world, _, payment) = bought(400_000).await;
        world.refund(&payment, 1_000).await;
        assert_eq!(world.left("acct_a").await, "-150000.000");
        let dispute = world.dispute(&payment, 1_000, "needs_response").await;
        assert_eq!(world.left("acct_a").await, "-400000.000");
        world.dispute_is(&dispute, end).await;
        assert_eq!(world.left("acct_a").await, left, "{end}");
    }
}

#[tokio::test]
async fn a_refund_of_an_expired_plan_takes_nothing() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    world.subscribe("acct_a", "plus").await;
    let payment = world.stripe_id("payment_intents", 0);
    let world = world.until("2027-01-05T00:00:00Z").await;
    assert_eq!(world.left("acct_a").await, "10000.000");
    let refund = world.refund(&payment, 2_000).await;
    assert_eq!(world.left("acct_a").await, "10000.000");
    assert_eq!(world.entry(&refund), Some(0));
    world.refund_is(&refund, "failed").await;
    assert_eq!(world.left("acct_a").await, "10000.000");
}

#[tokio::test]
async fn a_refund_of_a_plan_is_matched_by_its_invoice_and_takes_the_plans_sparks() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.renew(&subscription, "succeeded").await;
    let payment = world.stripe_id("payment_intents", 1);
    world.refund(&payment, 1_000).await;
    assert_eq!(world.left("acct_a").await, "760000.000");
}

#[tokio::test]
async fn a_purchase_refunded_before_its_credit_is_credited_first() {
    for item in ["pack_500k", "plus"] {
        let world = World::start().await;
        world.drop_webhooks();
        let session = world.open("acct_a", item).await;
        world.pay(&session, CARD).await;
        world.webhooks_settled().await;
        assert!(world.credits("acct_a").is_empty());
        world.stack.stripe.faults().clear();
        let payment = world.stripe_id("payment_intents", 0);
        let refund = world.refund(&payment, 1_000).await;
        assert_eq!(world.left("acct_a").await, "260000.000", "{item}");
        assert_eq!(world.entry(&refund), Some(-250_000_000));
    }
}

#[tokio::test]
async fn a_refund_of_a_purchase_that_granted_nothing_takes_nothing() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let body = json!({
        "subscription": subscription, "billing_reason": "subscription_update",
        "lines": [{"amount": 700, "quantity": 1, "proration": true}],
    });
    let made = world.at_stripe("/_local/invoices", &body).await.body;
    world.webhooks_settled().await;
    let refund = world
        .refund(made["payment_intent"].as_str().unwrap(), 700)
        .await;
    assert_eq!(world.left("acct_a").await, "510000.000");
    assert_eq!(world.entry(&refund), None);
    assert_eq!(world.deliveries("refund.created"), [[200]]);

    // A session that differs from its order granted nothing either.
    let session = world.open("acct_b", "pack_500k").await;
    world
        .stack
        .stripe
        .falsify_session(&session, "amount_subtotal", json!(1));
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    let at_stripe = format!("/v1/checkout/sessions/{session}");
    let payment = world.get_from_stripe(&at_stripe).await["payment_intent"].clone();
    let refund = world.refund(payment.as_str().unwrap(), 2_000).await;
    assert_eq!(world.deliveries("refund.created"), [[200], [200]]);
    assert_eq!(world.credits("acct_b").len(), 0);
    assert_eq!(world.entry(&refund), None);
    assert_eq!(world.items("INCIDENTS").len(), 2);
}

/// An invoice with an unknown price is not granted today, but may be later. Its refund waits until then.
#[tokio::test]
async fn a_refund_of_an_invoice_at_an_unknown_price_waits_until_the_price_is_known() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let invoice = world.renew(&subscription, "succeeded").await;
    let (id, price) = (
        invoice["id"].as_str().unwrap(),
        "/lines/data/0/pricing/price_details/price",
    );
    // This renewal was granted. The next one has a price that the functions do not know.
    assert!(world.entry(id).is_some());
    world.drop_webhooks();
    let invoice = world.renew(&subscription, "succeeded").await;
    let id = invoice["id"].as_str().unwrap();
    let known = invoice.pointer(price).unwrap().clone();
    world.stack.stripe.falsify(id, price, json!("price_new"));
    let payment = world.stripe_id("payment_intents", 2);
    let refund = world.refund(&payment, 2_000).await;
    let event = event("evt_refund", "refund.created", &json!({"id": refund}));
    world.signed_webhook(&event).await.expect(StatusCode::OK);
    assert_eq!(world.entry(&refund), None);
    assert_eq!(world.left("acct_a").await, "1010000.000");

    world.stack.stripe.falsify(id, price, known);
    world.signed_webhook(&event).await.expect(StatusCode::OK);
    assert_eq!(world.entry(id), Some(500_000_000));
    assert_eq!(world.entry(&refund), Some(-500_000_000));
    assert_eq!(world.left("acct_a").await, "1010000.000");
}

#[tokio::test]
async fn refunds_concurrent_with_their_purchases_credit_are_exact() {
    let world = World::start().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    let at_stripe = format!("/v1/checkout/sessions/{session}");
    let payment = world.get_from_stripe(&at_stripe).await["payment_intent"].clone();
    let mut events = vec![("checkout.session.completed", session.clone())];
    for _ in 0..4 {
        let refund = world.refund(payment.as_str().unwrap(), 250).await;
        events.push(("refund.created", refund));
    }
    let events: Vec<_> = events
        .iter()
        .map(|(kind, id)| event("evt_1", kind, &json!({"id": id})))
        .collect();
    let all = events
        .iter()
        .chain(&events)
        .map(|event| world.signed_webhook(event));
    for answer in futures_util::future::join_all(all).await {
        answer.expect(StatusCode::OK);
    }
    assert_eq!(world.left("acct_a").await, "260000.000");
    assert_eq!(world.entry(&session), Some(500_000_000));
    world.sparks(&["verify", "acct_a"]).await.unwrap();
}

#[tokio::test]
async fn concurrent_refunds_each_take_their_share() {
    let (world, _, payment) = bought(0).await;
    world.stripe_fails("webhooks/", "hold", 1_000);
    for _ in 0..8 {
        let form = format!("payment_intent={payment}&amount=250");
        world.post_to_stripe("/v1/refunds", &form).await;
    }
    world.stack.stripe.faults().clear();
    world
        .at_stripe("/_local/webhooks/release", &json!({}))
        .await;
    world.webhooks_settled().await;
    assert_eq!(world.left("acct_a").await, "0.000");
    let reversals = world.entries("acct_a");
    let reversals = reversals.iter().filter(|(id, _)| id.starts_with("re_"));
    assert_eq!(
        reversals.map(|(_, amount)| amount).sum::<i64>(),
        -500_000_000
    );
}

#[tokio::test]
async fn a_refund_that_fails_before_its_first_webhook_never_takes_anything() {
    let (world, _, payment) = bought(0).await;
    world.stripe_fails("webhooks/", "drop", 2);
    let refund = world.refund(&payment, 1_000).await;
    world.stack.stripe.faults().clear();
    world.refund_is(&refund, "failed").await;
    assert_eq!(world.left("acct_a").await, "500000.000");
    let stored = world.items("E#cs_");
    let noted = stored[0]["reversals"]["S"].as_str().unwrap();
    assert!(
        noted.contains(&refund),
        "the refund is stored as ended: {noted}"
    );
}

#[tokio::test]
async fn a_refund_or_dispute_unknown_to_stripe_is_an_incident_and_not_acknowledged() {
    let world = World::start().await;
    let before = world.table();
    let event = |kind: &str, id: &str| event("evt_1", kind, &json!({"id": id}));
    // Stripe may not have the object because the API key belongs to another account.
    for (kind, id) in [
        ("refund.created", "re_none"),
        ("charge.dispute.created", "dp_none"),
    ] {
        let answer = world.signed_webhook(&event(kind, id)).await;
        assert_eq!(answer.refusal(), (503, "unavailable"));
    }
    assert_eq!(world.items("INCIDENTS").len(), 2);
    assert_eq!(world.table().len(), before.len() + 2);
}
