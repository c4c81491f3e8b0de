//! Plans of the fake Stripe: subscriptions, their invoices and payments.

use serde_json::{Value, json};

use super::shop::{Shop, day, id};

/// Buys a plan on the last day of January.
async fn plan() -> (Shop, Value) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let subscription = shop.subscribe().await;
    (shop, subscription)
}

fn period(subscription: &Value) -> (String, String) {
    let item = &subscription["items"]["data"][0];
    (
        day(&item["current_period_start"]),
        day(&item["current_period_end"]),
    )
}

#[tokio::test]
async fn a_plan_begins_with_a_paid_invoice() {
    let (shop, subscription) = plan().await;

    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["customer"], json!(shop.customer));
    assert_eq!(subscription["metadata"], json!({"k": "v"}));
    assert!(subscription.get("current_period_end").is_none());
    assert_eq!(
        period(&subscription),
        ("2027-01-31".to_owned(), "2027-02-28".to_owned())
    );
    let invoice = shop
        .get(&format!(
            "/v1/invoices/{}",
            id(&subscription["latest_invoice"])
        ))
        .await;
    assert_eq!(invoice["billing_reason"], "subscription_create");
    assert_eq!(invoice["status"], "paid");
    assert_eq!(invoice["period_start"], invoice["period_end"]);
    assert_eq!(invoice["amount_paid"], 2_000);
    assert_eq!(
        invoice["parent"]["subscription_details"],
        json!({"subscription": subscription["id"], "metadata": {"k": "v"}})
    );
    for gone in ["subscription", "payment_intent", "charge", "paid"] {
        assert!(invoice.get(gone).is_none(), "{gone}");
    }
    let line = &invoice["lines"]["data"][0];
    let item = &subscription["items"]["data"][0];
    assert_eq!(
        line["period"],
        json!({"start": item["current_period_start"], "end": item["current_period_end"]})
    );
    assert_eq!(
        line["pricing"]["price_details"]["price"],
        json!(shop.monthly)
    );
    assert!(line.get("price").is_none());
    assert_eq!(
        line["parent"]["subscription_item_details"]["subscription_item"],
        item["id"]
    );
    assert_eq!(
        shop.kinds(),
        [
            "customer.subscription.created",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
            "checkout.session.completed",
        ]
    );
}

#[tokio::test]
async fn a_renewal_pays_for_the_next_month_and_its_invoice_names_the_last_one() {
    let (shop, subscription) = plan().await;
    let path = format!("/_local/subscriptions/{}/renew", id(&subscription["id"]));
    let before = shop.kinds().len();

    let renewed = shop.control(&path, json!({})).await;

    assert_eq!(
        period(&renewed["subscription"]),
        ("2027-02-28".to_owned(), "2027-03-31".to_owned())
    );
    let invoice = &renewed["invoice"];
    assert_eq!(invoice["billing_reason"], "subscription_cycle");
    assert_eq!(day(&invoice["period_start"]), "2027-01-31");
    assert_eq!(day(&invoice["period_end"]), "2027-02-28");
    let line = &invoice["lines"]["data"][0]["period"];
    assert_eq!(day(&line["start"]), "2027-02-28");
    assert_eq!(day(&line["end"]), "2027-03-31");
    assert_eq!(
        shop.kinds()[before..],
        [
            "customer.subscription.updated",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
    );
    let path = format!(
        "/v1/invoices?subscription={}&limit=1",
        id(&subscription["id"])
    );
    let newest = shop.get(&path).await;
    assert_eq!(newest["data"], json!([invoice]));
    assert_eq!(newest["has_more"], true);
}

#[tokio::test]
async fn a_renewal_that_fails_is_paid_later() {
    let (shop, subscription) = plan().await;
    let path = format!("/_local/subscriptions/{}/renew", id(&subscription["id"]));

    let failed = shop
        .control(&path, json!({"outcome": "failed", "now": true}))
        .await;
    assert_eq!(failed["subscription"]["status"], "past_due");
    assert_eq!(failed["invoice"]["status"], "open");
    assert_eq!(failed["invoice"]["amount_remaining"], 2_000);
    let kinds = shop.kinds();
    let last = ["invoice.payment_failed", "customer.subscription.updated"];
    assert_eq!(kinds[kinds.len() - 2..], last);

    let paid = shop.control(&path, json!({"outcome": "succeeded"})).await;
    assert_eq!(paid["subscription"]["status"], "active");
    assert_eq!(paid["invoice"]["id"], failed["invoice"]["id"]);
    assert_eq!(paid["invoice"]["status"], "paid");
    let path = format!(
        "/v1/invoice_payments?invoice={}",
        id(&paid["invoice"]["id"])
    );
    let payments = shop.get(&path).await;
    assert_eq!(payments["data"].as_array().unwrap().len(), 1);
    assert_eq!(payments["data"][0]["status"], "paid");
}

#[tokio::test]
async fn a_canceled_plan_runs_to_the_end_of_its_period() {
    let (shop, subscription) = plan().await;
    let path = format!("/v1/subscriptions/{}", id(&subscription["id"]));
    let end = &subscription["items"]["data"][0]["current_period_end"];

    let form = [("cancel_at_period_end", "true")];
    let canceled = shop.client.post(&path, &form).await.body;
    assert_eq!(canceled["status"], "active");
    assert_eq!(canceled["cancel_at"], *end);
    let form = [("cancel_at_period_end", "false"), ("metadata[a]", "b")];
    let resumed = shop.client.post(&path, &form).await.body;
    assert_eq!(resumed["cancel_at"], json!(null));
    assert_eq!(resumed["metadata"], json!({"k": "v", "a": "b"}));
    let at = end.to_string();
    shop.client.post(&path, &[("cancel_at", &at)]).await;

    let renew = format!("/_local/subscriptions/{}/renew", id(&subscription["id"]));
    let ended = shop.control(&renew, json!({})).await;

    assert_eq!(ended["subscription"]["status"], "canceled");
    assert_eq!(ended["subscription"]["ended_at"], *end);
    assert_eq!(ended["invoice"], json!(null));
    assert_eq!(
        shop.kinds().last().unwrap(),
        "customer.subscription.deleted"
    );
    assert_eq!(shop.get("/v1/subscriptions").await["data"], json!([]));
    let all = shop.get("/v1/subscriptions?status=all").await;
    assert_eq!(all["data"], json!([ended["subscription"]]));
    assert_eq!(shop.client.delete(&path).await.status, 404);
    assert_eq!(shop.client.post(&path, &form).await.status, 400);
    let form = [("metadata[a]", "c")];
    assert_eq!(shop.client.post(&path, &form).await.status, 200);
}

#[tokio::test]
async fn a_new_price_is_charged_from_the_next_period_or_at_once() {
    let (shop, subscription) = plan().await;
    let dearer = shop.price("3000", "month").await;
    let path = format!("/v1/subscriptions/{}", id(&subscription["id"]));
    let item = id(&subscription["items"]["data"][0]["id"]);
    let change = async |behavior: &str, price: &str| {
        let form = [
            ("items[0][id]", item.as_str()),
            ("items[0][price]", price),
            ("proration_behavior", behavior),
        ];
        shop.client.post(&path, &form).await.body
    };

    let changed = change("none", &dearer).await;
    assert_eq!(changed["items"]["data"][0]["price"]["id"], json!(dearer));
    assert_eq!(shop.fake.state()["invoices"].as_array().unwrap().len(), 1);
    change("none", &shop.monthly).await;
    change("always_invoice", &dearer).await;

    let invoice = shop.fake.state()["invoices"][1].clone();
    assert_eq!(invoice["billing_reason"], "subscription_update");
    let lines = invoice["lines"]["data"].as_array().unwrap();
    let proration = |line: &Value| line["parent"]["subscription_item_details"]["proration"] == true;
    assert!(lines.iter().all(proration));
    assert!(lines[0]["amount"].as_i64().unwrap() < 0);
}

#[tokio::test]
async fn a_plan_is_incomplete_until_its_delayed_payment_succeeds() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let session = shop.order(&[("mode", "subscription")]).await;
    let pay = format!("/_local/checkout/{session}/pay");
    shop.control(&pay, json!({"card": "delayed"})).await;
    let state = shop.fake.state();
    assert_eq!(state["subscriptions"][0]["status"], "incomplete");
    assert_eq!(state["invoices"][0]["status"], "open");

    let settle = format!("/_local/checkout/{session}/settle");
    shop.control(&settle, json!({"outcome": "succeeded"})).await;

    let state = shop.fake.state();
    assert_eq!(state["subscriptions"][0]["status"], "active");
    assert_eq!(state["invoices"][0]["status"], "paid");
    assert_eq!(state["checkout_sessions"][0]["payment_status"], "paid");
    assert_eq!(state["payment_intents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn deleting_a_customer_cancels_its_plans() {
    let (shop, subscription) = plan().await;
    let path = format!("/v1/customers/{}", shop.customer);
    let before = shop.kinds().len();

    shop.client.delete(&path).await;

    let gone = json!({"id": shop.customer, "object": "customer", "deleted": true});
    assert_eq!(shop.get(&path).await, gone);
    let path = format!("/v1/subscriptions/{}", id(&subscription["id"]));
    assert_eq!(shop.get(&path).await["status"], "canceled");
    assert_eq!(
        shop.kinds()[before..],
        ["customer.deleted", "customer.subscription.deleted"]
    );
}
