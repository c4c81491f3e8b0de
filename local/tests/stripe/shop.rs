//! A fake Stripe with products, prices and a buyer.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use local::clock::Clock;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, Stripe};
use serde_json::{Value, json};

use super::client::Client;

pub(crate) struct Shop {
    pub(crate) fake: FakeStripe,
    pub(crate) client: Client,
    pub(crate) price: String,
    pub(crate) monthly: String,
    pub(crate) yearly: String,
    pub(crate) customer: String,
}

/// Returns the text of an id.
pub(crate) fn id(id: &Value) -> String {
    id.as_str().expect("an id").to_owned()
}

/// Formats the day of a moment.
pub(crate) fn day(seconds: &Value) -> String {
    let moment = Timestamp::from_second(seconds.as_i64().unwrap()).unwrap();
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

impl Shop {
    /// Opens a shop whose clock begins on a day.
    pub(crate) async fn open_on(day: &str) -> Self {
        let stripe = Stripe::new(Clock::starting_at(day.parse().unwrap()));
        let fake = FakeStripe::serve(FREE_PORT, stripe).await.unwrap();
        let client = Client::of(&fake);
        let product = [("id", "prod_1"), ("name", "The <plan>")];
        client.post("/v1/products", &product).await;
        let mut prices = Vec::new();
        for (amount, interval) in [
            ("2000", None),
            ("2000", Some("month")),
            ("20000", Some("year")),
        ] {
            let mut form = vec![
                ("currency", "usd"),
                ("unit_amount", amount),
                ("product", "prod_1"),
            ];
            form.extend(interval.map(|interval| ("recurring[interval]", interval)));
            prices.push(id(&client.post("/v1/prices", &form).await.body["id"]));
        }
        let [price, monthly, yearly] = prices.try_into().unwrap();
        let customer = id(&client.post("/v1/customers", &[]).await.body["id"]);
        Self {
            fake,
            client,
            price,
            monthly,
            yearly,
            customer,
        }
    }

    /// Creates a Checkout Session for the mode's price; returns its id.
    pub(crate) async fn order(&self, more: &[(&str, &str)]) -> String {
        let plan = more.contains(&("mode", "subscription"));
        let (price, metadata) = if plan {
            (&self.monthly, "subscription_data[metadata][k]")
        } else {
            (&self.price, "payment_intent_data[metadata][k]")
        };
        let mut form = vec![
            ("line_items[0][price]", price.as_str()),
            ("success_url", "https://a.example/"),
            ("customer", &self.customer),
            (metadata, "v"),
        ];
        form.extend_from_slice(more);
        id(&self.client.post("/v1/checkout/sessions", &form).await.body["id"])
    }

    /// Buys the plan; returns the subscription.
    pub(crate) async fn subscribe(&self) -> Value {
        self.subscribe_with(&[("mode", "subscription")]).await
    }

    /// Buys the plan with the given session parameters; returns the subscription.
    pub(crate) async fn subscribe_with(&self, session: &[(&str, &str)]) -> Value {
        let session = self.order(session).await;
        let path = format!("/_local/checkout/{session}/pay");
        let card = json!({"card": "4242424242424242"});
        let session = self.control(&path, card).await["session"].clone();
        let path = format!("/v1/subscriptions/{}", id(&session["subscription"]));
        self.get(&path).await
    }

    /// Pays a one-time order; returns the payment's id.
    pub(crate) async fn buy(&self) -> String {
        let session = self.order(&[("mode", "payment")]).await;
        let card = json!({"card": "4242424242424242"});
        let path = format!("/_local/checkout/{session}/pay");
        id(&self.control(&path, card).await["session"]["payment_intent"])
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.client.get(path).await.body
    }

    /// Calls a control of the fake.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.fake.url());
        let request = local::client::plain().post(url).body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let answer = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Creates another recurring price; returns its id.
    pub(crate) async fn price(&self, amount: &str, interval: &str) -> String {
        let form = [
            ("currency", "usd"),
            ("unit_amount", amount),
            ("product", "prod_1"),
            ("recurring[interval]", interval),
        ];
        id(&self.client.post("/v1/prices", &form).await.body["id"])
    }

    /// Returns the newest event of a type.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let state = self.fake.state();
        let mut events = state["events"].as_array().unwrap().iter().rev();
        let found = events.find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}")).clone()
    }

    /// Returns the types of all events in order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let state = self.fake.state();
        let events = state["events"].as_array().unwrap().iter();
        events.map(|event| id(&event["type"])).collect()
    }
}

/// A plan that was bought on the last day of January.
pub(crate) struct Plan {
    pub(crate) shop: Shop,
    pub(crate) id: String,
    begun: Value,
}

impl Plan {
    pub(crate) async fn begin() -> Self {
        let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
        Self::begin_with(shop, &[("mode", "subscription")]).await
    }

    /// Buys a plan with the given session parameters.
    pub(crate) async fn begin_with(shop: Shop, session: &[(&str, &str)]) -> Self {
        let begun = shop.subscribe_with(session).await;
        let id = id(&begun["id"]);
        Self { shop, id, begun }
    }

    /// Returns the item as it was at the beginning.
    pub(crate) fn item(&self) -> &Value {
        &self.begun["items"]["data"][0]
    }

    pub(crate) async fn subscription(&self) -> Value {
        self.shop
            .get(&format!("/v1/subscriptions/{}", self.id))
            .await
    }

    pub(crate) async fn invoice(&self, invoice: &Value) -> Value {
        self.shop
            .get(&format!("/v1/invoices/{}", id(invoice)))
            .await
    }

    /// Calls a control of the fake for the subscription.
    pub(crate) async fn control(&self, action: &str, body: Value) -> Value {
        let path = format!("/_local/subscriptions/{}/{action}", self.id);
        self.shop.control(&path, body).await
    }

    pub(crate) async fn roll_over(&self, outcome: &str) -> Value {
        self.control("renew", json!({ "outcome": outcome })).await
    }

    pub(crate) async fn settings(&self, settings: Value) {
        self.shop.control("/_local/settings", settings).await;
    }

    /// Updates the subscription; returns it.
    pub(crate) async fn update(&self, form: &[(&str, &str)]) -> Value {
        let path = format!("/v1/subscriptions/{}", self.id);
        let updated = self.shop.client.post(&path, form).await;
        assert_eq!(updated.status, 200, "{}", updated.body);
        updated.body
    }

    /// Moves the clock forward.
    pub(crate) fn wait(&self, seconds: i64) {
        self.shop.fake.clock().skip(seconds);
        self.shop.fake.stripe().pass_time();
    }
}
