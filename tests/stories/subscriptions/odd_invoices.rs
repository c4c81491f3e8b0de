//! Unusual invoices, which are judged by their lines. A whole period of a plan is granted for every billing reason, and
//! a payment that grants nothing is an incident.

use http::StatusCode;
use serde_json::{Value, json};
use tests::World;

/// Returns a line for a whole period of the plan, with `changes` applied.
fn line(changes: &Value) -> Value {
    let mut line = json!({
        "amount": 2_000, "quantity": 1, "period": {"start": 1_700_000_000, "end": 4_000_000_000_i64},
    });
    for (field, value) in changes.as_object().unwrap() {
        line[field] = value.clone();
    }
    line
}

/// Bills a subscription at once; returns the answer of the fake's control endpoint.
async fn bill(world: &World, subscription: &str, body: &Value) -> Value {
    let mut body = body.clone();
    body["subscription"] = subscription.into();
    let made = world.at_stripe("/_local/invoices", &body).await;
    world.webhooks_settled().await;
    made.expect(StatusCode::OK).body
}

fn incidents(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value["S"].as_str().unwrap().to_owned();
    let incidents = world.items("INCIDENTS");
    incidents
        .iter()
        .map(|incident| (text(&incident["subject"]), text(&incident["code"])))
        .collect()
}

#[tokio::test]
async fn a_whole_period_is_granted_for_every_billing_reason() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let reasons = [
        "subscription_cycle",
        "subscription_update",
        "quote_accept",
        "manual",
        "subscription_threshold",
    ];
    for (number, reason) in reasons.into_iter().enumerate() {
        let body = json!({"billing_reason": reason, "lines": [line(&json!({}))]});
        bill(&world, &subscription, &body).await;
        assert_eq!(world.credits("acct_a").len(), number + 2, "{reason}");
    }
    assert_eq!(incidents(&world), []);
}

/// "Reset billing cycle" and "End trial now" in the Dashboard bill a whole period. They do so at once, as
/// `subscription_update`.
#[tokio::test]
async fn a_new_billing_anchor_and_the_end_of_a_trial_grant_the_billed_period() {
    for form in ["billing_cycle_anchor[type]=now", "trial_end=now"] {
        let world = World::start().await;
        let subscription = world.subscribe("acct_a", "plus").await;
        let path = format!("/v1/subscriptions/{subscription}");
        if form.starts_with("trial_end") {
            let end = world.now().as_second() + 86_400;
            world
                .post_to_stripe(&path, &format!("trial_end={end}"))
                .await;
        }
        world.post_to_stripe(&path, form).await;
        world.webhooks_settled().await;
        let state = world.stack.stripe.state();
        let newest = state["invoices"].as_array().unwrap().last().unwrap();
        assert_eq!(newest["billing_reason"], "subscription_update", "{form}");
        assert_eq!(newest["status"], "paid", "{form}");
        assert_eq!(world.credits("acct_a").len(), 2, "{form}");
        assert_eq!(incidents(&world), [], "{form}");
    }
}

/// A price change in the Dashboard leaves prorations. They are invoice items that wait for the renewal.
#[tokio::test]
async fn a_renewal_that_carries_prorations_is_granted() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let pending =
        |amount: i64| line(&json!({"amount": amount, "proration": true, "parent": "invoice_item"}));
    let lines = json!([pending(-1_000), pending(1_500), line(&json!({}))]);
    let body = json!({"billing_reason": "subscription_cycle", "lines": lines});
    bill(&world, &subscription, &body).await;
    assert_eq!(world.credits("acct_a").len(), 2);
    assert_eq!(incidents(&world), []);
}

#[tokio::test]
async fn a_wrong_line_is_an_incident_and_the_period_next_to_it_is_granted() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let lines = json!([line(&json!({"amount": 1_999})), line(&json!({}))]);
    let body = json!({"billing_reason": "subscription_cycle", "lines": lines});
    let made = bill(&world, &subscription, &body).await;
    assert_eq!(world.credits("acct_a").len(), 2);
    let id = made["invoice"]["id"].as_str().unwrap();
    assert_eq!(
        incidents(&world),
        [(id.to_owned(), "mismatch_line".to_owned())]
    );
    let (printed, _) = world.sparks_printing(&["doctor"]).await;
    assert!(printed.contains(id), "{printed}");
}

#[tokio::test]
async fn a_payment_that_grants_nothing_is_an_incident_and_reconcile_lists_it() {
    for (changes, code) in [
        (json!({"amount": 1_999}), "mismatch_amount"),
        (
            json!({"amount": 700, "proration": true}),
            "mismatch_proration",
        ),
        (
            json!({"amount": 700, "proration": true, "parent": "invoice_item"}),
            "mismatch_proration",
        ),
    ] {
        let world = World::start().await;
        let subscription = world.subscribe("acct_a", "plus").await;
        let body = json!({"billing_reason": "subscription_update", "lines": [line(&changes)]});
        let made = bill(&world, &subscription, &body).await;
        let id = made["invoice"]["id"].as_str().unwrap();
        assert_eq!(world.credits("acct_a").len(), 1, "{changes}");
        assert_eq!(incidents(&world), [(id.to_owned(), code.to_owned())]);
        let now = world.now();
        let day = now.strftime("%Y-%m-%d").to_string();
        let (printed, _) = world.sparks_printing(&["reconcile", "--day", &day]).await;
        assert!(printed.contains(id), "{code}: {printed}");
        // Another read finds the same incident and writes nothing.
        world.subscription("acct_a").await.expect(StatusCode::OK);
        let before = world.table();
        world.subscription("acct_a").await.expect(StatusCode::OK);
        assert_eq!(world.table(), before, "{code}");
    }
}

#[tokio::test]
async fn a_line_that_costs_nothing_is_no_incident() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    for changes in [
        json!({"amount": 0}),
        json!({"amount": -700, "proration": true}),
    ] {
        let body = json!({"billing_reason": "subscription_update", "lines": [line(&changes)]});
        bill(&world, &subscription, &body).await;
    }
    assert_eq!(world.credits("acct_a").len(), 1);
    assert_eq!(incidents(&world), []);
}

/// Stripe includes only ten lines in an invoice.
#[tokio::test]
async fn the_plans_line_is_found_behind_ten_others() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let mut lines = vec![line(&json!({"amount": -1, "proration": true})); 12];
    lines.push(line(&json!({})));
    let body = json!({"billing_reason": "subscription_cycle", "lines": lines});
    bill(&world, &subscription, &body).await;
    assert_eq!(world.credits("acct_a").len(), 2);

    // The same holds for an invoice from a list.
    world.drop_webhooks();
    bill(&world, &subscription, &body).await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(world.credits("acct_a").len(), 3);
}

/// The customer's credit balance pays $15 of $20, and the card $5. Refunding the $5 claws back a quarter.
#[tokio::test]
async fn a_refund_is_a_share_of_the_whole_invoice_and_not_of_what_the_card_paid() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let body = json!({
        "billing_reason": "subscription_cycle", "starting_balance": -1_500, "lines": [line(&json!({}))],
    });
    let made = bill(&world, &subscription, &body).await;
    assert_eq!(made["invoice"]["amount_paid"], 500, "{made}");
    let payment = made["payment_intent"].as_str().unwrap();
    let refund = world.refund(payment, 500).await;
    assert_eq!(world.entry(&refund), Some(-125_000_000));
}

/// A credit note for an open invoice makes it `paid` without payment for the period.
#[tokio::test]
async fn a_credit_note_before_the_payment_grants_nothing() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let invoice = world.renew(&subscription, "failed").await;
    let id = invoice["id"].as_str().unwrap();
    let form = format!("invoice={id}&amount=2000");
    world.post_to_stripe("/v1/credit_notes", &form).await;
    world.webhooks_settled().await;
    let path = format!("/v1/invoices/{id}");
    assert_eq!(world.get_from_stripe(&path).await["status"], "paid");
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(world.credits("acct_a").len(), 1);
    assert!(incidents(&world).is_empty());
}

/// A credit note covers $15 of $20, and the customer pays $5. Refunding the $5 claws back the whole period.
#[tokio::test]
async fn a_refund_is_a_share_of_the_amount_left_to_pay_after_credit_notes() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let invoice = world.renew(&subscription, "failed").await;
    let id = invoice["id"].as_str().unwrap();
    let form = format!("invoice={id}&amount=1500");
    world.post_to_stripe("/v1/credit_notes", &form).await;
    world.renew(&subscription, "succeeded").await;
    world.webhooks_settled().await;
    assert_eq!(world.entry(id), Some(500_000_000));
    let state = world.stack.stripe.state();
    let paid = state["invoice_payments"].as_array().unwrap().iter();
    let mut of_it = paid.filter(|one| one["invoice"] == id && one["status"] == "paid");
    let payment = &of_it.next().unwrap()["payment"]["payment_intent"];
    let refund = world.refund(payment.as_str().unwrap(), 500).await;
    assert_eq!(world.entry(&refund), Some(-500_000_000));
}
