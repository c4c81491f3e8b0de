//! Actions of buyers, browsers and Stripe in a story.

use http::StatusCode;
use local::stripe::{API_VERSION, SECRET_KEY, signature};
use serde_json::{Value, json};

use crate::answer::{Answer, answer};
use crate::{World, id, list, text};

/// A card that pays.
pub const CARD: &str = "4242424242424242";

/// Returns an event of Stripe's about this object.
pub fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": kind, "livemode": false, "data": {"object": object},
    })
}

impl World {
    /// Returns the API's address, which is also the one allowed origin.
    pub fn origin(&self) -> String {
        self.gateway.url()
    }

    /// Returns the body that orders an item.
    pub fn order(&self, item: &str) -> Value {
        json!({
            "item": item,
            "success_url": format!("{}/paid", self.origin()),
            "cancel_url": format!("{}/", self.origin()),
        })
    }

    /// Creates a Checkout Session.
    pub async fn checkout(&self, account: &str, key: &str, body: &Value) -> Answer {
        let token = self.token(account);
        self.post("/v1/checkout", Some(&token), Some(key), body.to_string())
            .await
    }

    /// Creates a Checkout Session for an item; returns its id.
    pub async fn open(&self, account: &str, item: &str) -> String {
        let body = self.order(item);
        let page = self.checkout(account, item, &body).await;
        session_id(&page.expect(StatusCode::CREATED))
    }

    /// Verifies a payment.
    pub async fn verify(&self, account: &str, session: &str) -> Answer {
        let path = format!("/v1/checkout/{session}/verify");
        self.post(&path, Some(&self.token(account)), None, "").await
    }

    /// Verifies a payment; asserts that its status is known.
    pub async fn verified(&self, account: &str, session: &str) -> Answer {
        self.verify(account, session).await.expect(StatusCode::OK)
    }

    /// Pays as the buyer does; returns Stripe's session and the address that it redirects to.
    pub async fn pay(&self, session: &str, card: &str) -> Answer {
        self.at_page(session, "pay", json!({ "card": card })).await
    }

    /// Settles a delayed payment.
    pub async fn settle_payment(&self, session: &str, outcome: &str) {
        let body = json!({ "outcome": outcome });
        let settled = self.at_page(session, "settle", body).await;
        settled.expect(StatusCode::OK);
    }

    /// Uses a control of the fake's payment page.
    pub async fn at_page(&self, session: &str, action: &str, body: Value) -> Answer {
        let path = format!("/_local/checkout/{session}/{action}");
        self.at_stripe(&path, &body).await
    }

    /// Uses a control of the fake Stripe.
    pub async fn at_stripe(&self, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.stack.stripe.url());
        answer(self.http.post(url).body(body.to_string())).await
    }

    /// Uses a control of the fake Stripe that must succeed; returns the body of the answer.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        let answer = self.at_stripe(path, body).await;
        answer.expect(StatusCode::OK).body
    }

    /// Deletes a meter event of the fake Stripe.
    pub async fn lose_meter_event(&self, identifier: &str) {
        let url = self.stack.stripe.url();
        let url = format!("{url}/_local/meter_events/{identifier}");
        answer(self.http.delete(url)).await.expect(StatusCode::OK);
    }

    /// Uses a control of the fake Langfuse.
    pub async fn at_langfuse(&self, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.stack.langfuse.url());
        answer(self.http.post(url).body(body.to_string())).await
    }

    /// Deletes a trace of the fake Langfuse.
    pub async fn lose_trace(&self, trace_id: &str) {
        let url = self.stack.langfuse.url();
        let url = format!("{url}/_local/observations/{trace_id}");
        answer(self.http.delete(url)).await.expect(StatusCode::OK);
    }

    /// Calls Stripe outside the product, with the same key.
    pub async fn post_to_stripe(&self, path: &str, form: &str) -> Value {
        let url = format!("{}{path}", self.stack.stripe.url());
        let form_type = "application/x-www-form-urlencoded";
        let request = self.http.post(url).header("content-type", form_type);
        self.call_stripe(request.body(form.to_owned())).await
    }

    /// Calls version 2 of Stripe's API, which takes JSON, outside the product.
    pub async fn post_json_to_stripe(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.stack.stripe.url());
        let request = self.http.post(url);
        let request = request.header("content-type", "application/json");
        self.call_stripe(request.body(body.to_string())).await
    }

    /// Reads from Stripe outside the product, with the same key.
    pub async fn get_from_stripe(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.stack.stripe.url());
        self.call_stripe(self.http.get(url)).await
    }

    /// Deletes at Stripe outside the product, with the same key.
    pub async fn delete_at_stripe(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.stack.stripe.url());
        self.call_stripe(self.http.delete(url)).await
    }

    /// Deletes a customer at Stripe.
    pub async fn delete_customer(&self, customer: &str) {
        let path = format!("/v1/customers/{customer}");
        self.delete_at_stripe(&path).await;
    }

    /// Ends a subscription at Stripe.
    pub async fn delete_subscription(&self, subscription: &str) {
        let path = format!("/v1/subscriptions/{subscription}");
        self.delete_at_stripe(&path).await;
    }

    async fn call_stripe(&self, request: reqwest::RequestBuilder) -> Value {
        let request = request
            .header("authorization", format!("Bearer {SECRET_KEY}"))
            .header("stripe-version", API_VERSION);
        answer(request).await.expect(StatusCode::OK).body
    }

    /// Returns the objects in a list of the fake Stripe.
    pub fn stripe_objects(&self, name: &str) -> Vec<Value> {
        list(&self.stack.stripe.state()[name])
    }

    /// Returns the id of an object in a list of the fake Stripe.
    pub fn stripe_id(&self, name: &str, index: usize) -> String {
        id(&self.stripe_objects(name)[index]["id"])
    }

    /// Returns the code of each incident.
    pub fn incidents(&self) -> Vec<String> {
        let incidents = self.items("INCIDENTS");
        let codes = incidents
            .iter()
            .map(|incident| text(&incident["code"]["S"]).to_owned());
        codes.collect()
    }

    /// Returns the ids of Stripe's events of one type, oldest first.
    pub fn events(&self, kind: &str) -> Vec<String> {
        let events = self.stripe_objects("events");
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .filter_map(|event| event["id"].as_str().map(str::to_owned))
            .collect()
    }

    /// Returns the webhooks of one type, each with the statuses of its attempts.
    pub fn deliveries(&self, kind: &str) -> Vec<Vec<u64>> {
        let deliveries = self.stripe_objects("deliveries").into_iter();
        let ours = deliveries.filter(|delivery| delivery["type"] == kind);
        ours.map(|delivery| {
            let attempts = delivery["attempts"].as_array().into_iter().flatten();
            attempts
                .filter_map(|attempt| attempt["status"].as_u64())
                .collect()
        })
        .collect()
    }

    /// Sends a webhook with this signature header.
    pub async fn webhook(&self, header: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.http.post(self.url("/v1/webhooks/stripe"));
        request = request
            .header("content-type", "application/json; charset=utf-8")
            .body(body);
        if let Some(header) = header {
            request = request.header("stripe-signature", header);
        }
        answer(request).await
    }

    /// Sends a webhook as Stripe would, signed now.
    pub async fn signed_webhook(&self, event: &Value) -> Answer {
        let body = event.to_string();
        let now = self.stack.stripe.clock().now();
        let header = signature(&self.webhook_secret(), now.as_second(), &body);
        self.webhook(Some(&header), body).await
    }

    /// Returns the secret with which Stripe signs.
    pub fn webhook_secret(&self) -> String {
        let secrets = &self.environment["STRIPE_WEBHOOK_SECRETS"];
        secrets.split(',').next().expect("a secret").to_owned()
    }

    /// Returns the credits of an account in the ledger, without its free Sparks.
    pub fn credits(&self, account: &str) -> Vec<Value> {
        let entries = self.items("E#").into_iter();
        entries
            .filter(|entry| entry["kind"]["S"] == "credit" && entry["account"]["S"] == account)
            .filter(|entry| entry["source"]["S"] != "free")
            .collect()
    }

    /// Returns the status of the one order.
    pub fn order_status(&self) -> String {
        let orders = self.items("I#");
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders[0]["status"]["S"]
            .as_str()
            .expect("a status")
            .to_owned()
    }

    /// Waits until Stripe has sent all its webhooks.
    pub async fn webhooks_settled(&self) {
        self.stack.stripe.settled().await;
    }
}

/// Returns the session id of an answer.
pub fn session_id(page: &Answer) -> String {
    let id = page.body["session_id"].as_str();
    id.unwrap_or_else(|| panic!("no session: {page:?}"))
        .to_owned()
}
