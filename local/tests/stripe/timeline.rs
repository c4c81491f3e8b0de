//! The timeline of a renewal: drafts before payments, and each event when it happens.

use serde_json::{Value, json};

use super::shop::{Plan, Shop, id};

const HOUR: i64 = 3_600;

#[tokio::test]
async fn a_period_rolls_over_an_hour_before_it_is_charged() {
    let plan = Plan::begin().await;
    let before = plan.shop.kinds().len();

    let rolled = plan.roll_over("succeeded").await;

    let (subscription, invoice) = (&rolled["subscription"], &rolled["invoice"]);
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["latest_invoice"], invoice["id"]);
    assert_eq!(invoice["status"], "draft");
    assert_eq!(invoice["auto_advance"], true);
    assert_eq!(invoice["attempted"], false);
    let created = invoice["created"].as_i64().unwrap();
    assert_eq!(invoice["automatically_finalizes_at"], created + HOUR);
    let kinds = &plan.shop.kinds()[before..];
    assert_eq!(kinds, ["customer.subscription.updated", "invoice.created"]);
    let updated = plan.shop.event("customer.subscription.updated");
    assert_eq!(updated["data"]["object"], *subscription);
}

#[tokio::test]
async fn a_draft_is_charged_after_its_hour_and_not_before() {
    let plan = Plan::begin().await;
    let draft = plan.roll_over("succeeded").await["invoice"].clone();
    let before = plan.shop.kinds().len();

    plan.wait(HOUR - 60);
    assert_eq!(plan.shop.kinds()[before..], [""; 0]);
    plan.wait(2 * HOUR);

    assert_eq!(
        plan.shop.kinds()[before..],
        [
            "invoice.finalized",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
    );
    let paid = plan.invoice(&draft["id"]).await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["automatically_finalizes_at"], json!(null));
    // The time at which it was due, not that at which the clock was read.
    let due = draft["automatically_finalizes_at"].clone();
    assert_eq!(paid["status_transitions"]["finalized_at"], due);
    assert_eq!(paid["status_transitions"]["paid_at"], due);
    assert_eq!(plan.shop.event("invoice.paid")["created"], due);
}

#[tokio::test]
async fn a_renewal_that_fails_is_past_due_only_after_the_draft_hour() {
    let plan = Plan::begin().await;

    let rolled = plan.roll_over("failed").await;
    assert_eq!(rolled["subscription"]["status"], "active");
    plan.wait(HOUR);

    let kinds = plan.shop.kinds();
    let last = ["invoice.payment_failed", "customer.subscription.updated"];
    assert_eq!(kinds[kinds.len() - 2..], last);
    assert_eq!(plan.subscription().await["status"], "past_due");
    let invoice = plan.invoice(&rolled["invoice"]["id"]).await;
    assert_eq!(invoice["status"], "open");
    assert_eq!(invoice["attempt_count"], 1);
}

#[tokio::test]
async fn skipping_the_draft_hour_charges_an_existing_draft() {
    let plan = Plan::begin().await;
    let draft = plan.roll_over("succeeded").await["invoice"].clone();

    let body = json!({"outcome": "succeeded", "now": true});
    let renewed = plan.control("renew", body).await;

    assert_eq!(renewed["invoice"]["id"], draft["id"]);
    assert_eq!(renewed["invoice"]["status"], "paid");
}

#[tokio::test]
async fn a_setting_lets_the_clock_end_periods() {
    let plan = Plan::begin().await;
    plan.settings(json!({"periods": "clock"})).await;
    let end = plan.item()["current_period_end"].as_i64().unwrap();
    let now = plan.item()["current_period_start"].as_i64().unwrap();

    plan.wait(end - now + 2 * HOUR);

    let invoice = plan
        .invoice(&plan.subscription().await["latest_invoice"])
        .await;
    assert_eq!(invoice["created"], end);
    assert_eq!(invoice["status"], "paid");
    assert_eq!(invoice["status_transitions"]["paid_at"], end + HOUR);
}

#[tokio::test]
async fn a_pending_proration_is_an_invoice_item() {
    let plan = Plan::begin().await;
    let dearer = plan.shop.price("3000", "month").await;
    let item = id(&plan.item()["id"]);

    plan.update(&[("items[0][id]", &item), ("items[0][price]", &dearer)])
        .await;
    let invoice = plan.roll_over("succeeded").await["invoice"].clone();

    let lines = invoice["lines"]["data"].as_array().unwrap();
    assert_eq!(lines.len(), 3);
    for line in &lines[..2] {
        let parent = &line["parent"];
        assert_eq!(parent["type"], "invoice_item_details");
        assert_eq!(parent["invoice_item_details"]["proration"], true);
        let subscription = &parent["invoice_item_details"]["subscription"];
        assert_eq!(*subscription, json!(plan.id));
        assert!(id(&parent["invoice_item_details"]["invoice_item"]).starts_with("ii_"));
        assert_eq!(parent["subscription_item_details"], Value::Null);
    }
    let whole = &lines[2]["parent"]["subscription_item_details"];
    assert_eq!(whole["proration"], false);
    assert_eq!(lines[2]["amount"], 3_000);
}

#[tokio::test]
async fn a_renewal_can_have_more_lines_than_its_invoice_shows() {
    let plan = Plan::begin().await;
    for number in 0..12 {
        let form = [
            ("customer", plan.shop.customer.as_str()),
            ("subscription", &plan.id),
            ("amount", "100"),
            ("description", "Setup"),
        ];
        let made = plan.shop.client.post("/v1/invoiceitems", &form).await;
        assert_eq!(made.status, 200, "{number}: {}", made.body);
    }

    let invoice = plan.roll_over("succeeded").await["invoice"].clone();

    assert_eq!(invoice["lines"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(invoice["lines"]["has_more"], true);
    assert_eq!(invoice["total"], 2_000 + 12 * 100);
    let path = format!("/v1/invoices/{}/lines?limit=100", id(&invoice["id"]));
    let lines = plan.shop.get(&path).await["data"].clone();
    let plan_line = &lines[12]["parent"];
    assert_eq!(plan_line["type"], "subscription_item_details");
}

#[tokio::test]
async fn a_list_of_subscriptions_can_expand_the_latest_invoices() {
    let plan = Plan::begin().await;

    let path = "/v1/subscriptions?expand[]=data.latest_invoice";
    let listed = plan.shop.get(path).await;

    assert_eq!(listed["data"][0]["latest_invoice"]["status"], "paid");
}

#[tokio::test]
async fn flexible_billing_is_the_default() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;

    for (asked, expected) in [(None, "flexible"), (Some("classic"), "classic")] {
        let mut form = vec![
            ("customer", shop.customer.as_str()),
            ("items[0][price]", &shop.monthly),
        ];
        form.extend(asked.map(|mode| ("billing_mode[type]", mode)));
        let made = shop.client.post("/v1/subscriptions", &form).await.body;
        assert_eq!(made["billing_mode"]["type"], expected);
        assert_eq!(made["status"], "active");
    }
}
