//! Checkout Sessions of the fake Stripe, and their hosted page.

use local::stripe::FakeStripe;
use serde_json::{Value, json};

use super::client::{Answer, Client, fake};

/// A fake with a price, a plan's price and a customer.
struct Shop {
    fake: FakeStripe,
    client: Client,
    price: String,
    monthly: String,
    customer: String,
}

fn id(answer: &Answer) -> String {
    answer.body["id"].as_str().expect("an id").to_owned()
}

async fn shop() -> Shop {
    let fake = fake().await;
    let client = Client::of(&fake);
    client
        .post("/v1/products", &[("id", "prod_1"), ("name", "A <pack>")])
        .await;
    let price = [
        ("currency", "usd"),
        ("unit_amount", "2000"),
        ("product", "prod_1"),
    ];
    let monthly = [
        price[0],
        price[1],
        price[2],
        ("recurring[interval]", "month"),
    ];
    let price = id(&client.post("/v1/prices", &price).await);
    let monthly = id(&client.post("/v1/prices", &monthly).await);
    let customer = id(&client.post("/v1/customers", &[]).await);
    Shop {
        fake,
        client,
        price,
        monthly,
        customer,
    }
}

impl Shop {
    fn order<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("mode", "payment"),
            ("line_items[0][price]", self.price.as_str()),
            ("success_url", "https://a.example/?s={CHECKOUT_SESSION_ID}"),
            ("customer", &self.customer),
        ];
        for (name, value) in more {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        form
    }

    async fn open(&self, more: &[(&str, &str)]) -> Answer {
        self.client
            .post("/v1/checkout/sessions", &self.order(more))
            .await
    }

    async fn at_page(&self, session: &str, action: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_local/checkout/{session}/{action}", self.fake.url());
        let request = local::client::plain().post(url).body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn page(&self, session: &str, form: Option<&str>) -> (u16, String) {
        let url = format!("{}/c/pay/{session}", self.fake.url());
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

    fn kinds(&self) -> Vec<String> {
        let state = self.fake.state();
        let events = state["events"].as_array().unwrap().iter();
        events
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_session_is_created_read_and_listed() {
    let shop = shop().await;
    let made = shop
        .open(&[
            ("line_items[0][quantity]", "3"),
            ("metadata[a]", "b"),
            ("client_reference_id", "chk_1"),
        ])
        .await
        .body;
    assert_eq!(made["status"], "open");
    assert_eq!(made["payment_status"], "unpaid");
    assert_eq!(made["amount_subtotal"], 6_000);
    assert_eq!(
        made["url"],
        format!("{}/c/pay/{}", shop.fake.url(), made["id"].as_str().unwrap())
    );
    assert!(made.get("line_items").is_none());

    let path = format!("/v1/checkout/sessions/{}", made["id"].as_str().unwrap());
    assert_eq!(shop.client.get(&path).await.body, made);
    let whole = format!("{path}?expand[]=line_items&expand[]=payment_intent");
    let whole = shop.client.get(&whole).await.body;
    let line = &whole["line_items"]["data"][0];
    assert_eq!(
        (&line["price"]["id"], &line["quantity"]),
        (&json!(shop.price), &json!(3))
    );
    let listed = format!("/v1/checkout/sessions?customer={}", shop.customer);
    assert_eq!(shop.client.get(&listed).await.body["data"], json!([made]));
    let none = shop.client.get("/v1/checkout/sessions/cs_no").await;
    assert_eq!((none.status, none.code()), (404, "resource_missing"));
}

#[tokio::test]
async fn an_invalid_order_is_refused_with_its_parameter() {
    let shop = shop().await;
    let monthly = shop.monthly.clone();
    for (parameter, value, named) in [
        ("mode", "", "mode"),
        ("mode", "rent", "mode"),
        ("line_items[0][price]", "", "line_items"),
        ("line_items[0][price]", "price_no", "line_items[0][price]"),
        ("line_items[0][price]", &monthly, "line_items[0][price]"),
        ("success_url", "", "success_url"),
        ("customer", "cus_no", "customer"),
        ("payment_method_types[0]", "card", "payment_method_types"),
        ("subscription_data[metadata][a]", "b", "subscription_data"),
        ("automatic_tax[enabled]", "true", "automatic_tax"),
        ("expires_at", "1", "expires_at"),
        ("surprise", "1", "surprise"),
    ] {
        let refused = shop.open(&[(parameter, value)]).await;
        assert_eq!(refused.status, 400, "{parameter}={value}");
        assert_eq!(refused.body["error"]["param"], named, "{parameter}={value}");
    }
    assert_eq!(shop.fake.state()["checkout_sessions"], json!([]));
}

#[tokio::test]
async fn each_test_card_has_its_outcome() {
    let shop = shop().await;
    for (card, status, session, payment, events) in [
        (
            "4242424242424242",
            200,
            ("complete", "paid"),
            "succeeded",
            &["payment_intent.succeeded", "checkout.session.completed"][..],
        ),
        (
            "4000000000000002",
            402,
            ("open", "unpaid"),
            "requires_payment_method",
            &["payment_intent.payment_failed"],
        ),
        (
            "4000002500003155",
            200,
            ("open", "unpaid"),
            "requires_action",
            &["payment_intent.requires_action"],
        ),
        (
            "delayed",
            200,
            ("complete", "unpaid"),
            "processing",
            &["payment_intent.processing", "checkout.session.completed"],
        ),
    ] {
        let id = id(&shop
            .open(&[("payment_intent_data[metadata][k]", card)])
            .await);
        let before = shop.kinds().len();
        let (answered, _) = shop.at_page(&id, "pay", json!({"card": card})).await;
        assert_eq!(answered, status, "{card}");
        let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent");
        let found = shop.client.get(&path).await.body;
        assert_eq!(
            (&found["status"], &found["payment_status"]),
            (&json!(session.0), &json!(session.1))
        );
        assert_eq!(found["payment_intent"]["status"], payment);
        assert_eq!(found["payment_intent"]["metadata"], json!({"k": card}));
        assert_eq!(shop.kinds()[before..], *events, "{card}");
    }
}

#[tokio::test]
async fn a_complete_or_expired_session_cannot_be_paid() {
    let shop = shop().await;
    let card = json!({"card": "4242424242424242"});
    let paid = id(&shop.open(&[]).await);
    shop.at_page(&paid, "pay", card.clone()).await;
    let ended = id(&shop.open(&[]).await);
    shop.at_page(&ended, "expire", json!({})).await;
    let old = id(&shop.open(&[]).await);
    shop.fake.clock().skip(24 * 60 * 60);
    let events = shop.kinds().len();
    for session in [&paid, &ended, &old] {
        let (status, _) = shop.at_page(session, "pay", card.clone()).await;
        assert_eq!(status, 400);
    }
    // Only the last one expired by the clock, and once.
    assert_eq!(shop.kinds()[events..], ["checkout.session.expired"]);
    let unsettled = shop
        .at_page(&paid, "settle", json!({"outcome": "succeeded"}))
        .await;
    assert_eq!(unsettled.0, 400);
}

#[tokio::test]
async fn a_buyer_pays_on_the_page() {
    let shop = shop().await;
    let made = shop
        .open(&[
            ("allow_promotion_codes", "true"),
            ("cancel_url", "https://a.example/\"back"),
        ])
        .await;
    let id = id(&made);
    let (status, html) = shop.page(&id, None).await;
    assert_eq!(status, 200);
    for part in [
        "20.00 USD",
        "1 × A &lt;pack&gt;",
        "promotion_code",
        "&quot;back",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<pack>") && !html.contains("<script"));
    let (_, html) = shop.page(&id, Some("card=4000+0000+0000+0002")).await;
    assert!(html.contains("Your card was declined."));
    let (_, html) = shop.page(&id, Some("card=4000002500003155")).await;
    assert!(html.contains("Confirm your payment"));
    let (_, html) = shop
        .page(&id, Some("card=4000002500003155&confirm=no"))
        .await;
    assert!(html.contains("Your card was declined."));
    // The button's value comes after the field's, and wins.
    let (status, location) = shop
        .page(&id, Some("card=4242424242424242&card=delayed"))
        .await;
    assert_eq!(
        (status, location),
        (303, format!("https://a.example/?s={id}"))
    );
    assert_eq!(
        shop.fake.state()["checkout_sessions"][0]["payment_status"],
        "unpaid"
    );
    let (_, html) = shop.page(&id, None).await;
    assert!(html.contains("Already paid"));
    let (_, html) = shop.page("cs_<b>", None).await;
    assert!(html.contains("No such page") && !html.contains("<b>"));
}

#[tokio::test]
async fn a_promotion_code_is_deducted_and_tax_is_added() {
    let shop = shop().await;
    let coupon = [("id", "off"), ("percent_off", "20"), ("duration", "once")];
    shop.client.post("/v1/coupons", &coupon).await;
    let code = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", "off"),
        ("code", "OFF"),
    ];
    shop.client.post("/v1/promotion_codes", &code).await;
    let taxed = [
        ("allow_promotion_codes", "true"),
        ("automatic_tax[enabled]", "true"),
        ("customer_update[address]", "auto"),
    ];
    let id = id(&shop.open(&taxed).await);
    let wrong = json!({"card": "4242424242424242", "promotion_code": "NO"});
    assert_eq!(shop.at_page(&id, "pay", wrong).await.0, 400);
    let right = json!({"card": "4242424242424242", "promotion_code": "off"});
    let (_, paid) = shop.at_page(&id, "pay", right).await;
    let session = &paid["session"];
    assert_eq!(session["amount_subtotal"], 2_000);
    assert_eq!(
        session["total_details"],
        json!({"amount_discount": 400, "amount_shipping": 0, "amount_tax": 160})
    );
    assert_eq!(session["amount_total"], 1_760);
    assert_eq!(
        shop.fake.state()["payment_intents"][0]["amount_received"],
        1_760
    );
}

#[tokio::test]
async fn a_plan_begins_a_subscription_with_a_paid_invoice() {
    let shop = shop().await;
    let monthly = shop.monthly.clone();
    let order = [
        ("mode", "subscription"),
        ("line_items[0][price]", monthly.as_str()),
        ("subscription_data[metadata][k]", "v"),
    ];
    let id = id(&shop.open(&order).await);
    shop.at_page(&id, "pay", json!({"card": "4242424242424242"}))
        .await;
    let session = shop.fake.state()["checkout_sessions"][0].clone();
    let (subscription, invoice) = {
        let state = shop.fake.state();
        (
            state["subscriptions"][0].clone(),
            state["invoices"][0].clone(),
        )
    };
    assert_eq!(session["subscription"], subscription["id"]);
    assert_eq!(session["invoice"], invoice["id"]);
    assert_eq!(subscription["metadata"], json!({"k": "v"}));
    assert_eq!(invoice["status"], "paid");
    assert_eq!(session["payment_intent"], json!(null));
}
