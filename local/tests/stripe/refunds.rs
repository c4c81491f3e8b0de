//! Money of the fake Stripe that goes back: refunds and disputes.

use serde_json::{Value, json};

use super::shop::{Shop, id};

/// A payment of 20 dollars.
async fn paid() -> (Shop, String) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let payment = shop.buy().await;
    (shop, payment)
}

/// What happened from an event on, each with the status of its object.
fn happened(shop: &Shop, from: usize) -> Vec<(String, String)> {
    let state = shop.fake.state();
    let events = state["events"].as_array().unwrap().iter().skip(from);
    let said = |event: &Value| id(&event["data"]["object"]["status"]);
    events
        .map(|event| (id(&event["type"]), said(event)))
        .collect()
}

fn kinds(happened: &[(String, String)]) -> Vec<&str> {
    happened.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[tokio::test]
async fn a_refund_is_of_a_part_and_then_of_what_is_left() {
    let (shop, payment) = paid().await;
    let before = shop.kinds().len();

    let part = [
        ("payment_intent", payment.as_str()),
        ("amount", "500"),
        ("reason", "requested_by_customer"),
        ("metadata[a]", "b"),
    ];
    let first = shop.client.post("/v1/refunds", &part).await.body;
    let rest = [("charge", first["charge"].as_str().unwrap())];
    let second = shop.client.post("/v1/refunds", &rest).await.body;

    assert_eq!(
        (&first["amount"], &second["amount"]),
        (&json!(500), &json!(1_500))
    );
    assert_eq!(first["status"], "succeeded");
    assert_eq!(first["payment_intent"], json!(payment));
    let kinds = &shop.kinds()[before..];
    let each = ["refund.created", "charge.refunded"];
    assert_eq!(*kinds, [each, each].concat());
    // What a charge says was refunded is all of it, not what was refunded last.
    let state = shop.fake.state();
    let charge = &state["events"].as_array().unwrap().last().unwrap()["data"]["object"];
    assert_eq!(charge["amount_refunded"], 2_000);
    let path = format!("/v1/charges/{}", id(&first["charge"]));
    assert_eq!(shop.get(&path).await, *charge);
    assert_eq!(charge["refunded"], true);
    let path = format!("/v1/refunds?payment_intent={payment}");
    assert_eq!(shop.get(&path).await["data"], json!([second, first]));
    assert_eq!(state["refunds"], json!([first, second]));
}

#[tokio::test]
async fn no_more_is_refunded_than_was_paid() {
    let (shop, payment) = paid().await;
    let refund = |amount: &'static str| {
        let (shop, payment) = (&shop, &payment);
        async move {
            let form = [("payment_intent", payment.as_str()), ("amount", amount)];
            shop.client.post("/v1/refunds", &form).await
        }
    };

    let much = refund("2001").await;
    assert_eq!(
        (much.status, &much.body["error"]["param"]),
        (400, &json!("amount"))
    );
    assert_eq!(refund("0").await.status, 400);
    assert_eq!(refund("2000").await.status, 200);
    let again = refund("1").await;
    assert_eq!(
        (again.status, again.code()),
        (400, "charge_already_refunded")
    );
    let none = shop.client.post("/v1/refunds", &[]).await;
    assert_eq!((none.status, none.code()), (400, "parameter_missing"));
}

#[tokio::test]
async fn a_refund_that_fails_was_never_given() {
    let (shop, payment) = paid().await;
    let form = [("payment_intent", payment.as_str())];
    let refund = shop.client.post("/v1/refunds", &form).await.body;
    let before = shop.kinds().len();

    let path = format!("/_local/refunds/{}", id(&refund["id"]));
    let failed = shop.control(&path, json!({"status": "failed"})).await;

    assert_eq!(failed["status"], "failed");
    assert!(failed["failure_reason"].is_string());
    assert_eq!(shop.kinds()[before..], ["refund.updated", "refund.failed"]);
    let path = format!("/v1/charges/{}", id(&refund["charge"]));
    assert_eq!(shop.get(&path).await["amount_refunded"], 0);
    assert_eq!(shop.client.post("/v1/refunds", &form).await.status, 200);
}

#[tokio::test]
async fn a_dispute_takes_the_money_until_it_is_won() {
    let (shop, payment) = paid().await;
    let said = |status: &str| json!({"payment_intent": payment, "status": status});
    let before = shop.kinds().len();

    let made = shop
        .control("/_local/disputes", said("needs_response"))
        .await;
    let won = shop.control("/_local/disputes", said("won")).await;

    assert_eq!(made["amount"], 2_000);
    assert_eq!(made["is_charge_refundable"], false);
    assert_eq!(won["id"], made["id"]);
    let happened = happened(&shop, before);
    assert_eq!(
        kinds(&happened),
        [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]
    );
    assert_eq!(happened[4].1, "won");
    let path = format!("/v1/disputes?payment_intent={payment}");
    assert_eq!(shop.get(&path).await["data"], json!([won]));
    let path = format!("/v1/disputes/{}", id(&won["id"]));
    assert_eq!(shop.get(&path).await, won);
}

#[tokio::test]
async fn an_inquiry_takes_nothing_until_it_becomes_a_dispute() {
    let (shop, payment) = paid().await;
    let inquiry = json!({"payment_intent": payment, "status": "warning_needs_response"});
    let before = shop.kinds().len();

    let made = shop.control("/_local/disputes", inquiry).await;
    let path = format!("/_local/disputes/{}", id(&made["id"]));
    shop.control(&path, json!({"status": "warning_under_review"}))
        .await;
    shop.control(&path, json!({"status": "needs_response"}))
        .await;
    shop.control(&path, json!({"status": "lost"})).await;

    assert_eq!(
        kinds(&happened(&shop, before)),
        [
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.updated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.closed",
        ]
    );
}

#[tokio::test]
async fn a_payment_may_be_disputed_twice() {
    let (shop, payment) = paid().await;
    let open = json!({"payment_intent": payment, "status": "needs_response", "amount": 500});
    let new = json!({"payment_intent": payment, "status": "needs_response", "new": true});

    let first = shop.control("/_local/disputes", open).await;
    let second = shop.control("/_local/disputes", new).await;

    assert_eq!(first["amount"], 500);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(shop.fake.state()["disputes"], json!([first, second]));
    let refused = [("payment_intent", payment.as_str())];
    let refused = shop.client.post("/v1/refunds", &refused).await;
    assert_eq!(refused.code(), "charge_disputed");
}
