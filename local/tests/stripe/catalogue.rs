//! Products, prices, coupons and portal configurations of the fake Stripe.

use serde_json::json;

use super::client::{Client, fake};

#[tokio::test]
async fn a_lookup_key_belongs_to_one_price_and_moves_on_request() {
    let fake = fake().await;
    let client = Client::of(&fake);
    client
        .post("/v1/products", &[("id", "p"), ("name", "P")])
        .await;
    let price = |amount: &'static str, transfer: &'static str| {
        [
            ("currency", "usd"),
            ("unit_amount", amount),
            ("product", "p"),
            ("lookup_key", "k"),
            ("transfer_lookup_key", transfer),
        ]
    };
    let first = client.post("/v1/prices", &price("100", "false")).await.body;
    let refused = client.post("/v1/prices", &price("200", "false")).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "resource_already_exists")
    );
    let second = client.post("/v1/prices", &price("200", "true")).await.body;
    let found = client.get("/v1/prices?lookup_keys[]=k").await.body;
    assert_eq!(found["data"], json!([second]));
    let path = format!("/v1/prices/{}", first["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.body["lookup_key"], json!(null));
    let changed = client.post(&path, &[("active", "false")]).await.body;
    assert_eq!(
        (&changed["active"], &changed["unit_amount"]),
        (&json!(false), &json!(100))
    );
    let fixed = client.post(&path, &[("unit_amount", "5")]).await;
    assert_eq!(fixed.code(), "parameter_unknown");
}

#[tokio::test]
async fn prices_are_listed_by_meter() {
    let fake = fake().await;
    let client = Client::of(&fake);
    client
        .post("/v1/products", &[("id", "p"), ("name", "P")])
        .await;
    let meter = fake.state()["meters"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/prices?active=true&type=recurring&recurring[meter]={meter}");
    assert_eq!(client.get(&path).await.body["data"], json!([]));
    let metered = [
        ("currency", "usd"),
        ("unit_amount", "1"),
        ("product", "p"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", &meter),
    ];
    let price = client.post("/v1/prices", &metered).await.body;
    assert_eq!(client.get(&path).await.body["data"], json!([price]));
}

#[tokio::test]
async fn a_chosen_product_id_is_unique() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let form = [("id", "p"), ("name", "P"), ("metadata[a]", "b")];
    let made = client.post("/v1/products", &form).await.body;
    assert_eq!(
        (&made["id"], &made["metadata"]),
        (&json!("p"), &json!({"a": "b"}))
    );
    let again = client.post("/v1/products", &form).await;
    assert_eq!(
        (again.status, again.code()),
        (400, "resource_already_exists")
    );
    let renamed = client.post("/v1/products/p", &[("name", "Q")]).await.body;
    assert_eq!(renamed["name"], "Q");
    assert_eq!(
        client.get("/v1/products?ids[]=p").await.body["data"],
        json!([renamed])
    );
}

#[tokio::test]
async fn a_portal_feature_requires_enabled() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let path = "/v1/billing_portal/configurations";
    assert_eq!(client.post(path, &[]).await.code(), "parameter_missing");
    let half = [("features[subscription_cancel][mode]", "at_period_end")];
    assert_eq!(client.post(path, &half).await.code(), "parameter_missing");
    let whole = [
        ("features[subscription_update][enabled]", "true"),
        ("features[subscription_update][products][0][product]", "p"),
        (
            "features[subscription_update][products][0][prices][]",
            "price_1",
        ),
        ("metadata[a]", "b"),
    ];
    let made = client.post(path, &whole).await.body;
    let products = &made["features"]["subscription_update"]["products"];
    assert_eq!(*products, json!([{"product": "p", "prices": ["price_1"]}]));
    assert_eq!(
        made["features"]["invoice_history"],
        json!({"enabled": false})
    );
    assert_eq!(client.get(path).await.body["data"], json!([made]));
}
