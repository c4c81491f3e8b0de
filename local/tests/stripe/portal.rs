//! The customer portal of the fake Stripe.

use serde_json::{Value, json};

use super::shop::{Shop, day, id};

/// A shop with a subscription and a portal configuration.
struct Portal {
    shop: Shop,
    subscription: String,
    configuration: String,
}

async fn portal() -> Portal {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let subscription = id(&shop.subscribe().await["id"]);
    let features = [
        ("features[invoice_history][enabled]", "true"),
        ("features[payment_method_update][enabled]", "true"),
        ("features[subscription_cancel][enabled]", "true"),
        ("features[subscription_update][enabled]", "true"),
        ("features[subscription_update][proration_behavior]", "none"),
        (
            "features[subscription_update][products][0][product]",
            "prod_1",
        ),
        (
            "features[subscription_update][products][0][prices][0]",
            &shop.monthly,
        ),
        (
            "features[subscription_update][products][0][prices][1]",
            &shop.yearly,
        ),
        ("default_return_url", "https://a.example/\"home"),
    ];
    let path = "/v1/billing_portal/configurations";
    let configuration = id(&shop.client.post(path, &features).await.body["id"]);
    Portal {
        shop,
        subscription,
        configuration,
    }
}

impl Portal {
    async fn open(&self, more: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![
            ("customer", self.shop.customer.as_str()),
            ("configuration", &self.configuration),
        ];
        form.extend_from_slice(more);
        let path = "/v1/billing_portal/sessions";
        let answer = self.shop.client.post(path, &form).await;
        (answer.status, answer.body)
    }

    /// Requests a page; returns the status, and the page or the redirect.
    async fn visit(&self, url: &str, form: Option<&str>) -> (u16, String) {
        let client = local::client::plain();
        let request = match form {
            Some(form) => client.post(url).body(form.to_owned()),
            None => client.get(url),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        match answer.headers().get("location") {
            Some(location) => (status, location.to_str().unwrap().to_owned()),
            None => (status, answer.text().await.unwrap()),
        }
    }

    async fn subscription(&self) -> Value {
        let path = format!("/v1/subscriptions/{}", self.subscription);
        self.shop.get(&path).await
    }
}

#[tokio::test]
async fn a_link_needs_a_configuration_and_a_customer() {
    let portal = portal().await;

    let (status, made) = portal
        .open(&[("return_url", "https://a.example/back")])
        .await;
    assert_eq!(status, 200);
    assert_eq!(made["object"], "billing_portal.session");
    assert_eq!(made["return_url"], "https://a.example/back");
    assert_eq!(made["flow"], json!(null));

    let path = "/v1/billing_portal/sessions";
    let form = [("customer", portal.shop.customer.as_str())];
    let refused = portal.shop.client.post(path, &form).await;
    assert_eq!(refused.status, 400);
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("No configuration provided"),
        "{message}"
    );
    let form = [
        ("customer", "cus_no"),
        ("configuration", &portal.configuration),
    ];
    let refused = portal.shop.client.post(path, &form).await;
    assert_eq!((refused.status, refused.code()), (400, "resource_missing"));
}

#[tokio::test]
async fn a_customer_sees_the_plan_the_card_and_the_invoices() {
    let portal = portal().await;
    let url = id(&portal.open(&[]).await.1["url"]);

    let (status, html) = portal.visit(&url, None).await;

    assert_eq!(status, 200);
    for part in [
        "The &lt;plan&gt;",
        "20.00 USD every month",
        "Status: active; renews on 2027-02-28",
        "200.00 USD every year",
        "Cancel plan",
        "Card number",
        "<td>paid</td>",
        "&quot;home",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<plan>") && !html.contains("<script"));
}

#[tokio::test]
async fn a_customer_cancels_resumes_changes_plan_and_updates_the_card() {
    let portal = portal().await;
    let url = id(&portal.open(&[]).await.1["url"]);
    let own = format!("subscription={}", portal.subscription);

    let (status, home) = portal.visit(&format!("{url}/cancel"), Some(&own)).await;
    assert_eq!((status, url.ends_with(&home)), (303, true));
    let canceled = portal.subscription().await;
    assert_eq!(canceled["cancel_at_period_end"], true);
    assert_eq!(day(&canceled["cancel_at"]), "2027-02-28");
    let kinds = portal.shop.kinds();
    assert_eq!(kinds.last().unwrap(), "customer.subscription.updated");
    let (_, html) = portal.visit(&url, None).await;
    assert!(html.contains("ends on 2027-02-28") && html.contains("Do not cancel"));

    portal.visit(&format!("{url}/resume"), Some(&own)).await;
    assert_eq!(portal.subscription().await["cancel_at"], json!(null));

    let change = format!("{own}&price={}", portal.shop.yearly);
    portal.visit(&format!("{url}/plan"), Some(&change)).await;
    let changed = portal.subscription().await;
    let price = &changed["items"]["data"][0]["price"]["id"];
    assert_eq!(*price, json!(portal.shop.yearly));
    let (status, _) = portal
        .visit(
            &format!("{url}/plan"),
            Some(&format!("{own}&price={}", portal.shop.price)),
        )
        .await;
    assert_eq!(status, 400);

    let card = "card=5555+5555+5555+4444";
    portal.visit(&format!("{url}/card"), Some(card)).await;
    let (_, html) = portal.visit(&url, None).await;
    assert!(html.contains("Card ending in 4444."));
    assert_eq!(portal.shop.kinds().last().unwrap(), "customer.updated");
    let declined = "card=4000000000000002";
    let (status, html) = portal.visit(&format!("{url}/card"), Some(declined)).await;
    assert_eq!(status, 400);
    assert!(html.contains("Your card was declined."));
}

#[tokio::test]
async fn a_link_for_one_action_redirects_after_it() {
    let portal = portal().await;
    let flow = [
        ("flow_data[type]", "subscription_cancel"),
        (
            "flow_data[subscription_cancel][subscription]",
            portal.subscription.as_str(),
        ),
        ("flow_data[after_completion][type]", "redirect"),
        (
            "flow_data[after_completion][redirect][return_url]",
            "https://a.example/done",
        ),
    ];
    let made = portal.open(&flow).await.1;
    let url = id(&made["url"]);
    assert_eq!(made["flow"]["type"], "subscription_cancel");
    assert_eq!(
        made["flow"]["subscription_cancel"]["subscription"],
        json!(portal.subscription)
    );

    let (_, html) = portal.visit(&url, None).await;
    assert!(html.contains("Cancel plan"));
    assert!(!html.contains("Change plan") && !html.contains("Card number"));
    let card = Some("card=5555555555554444");
    assert_eq!(portal.visit(&format!("{url}/card"), card).await.0, 400);
    let own = format!("subscription={}", portal.subscription);
    let done = portal.visit(&format!("{url}/cancel"), Some(&own)).await;

    assert_eq!(done, (303, "https://a.example/done".to_owned()));
    assert_eq!(portal.subscription().await["cancel_at_period_end"], true);
    assert_eq!(portal.open(&flow).await.0, 400);
}

#[tokio::test]
async fn a_link_gives_no_access_to_another_customers_plan() {
    let portal = portal().await;
    let other = portal.shop.client.post("/v1/customers", &[]).await.body;
    let form = [
        ("customer", other["id"].as_str().unwrap()),
        ("configuration", &portal.configuration),
    ];
    let path = "/v1/billing_portal/sessions";
    let made = portal.shop.client.post(path, &form).await.body;
    let mut flow = form.to_vec();
    flow.push(("flow_data[type]", "subscription_update"));
    flow.push((
        "flow_data[subscription_update][subscription]",
        &portal.subscription,
    ));
    let refused = portal.shop.client.post(path, &flow).await;
    assert_eq!((refused.status, refused.code()), (400, "resource_missing"));

    let url = format!("{}/cancel", id(&made["url"]));
    let own = format!("subscription={}", portal.subscription);
    assert_eq!(portal.visit(&url, Some(&own)).await.0, 400);
    assert_eq!(portal.subscription().await["cancel_at"], json!(null));
}

#[tokio::test]
async fn a_link_works_for_an_hour() {
    let portal = portal().await;
    let url = id(&portal.open(&[]).await.1["url"]);

    portal.shop.fake.clock().skip(60 * 60);

    let (status, html) = portal.visit(&url, None).await;
    assert_eq!((status, html.contains("No such page")), (404, true));
    let unknown = format!("{}/p/session/bps_no", portal.shop.fake.url());
    assert_eq!(portal.visit(&unknown, None).await.0, 404);
}
