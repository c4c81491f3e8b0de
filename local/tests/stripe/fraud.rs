//! Early fraud warnings of the fake Stripe.

use serde_json::json;

use super::refunds::paid;
use super::shop::id;

#[tokio::test]
async fn an_issuer_warns_of_a_payment() {
    let (shop, payment) = paid().await;
    let before = shop.kinds().len();
    let body = json!({"payment_intent": payment, "fraud_type": "made_with_stolen_card"});
    let warning = shop.control("/_local/early_fraud_warnings", body).await;

    let intent = shop.get(&format!("/v1/payment_intents/{payment}")).await;
    let expected = json!({
        "id": warning["id"],
        "object": "radar.early_fraud_warning",
        "actionable": true,
        "charge": intent["latest_charge"],
        "created": warning["created"],
        "fraud_type": "made_with_stolen_card",
        "livemode": false,
        "payment_intent": payment,
    });
    assert_eq!(warning, expected);
    assert_eq!(
        shop.kinds()[before..],
        ["radar.early_fraud_warning.created"]
    );
    let path = format!("/v1/radar/early_fraud_warnings/{}", id(&warning["id"]));
    assert_eq!(shop.get(&path).await, warning);
    let other = shop.buy().await;
    for (query, count) in [
        (format!("payment_intent={payment}"), 1),
        (format!("charge={}", id(&warning["charge"])), 1),
        (format!("payment_intent={other}"), 0),
        (format!("created[gt]={}", warning["created"]), 0),
    ] {
        let list = shop
            .get(&format!("/v1/radar/early_fraud_warnings?{query}"))
            .await;
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_warning_is_actionable_until_the_payment_is_refunded_or_disputed() {
    for path in ["/_local/refunds", "/_local/disputes"] {
        let (shop, payment) = paid().await;
        let body = json!({"payment_intent": payment});
        let warning = shop.control("/_local/early_fraud_warnings", body).await;
        let body = if path == "/_local/refunds" {
            json!({"payment_intent": payment})
        } else {
            json!({"payment_intent": payment, "status": "needs_response"})
        };
        shop.control(path, body).await;

        let path = format!("/v1/radar/early_fraud_warnings/{}", id(&warning["id"]));
        assert_eq!(shop.get(&path).await["actionable"], false);
    }
}
