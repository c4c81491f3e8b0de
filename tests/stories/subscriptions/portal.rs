//! The portal: who may open it, where it leads back to, and what changes there.

use http::StatusCode;
use serde_json::json;
use tests::World;

#[tokio::test]
async fn an_account_that_bought_nothing_has_no_subscription_and_no_portal() {
    let world = World::start().await;
    let standing = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(standing.body["status"], "none");
    assert_eq!(standing.body["subscriptions"], json!([]));
    let body = json!({"return_url": world.origin()});
    let refused = world.portal("acct_a", &body).await;
    assert_eq!(refused.refusal(), (409, "no_customer"));

    world.buy("acct_a", "pack_125k", "k1").await;
    world
        .portal("acct_a", &body)
        .await
        .expect(StatusCode::CREATED);
    let cancel = json!({"return_url": world.origin(), "flow": "subscription_cancel"});
    let refused = world.portal("acct_a", &cancel).await;
    assert_eq!(refused.refusal(), (409, "no_subscription"));
}

#[tokio::test]
async fn the_portal_accepts_only_the_apps_return_urls_and_known_members() {
    let world = World::start().await;
    world.buy("acct_a", "pack_125k", "k1").await;
    for (body, code, field) in [
        (
            json!({"return_url": "https://evil.example/"}),
            "url_not_allowed",
            "return_url",
        ),
        (
            json!({"return_url": format!("{}@evil.example/", world.origin())}),
            "url_not_allowed",
            "return_url",
        ),
        (json!({}), "invalid_request", "body"),
        (
            json!({"return_url": world.origin(), "customer": "cus_1"}),
            "invalid_request",
            "customer",
        ),
        (
            json!({"return_url": world.origin(), "flow": "subscription_steal"}),
            "invalid_request",
            "flow",
        ),
    ] {
        let refused = world.portal("acct_a", &body).await;
        assert_eq!(refused.refusal(), (422, code), "{body}");
        assert_eq!(refused.body["field"], field, "{body}");
    }
    let service = world.service_token();
    let body = json!({"return_url": world.origin()}).to_string();
    let refused = world.post("/v1/portal", Some(&service), None, body).await;
    assert_eq!(refused.refusal(), (403, "service_forbidden"));
}

/// Opens the portal's overview and submits a form there, as a customer would.
async fn at_portal(world: &World, action: &str, form: String) {
    let back = format!("{}/account", world.origin());
    let portal = world.portal("acct_a", &json!({"return_url": back})).await;
    let url = portal.expect(StatusCode::CREATED).body["url"].clone();
    let browser = local::client::plain();
    let done = browser
        .post(format!("{}/{action}", url.as_str().unwrap()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(done.send().await.unwrap().status(), 303, "{action}");
    world.webhooks_settled().await;
}

#[tokio::test]
async fn changes_at_the_portal_show_in_the_subscription() {
    let world = World::start().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let on_it = || format!("subscription={subscription}");
    at_portal(&world, "cancel", on_it()).await;
    let standing = world.subscription("acct_a").await.body;
    assert_eq!(standing["cancel_at_period_end"], true);

    // A subscription that already ends cannot be cancelled again.
    let back = format!("{}/account", world.origin());
    let body = json!({"return_url": back, "flow": "subscription_cancel"});
    let again = world.portal("acct_a", &body).await;
    assert_eq!(again.refusal(), (409, "flow_unavailable"));
    assert_eq!(again.body["field"], "flow");

    at_portal(&world, "resume", on_it()).await;
    let standing = world.subscription("acct_a").await.body;
    assert_eq!(
        (&standing["cancel_at_period_end"], &standing["cancel_at"]),
        (&json!(false), &json!(null))
    );
    at_portal(&world, "card", "card=4000000000000077".to_owned()).await;
    world.renew(&subscription, "failed").await;
    assert_eq!(
        world.subscription("acct_a").await.body["status"],
        "past_due"
    );
}
