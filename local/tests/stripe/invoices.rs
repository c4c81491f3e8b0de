//! Invoices of the fake Stripe: their lines, amounts and payments.

use serde_json::{Value, json};

use super::shop::{Shop, id};

/// A plan that has just been bought.
async fn plan() -> (Shop, Value) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let subscription = shop.subscribe().await;
    (shop, subscription)
}

#[tokio::test]
async fn a_plans_payment_has_no_metadata_and_leads_to_its_invoice() {
    let (shop, subscription) = plan().await;

    let payments = shop.get("/v1/payment_intents").await;
    let payment = &payments["data"][0];
    assert_eq!(payment["metadata"], json!({}));
    let path = format!(
        "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={}",
        id(&payment["id"])
    );
    let found = shop.get(&path).await;
    let found = &found["data"][0];
    assert_eq!(found["invoice"], subscription["latest_invoice"]);
    assert_eq!(found["status"], "paid");
    assert_eq!(found["amount_paid"], 2_000);
    let of_invoice = format!("/v1/invoice_payments?invoice={}", id(&found["invoice"]));
    assert_eq!(shop.get(&of_invoice).await["data"], json!([found]));
    let path = format!("/v1/invoice_payments/{}", id(&found["id"]));
    assert_eq!(shop.get(&path).await, *found);
}

#[tokio::test]
async fn an_invoice_and_its_payments_can_be_expanded() {
    let (shop, subscription) = plan().await;
    let path = format!("/v1/subscriptions/{}", id(&subscription["id"]));

    let whole = shop.get(&format!("{path}?expand[]=latest_invoice")).await;
    let invoice = id(&whole["latest_invoice"]["id"]);
    let path = format!("/v1/invoices/{invoice}?expand[]=payments");
    let payments = shop.get(&path).await["payments"].clone();
    let lines = shop.get(&format!("/v1/invoices/{invoice}/lines")).await;

    assert_eq!(payments["data"][0]["payment"]["type"], "payment_intent");
    assert_eq!(lines["data"], whole["latest_invoice"]["lines"]["data"]);
    let path = format!("/v1/invoices/{invoice}?expand[]=");
    for field in ["surprise", "payments.data", "payments.data.payment"] {
        let refused = shop.client.get(&format!("{path}{field}")).await;
        assert_eq!(refused.status, 400, "{field}");
    }
    let link = &payments["data"][0];
    let path = format!("/v1/invoice_payments/{}?expand[]=payment", id(&link["id"]));
    assert_eq!(shop.client.get(&path).await.status, 400);
    let whole = shop.get(&format!("{path}.payment_intent")).await;
    let payment = &whole["payment"]["payment_intent"];
    assert_eq!(payment["id"], link["payment"]["payment_intent"]);
}

#[tokio::test]
async fn an_invoice_may_have_any_lines_and_a_plan_any_status() {
    let (shop, subscription) = plan().await;
    let path = format!("/_local/subscriptions/{}/status", id(&subscription["id"]));

    let changed = shop.control(&path, json!({"status": "hibernating"})).await;
    let lines = json!([
        {"price": shop.yearly, "amount": 700, "proration": true, "period": {"start": 1, "end": 2}},
        {"amount": -200, "proration": true},
    ]);
    let said = json!({
        "subscription": subscription["id"], "billing_reason": "subscription_threshold", "lines": lines,
    });
    let made = shop.control("/_local/invoices", said).await;
    let free = json!({"subscription": subscription["id"], "lines": [{"amount": 0}]});
    let free = shop.control("/_local/invoices", free).await;

    assert_eq!(changed["subscription"]["status"], "hibernating");
    assert_eq!(made["invoice"]["status"], "paid");
    assert_eq!(made["invoice"]["amount_paid"], 500);
    let line = &made["invoice"]["lines"]["data"][0];
    assert_eq!(line["period"], json!({"start": 1, "end": 2}));
    assert_eq!(
        line["pricing"]["price_details"]["price"],
        json!(shop.yearly)
    );
    assert!(made["payment_intent"].is_string());
    assert_eq!(free["invoice"]["status"], "paid");
    assert_eq!(free["payment_intent"], json!(null));
}

#[tokio::test]
async fn a_discount_and_tax_are_shown_beside_the_full_price() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let coupon = [("id", "off"), ("percent_off", "20"), ("duration", "once")];
    shop.client.post("/v1/coupons", &coupon).await;
    let code = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", "off"),
        ("code", "OFF"),
    ];
    shop.client.post("/v1/promotion_codes", &code).await;
    let taxed = [
        ("mode", "subscription"),
        ("allow_promotion_codes", "true"),
        ("automatic_tax[enabled]", "true"),
        ("customer_update[address]", "auto"),
    ];
    let session = shop.order(&taxed).await;
    let card = json!({"card": "4242424242424242", "promotion_code": "OFF"});
    shop.control(&format!("/_local/checkout/{session}/pay"), card)
        .await;

    let invoice = shop.fake.state()["invoices"][0].clone();

    assert_eq!(invoice["lines"]["data"][0]["amount"], 2_000);
    assert_eq!(invoice["subtotal"], 2_000);
    assert_eq!(invoice["total"], 1_760);
    assert_eq!(invoice["amount_paid"], 1_760);
    assert_eq!(invoice["total_discount_amounts"][0]["amount"], 400);
    assert_eq!(invoice["total_taxes"][0]["amount"], 160);
}

#[tokio::test]
async fn a_test_can_falsify_an_invoice() {
    let (shop, subscription) = plan().await;
    let invoice = id(&subscription["latest_invoice"]);
    let path = format!("/v1/invoices/{invoice}");

    shop.fake.falsify(&invoice, "livemode", json!(true));
    let price = "/lines/data/0/pricing/price_details/price";
    shop.fake.falsify(&invoice, price, json!("price_no"));

    let said = shop.get(&path).await;
    assert_eq!(said["livemode"], true);
    assert_eq!(said.pointer(price), Some(&json!("price_no")));
}
