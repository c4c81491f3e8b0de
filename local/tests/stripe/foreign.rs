//! Objects of the fake Stripe without metadata, as other software creates them.

use serde_json::{Value, json};

use super::client::{Client, fake};
use super::event_destinations::{PATH, destination};

/// Stripe types the metadata of these objects as nullable. That of a webhook endpoint is an object.
#[tokio::test]
async fn metadata_is_null_by_default_where_stripe_types_it_as_nullable() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let path = "/v1/billing_portal/configurations";
    let form = [("features[invoice_history][enabled]", "true")];
    let configuration = client.post(path, &form).await.body;
    assert_eq!(configuration["metadata"], Value::Null);
    let made = client
        .post_json(PATH, &destination("https://a.example/"))
        .await;
    assert_eq!(made.body["metadata"], Value::Null);
    let form = [("url", "https://a.example/"), ("enabled_events[]", "*")];
    let endpoint = client.post("/v1/webhook_endpoints", &form).await.body;
    assert_eq!(endpoint["metadata"], json!({}));

    let path = format!("{path}/{}", configuration["id"].as_str().unwrap());
    let ours = client.post(&path, &[("metadata[a]", "b")]).await.body;
    assert_eq!(ours["metadata"], json!({"a": "b"}));
}
