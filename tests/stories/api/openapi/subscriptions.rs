//! Produces every example of the portal and of an account's subscriptions.

use serde_json::json;
use tests::{CARD, World, session_id};

use super::OpenApi;

const PORTAL: (&str, &str) = ("post", "/v1/portal");
const SUBSCRIPTION: (&str, &str) = ("get", "/v1/subscription");

/// Checks every example; returns their pointers.
pub(super) async fn examples(openapi: &OpenApi, world: &World) -> Vec<String> {
    let overview = openapi.request("/v1/portal", "overview");
    let cancel = openapi.request("/v1/portal", "cancel");
    let mut seen = Vec::new();
    let answer = world.portal("acct_3", &overview).await;
    seen.extend(openapi.check(PORTAL, &answer, Some("no_customer")));
    let answer = world.subscription("acct_3").await;
    seen.extend(openapi.check(SUBSCRIPTION, &answer, Some("none")));

    let plan = openapi.request("/v1/checkout", "plan");
    let session = session_id(&world.checkout("acct_3", "plan", &plan).await);
    let answer = world.portal("acct_3", &cancel).await;
    seen.extend(openapi.check(PORTAL, &answer, Some("no_subscription")));
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    let mut answer = world.subscription("acct_3").await;
    answer.body["subscriptions"][0]["id"] = json!("sub_1SWq2hJ8BQ0Xr5");
    seen.extend(openapi.check(SUBSCRIPTION, &answer, Some("subscribed")));

    for body in [&overview, &cancel] {
        let answer = world.portal("acct_3", body).await;
        seen.extend(openapi.check(PORTAL, &answer, Some("page")));
    }
    let ends = json!({"return_url": overview["return_url"], "flow": "subscription_cancel"});
    let subscription = world.subscription("acct_3").await.body["subscriptions"][0]["id"].clone();
    let path = format!(
        "/v1/subscriptions/{}",
        subscription.as_str().expect("an id")
    );
    world
        .post_to_stripe(&path, "cancel_at_period_end=true")
        .await;
    let answer = world.portal("acct_3", &ends).await;
    seen.extend(openapi.check(PORTAL, &answer, Some("flow_unavailable")));
    let elsewhere = json!({"return_url": "https://evil.example/"});
    let answer = world.portal("acct_3", &elsewhere).await;
    seen.extend(openapi.check(PORTAL, &answer, Some("url_not_allowed")));
    seen
}
