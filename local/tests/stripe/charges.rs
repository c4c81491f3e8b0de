//! Charges and balance transactions of the fake Stripe, and expansion of responses.

use serde_json::json;

use super::refunds::paid;
use super::shop::id;

#[tokio::test]
async fn a_charge_names_its_balance_transaction() {
    let (shop, payment) = paid().await;
    let intent = shop.get(&format!("/v1/payment_intents/{payment}")).await;
    let path = format!("/v1/charges/{}", id(&intent["latest_charge"]));
    let charge = shop.get(&path).await;
    let transaction = id(&charge["balance_transaction"]);

    let whole = shop
        .get(&format!("{path}?expand[]=balance_transaction"))
        .await["balance_transaction"]
        .clone();
    let alone = format!("/v1/balance_transactions/{transaction}");
    assert_eq!(shop.get(&alone).await, whole);
    let list = format!("/v1/balance_transactions?source={}", id(&charge["id"]));
    assert_eq!(shop.get(&list).await["data"], json!([whole]));
    let expected = json!({
        "id": transaction,
        "object": "balance_transaction",
        "amount": 2_000,
        "available_on": charge["created"],
        "balance_type": "payments",
        "created": charge["created"],
        "currency": "usd",
        "description": format!("Payment {}", id(&charge["id"])),
        "exchange_rate": null,
        "fee": 88,
        "fee_details": [{
            "amount": 88,
            "application": null,
            "currency": "usd",
            "description": "Stripe fee",
            "type": "stripe_fee",
        }],
        "net": 1_912,
        "reporting_category": "charge",
        "source": charge["id"],
        "status": "available",
        "type": "charge",
    });
    assert_eq!(whole, expected);
}

#[tokio::test]
async fn a_payment_shows_its_expanded_charge() {
    let (shop, payment) = paid().await;
    let path = format!("/v1/payment_intents/{payment}");
    let plain = shop.get(&path).await;
    let with_charge = shop.get(&format!("{path}?expand[]=latest_charge")).await;
    let deep = format!("{path}?expand[]=latest_charge.balance_transaction");
    let with_both = shop.get(&deep).await;

    let charge = &with_charge["latest_charge"];
    assert_eq!(charge["id"], plain["latest_charge"]);
    assert!(charge["balance_transaction"].is_string());
    let transaction = &with_both["latest_charge"]["balance_transaction"];
    assert_eq!(transaction["id"], charge["balance_transaction"]);
    assert_eq!(transaction["net"], 1_912);
}

#[tokio::test]
async fn the_objects_of_a_list_are_expanded_too() {
    let (shop, payment) = paid().await;
    let body = json!({"payment_intent": payment, "status": "needs_response"});
    let dispute = shop.control("/_local/disputes", body).await;
    let path = "/v1/disputes?expand[]=data.charge.balance_transaction";
    let listed = shop.get(path).await["data"][0].clone();

    assert_eq!(listed["charge"]["id"], dispute["charge"]);
    assert_eq!(listed["charge"]["balance_transaction"]["amount"], 2_000);
}

#[tokio::test]
async fn a_field_that_cannot_be_expanded_is_refused() {
    let (shop, payment) = paid().await;
    for field in ["currency", "latest_charge.amount", "data", "nothing"] {
        let path = format!("/v1/payment_intents/{payment}?expand[]={field}");
        let refused = shop.client.get(&path).await;
        assert_eq!(refused.status, 400, "{field}");
    }
    for list in ["payment_intents", "disputes", "invoices"] {
        for field in ["data", "data."] {
            let path = format!("/v1/{list}?expand[]={field}");
            let refused = shop.client.get(&path).await;
            assert_eq!(refused.status, 400, "{path}");
            let message = refused.body["error"]["message"].as_str().unwrap();
            assert!(message.contains("cannot be expanded"), "{message}");
        }
    }
}

#[tokio::test]
async fn an_unknown_or_malformed_setting_is_refused() {
    let (shop, _) = paid().await;
    let url = format!("{}/_local/settings", shop.fake.url());
    for body in [
        json!({"nothing": true}),
        json!({"rate_limits": 5}),
        json!([]),
    ] {
        let request = local::client::plain().post(&url).body(body.to_string());
        assert_eq!(request.send().await.unwrap().status(), 400, "{body}");
    }
}
