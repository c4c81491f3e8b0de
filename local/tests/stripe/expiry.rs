//! Checkout Sessions of the fake Stripe that the seller expires.

use serde_json::json;

use super::shop::{Shop, id};

#[tokio::test]
async fn only_an_open_session_can_be_expired() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let open = shop.order(&[("mode", "payment")]).await;
    let path = format!("/v1/checkout/sessions/{open}/expire");
    let before = shop.kinds().len();

    let expired = shop.client.post(&path, &[]).await.body;
    assert_eq!(
        (&expired["status"], &expired["url"]),
        (&json!("expired"), &json!(null))
    );
    assert_eq!(shop.kinds()[before..], ["checkout.session.expired"]);

    let again = shop.client.post(&path, &[]).await;
    assert_eq!(again.status, 400);
    let message = again.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("status in [\"open\"]"), "{message}");
    shop.buy().await;
    let paid = shop.get("/v1/checkout/sessions?status=complete").await;
    let paid = id(&paid["data"][0]["id"]);
    let path = format!("/v1/checkout/sessions/{paid}/expire");
    assert_eq!(shop.client.post(&path, &[]).await.status, 400);
    let path = "/v1/checkout/sessions/cs_test_none/expire";
    assert_eq!(shop.client.post(path, &[]).await.status, 404);
}

#[tokio::test]
async fn sessions_are_listed_by_status_and_by_subscription() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let open = shop.order(&[("mode", "subscription")]).await;
    let subscription = id(&shop.subscribe().await["id"]);
    let ids = async |query: String| -> Vec<String> {
        let list = shop.get(&format!("/v1/checkout/sessions?{query}")).await;
        let data = list["data"].as_array().unwrap().iter();
        data.map(|session| id(&session["id"])).collect()
    };

    let customer = &shop.customer;
    let by_status = ids(format!("status=open&customer={customer}")).await;
    assert_eq!(by_status, [&*open]);
    let of_it = ids(format!("subscription={subscription}")).await;
    assert_eq!(of_it.len(), 1);
    assert_ne!(of_it, [&*open]);
}
