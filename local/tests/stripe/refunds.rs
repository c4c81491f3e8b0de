//! Refunds of the fake Stripe.

use serde_json::json;

use super::shop::{Shop, id};

/// Returns a shop and the id of a payment of 20 dollars.
pub(crate) async fn paid() -> (Shop, String) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let payment = shop.buy().await;
    (shop, payment)
}

#[tokio::test]
async fn a_partial_refund_is_followed_by_one_of_the_rest() {
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
    // A charge shows the sum of all refunds, not the last one.
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
async fn a_failed_refund_gives_nothing_back() {
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
async fn a_refund_can_take_days_to_succeed() {
    for (status, field) in [
        ("pending", "pending_reason"),
        ("requires_action", "next_action"),
    ] {
        let (shop, payment) = paid().await;
        let body = json!({"payment_intent": payment, "amount": 500, "status": status});
        let refund = shop.control("/_local/refunds", body).await;

        assert_eq!(refund["status"], status);
        assert!(!refund[field].is_null(), "{refund}");
        assert_eq!(refund["balance_transaction"], json!(null));
        let charge = shop
            .get(&format!("/v1/charges/{}", id(&refund["charge"])))
            .await;
        assert_eq!(charge["amount_refunded"], 500);

        shop.fake.clock().skip(3 * 24 * 60 * 60);
        let before = shop.kinds().len();
        let path = format!("/_local/refunds/{}", id(&refund["id"]));
        let ended = shop.control(&path, json!({"status": "succeeded"})).await;

        assert_eq!(shop.kinds()[before..], ["refund.updated"]);
        assert_eq!(
            (&ended["status"], &ended[field]),
            (&json!("succeeded"), &json!(null))
        );
        let path = format!(
            "/v1/balance_transactions/{}",
            id(&ended["balance_transaction"])
        );
        let moved = shop.get(&path).await;
        assert_eq!(
            (&moved["amount"], &moved["source"]),
            (&json!(-500), &refund["id"])
        );
    }
}

#[tokio::test]
async fn the_money_of_a_failed_refund_comes_back() {
    let (shop, payment) = paid().await;
    let body = json!({"payment_intent": payment, "amount": 500});
    let refund = shop.control("/_local/refunds", body).await;
    let path = format!("/_local/refunds/{}", id(&refund["id"]));
    let failed = shop.control(&path, json!({"status": "failed"})).await;

    let back = id(&failed["failure_balance_transaction"]);
    let back = shop.get(&format!("/v1/balance_transactions/{back}")).await;
    assert_eq!(
        (&back["type"], &back["net"]),
        (&json!("refund_failure"), &json!(500))
    );
}
