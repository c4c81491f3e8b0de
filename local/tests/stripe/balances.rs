//! Balances of customers, and partial payments of invoices.

use serde_json::{Value, json};

use super::shop::{Plan, id};

/// Gives the customer a balance; below zero it is a credit.
async fn give(plan: &Plan, amount: i64) {
    let path = format!("/v1/customers/{}/balance_transactions", plan.shop.customer);
    let amount = amount.to_string();
    let form = [
        ("amount", amount.as_str()),
        ("currency", "usd"),
        ("description", "A gift"),
    ];
    let made = plan.shop.client.post(&path, &form).await;
    assert_eq!(made.status, 200, "{}", made.body);
}

async fn balance(plan: &Plan) -> Value {
    let path = format!("/v1/customers/{}", plan.shop.customer);
    plan.shop.get(&path).await["balance"].clone()
}

async fn payments(plan: &Plan, invoice: &Value) -> Vec<Value> {
    let path = format!("/v1/invoice_payments?invoice={}", id(invoice));
    let listed = plan.shop.get(&path).await;
    listed["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn finalization_applies_the_customers_balance() {
    // The balance before, the amount due, which is also paid, and the balance after.
    for (balance_before, due, ending) in [
        (0, 2_000, 0),
        (-1_500, 500, 0),
        (-2_000, 0, 0),
        (-2_500, 0, -500),
        (300, 2_300, 0),
    ] {
        let plan = Plan::begin().await;
        let draft = plan.roll_over("succeeded").await["invoice"].clone();
        give(&plan, balance_before).await;
        let waiting = plan.invoice(&draft["id"]).await;
        assert_eq!(waiting["starting_balance"], balance_before);
        assert_eq!(waiting["ending_balance"], json!(null));

        plan.wait(3_600);

        let paid = plan.invoice(&draft["id"]).await;
        assert_eq!(paid["status"], "paid");
        assert_eq!(paid["total"], 2_000);
        assert_eq!(paid["starting_balance"], balance_before);
        assert_eq!(paid["ending_balance"], ending);
        assert_eq!(paid["amount_due"], due);
        assert_eq!(paid["amount_paid"], due);
        assert_eq!(paid["amount_remaining"], 0);
        assert_eq!(balance(&plan).await, ending);
        let expected = usize::from(due > 0);
        assert_eq!(payments(&plan, &draft["id"]).await.len(), expected);
    }
}

#[tokio::test]
async fn voiding_an_invoice_restores_the_balance() {
    let plan = Plan::begin().await;
    give(&plan, -500).await;
    let body = json!({"outcome": "failed", "now": true});
    let open = plan.control("renew", body).await["invoice"].clone();
    assert_eq!(open["amount_due"], 1_500);
    assert_eq!(balance(&plan).await, 0);

    let path = format!("/v1/invoices/{}/void", id(&open["id"]));
    plan.shop.client.post(&path, &[]).await;

    assert_eq!(balance(&plan).await, -500);
    let path = format!("/v1/customers/{}/balance_transactions", plan.shop.customer);
    let listed = plan.shop.get(&path).await;
    let listed = listed["data"].as_array().unwrap();
    let kinds: Vec<_> = listed.iter().map(|one| id(&one["type"])).collect();
    let expected = ["unapplied_from_invoice", "applied_to_invoice", "adjustment"];
    assert_eq!(kinds, expected);
    assert_eq!(listed[1]["amount"], 500);
    assert_eq!(listed[1]["ending_balance"], 0);
}

#[tokio::test]
async fn a_test_can_set_the_starting_balance_of_an_invoice() {
    let plan = Plan::begin().await;

    let body = json!({
        "subscription": plan.id, "billing_reason": "quote_accept", "starting_balance": -1_500,
        "lines": [{"amount": 2_000}],
    });
    let made = plan.shop.control("/_local/invoices", body).await;

    assert_eq!(made["invoice"]["billing_reason"], "quote_accept");
    assert_eq!(made["invoice"]["total"], 2_000);
    assert_eq!(made["invoice"]["amount_paid"], 500);
}

#[tokio::test]
async fn a_test_can_set_the_parent_of_a_line() {
    let plan = Plan::begin().await;

    let line = json!({"amount": -200, "proration": true, "parent": "invoice_item"});
    let body = json!({"subscription": plan.id, "lines": [line, {"amount": 2_000}]});
    let made = plan.shop.control("/_local/invoices", body).await;

    let lines = &made["invoice"]["lines"]["data"];
    assert_eq!(
        lines[0]["parent"]["invoice_item_details"]["proration"],
        true
    );
    assert_eq!(lines[1]["parent"]["type"], "subscription_item_details");
}

#[tokio::test]
async fn an_invoice_may_be_paid_in_parts() {
    let plan = Plan::begin().await;
    let body = json!({"outcome": "failed", "now": true});
    let open = plan.control("renew", body).await["invoice"].clone();
    let pay = format!("/_local/invoices/{}/pay", id(&open["id"]));

    let part = plan.shop.control(&pay, json!({"amount": 500})).await;
    assert_eq!(part["invoice"]["status"], "open");
    assert_eq!(part["invoice"]["amount_paid"], 500);
    assert_eq!(part["invoice"]["amount_remaining"], 1_500);
    let waiting = payments(&plan, &open["id"]).await;
    let shown = |one: &Value| (one["status"].clone(), one["amount_requested"].clone());
    assert_eq!(shown(&waiting[0]), (json!("paid"), json!(500)));
    assert_eq!(shown(&waiting[1]), (json!("open"), json!(1_500)));

    let rest = plan.shop.control(&pay, json!({"amount": 1_500})).await;

    assert_eq!(rest["invoice"]["status"], "paid");
    assert_eq!(rest["invoice"]["amount_remaining"], 0);
    assert_eq!(plan.subscription().await["status"], "active");
    let done = payments(&plan, &open["id"]).await;
    let paid = |one: &Value| (one["status"].clone(), one["amount_paid"].clone());
    assert_eq!(paid(&done[0]), (json!("paid"), json!(1_500)));
    assert_eq!(paid(&done[1]), (json!("paid"), json!(500)));
    assert_eq!(paid(&done[2]), (json!("canceled"), json!(null)));
    assert_eq!(done[2]["is_default"], true);
}

#[tokio::test]
async fn a_retry_charges_the_rest_of_an_invoice_to_the_card() {
    let plan = Plan::begin().await;
    let body = json!({"outcome": "failed", "now": true});
    let open = plan.control("renew", body).await["invoice"].clone();
    let pay = format!("/_local/invoices/{}/pay", id(&open["id"]));
    plan.shop.control(&pay, json!({"amount": 500})).await;
    plan.control("card", json!({"outcome": "succeeded"})).await;

    plan.wait(3 * 24 * 3_600);

    let paid = plan.invoice(&open["id"]).await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["amount_paid"], 2_000);
    let amounts = payments(&plan, &open["id"]).await;
    let amounts: Vec<_> = amounts.iter().map(|one| &one["amount_paid"]).collect();
    assert_eq!(amounts, [&json!(500), &json!(1_500)]);
}
