//! Actions of subscribers, sellers and banks in a story, and the resulting grants and entries.

use http::StatusCode;
use serde_json::{Value, json};

use crate::model::parse;
use crate::{Answer, CARD, World, id};

impl World {
    /// Subscribes an account to a plan and verifies it; returns the subscription's id.
    pub async fn subscribe(&self, account: &str, plan: &str) -> String {
        let session = self.open(account, plan).await;
        self.pay(&session, CARD).await.expect(StatusCode::OK);
        self.verified(account, &session).await;
        self.webhooks_settled().await;
        let at_stripe = format!("/v1/checkout/sessions/{session}");
        let session = self.get_from_stripe(&at_stripe).await;
        id(&session["subscription"])
    }

    /// Buys a pack; returns the ids of its session and of its payment.
    pub async fn buy(&self, account: &str, pack: &str, key: &str) -> (String, String) {
        let body = self.order(pack);
        let page = self.checkout(account, key, &body).await;
        let session = crate::session_id(&page.expect(StatusCode::CREATED));
        self.pay(&session, CARD).await.expect(StatusCode::OK);
        self.verified(account, &session).await;
        self.webhooks_settled().await;
        let at_stripe = format!("/v1/checkout/sessions/{session}");
        let payment = id(&self.get_from_stripe(&at_stripe).await["payment_intent"]);
        (session, payment)
    }

    /// Reads an account's subscription.
    pub async fn subscription(&self, account: &str) -> Answer {
        let token = self.token(account);
        self.get("/v1/subscription", Some(&token)).await
    }

    /// Opens the portal.
    pub async fn portal(&self, account: &str, body: &Value) -> Answer {
        let token = self.token(account);
        self.post("/v1/portal", Some(&token), None, body.to_string())
            .await
    }

    /// Ends a period of a subscription without a draft hour: `succeeded` or `failed`. Returns the invoice.
    pub async fn renew(&self, subscription: &str, outcome: &str) -> Value {
        self.end_period(subscription, &json!({ "outcome": outcome, "now": true }))
            .await
    }

    /// Ends a period of a subscription as Stripe does, and returns the invoice.
    ///
    /// The invoice is a draft, which is charged an hour later by the fake's clock, with the outcome `succeeded` or
    /// `failed`.
    pub async fn roll_over(&self, subscription: &str, outcome: &str) -> Value {
        self.end_period(subscription, &json!({ "outcome": outcome }))
            .await
    }

    async fn end_period(&self, subscription: &str, body: &Value) -> Value {
        let path = format!("/_local/subscriptions/{subscription}/renew");
        let renewed = self.control(&path, body).await;
        self.webhooks_settled().await;
        renewed["invoice"].clone()
    }

    /// Refunds a part of a payment; returns the refund's id.
    pub async fn refund(&self, payment: &str, cents: u32) -> String {
        let form = format!("payment_intent={payment}&amount={cents}");
        let refund = self.post_to_stripe("/v1/refunds", &form).await;
        self.webhooks_settled().await;
        id(&refund["id"])
    }

    /// Moves a refund to this status.
    pub async fn refund_is(&self, refund: &str, status: &str) {
        let path = format!("/_local/refunds/{refund}");
        self.control(&path, &json!({ "status": status })).await;
        self.webhooks_settled().await;
    }

    /// Disputes a part of a payment as a bank does; returns the dispute's id.
    pub async fn dispute(&self, payment: &str, cents: u32, status: &str) -> String {
        let body = json!({
            "payment_intent": payment, "amount": cents, "status": status, "new": true
        });
        let dispute = self.control("/_local/disputes", &body).await;
        self.webhooks_settled().await;
        id(&dispute["id"])
    }

    /// Moves a dispute to this status.
    pub async fn dispute_is(&self, dispute: &str, status: &str) {
        let path = format!("/_local/disputes/{dispute}");
        self.control(&path, &json!({ "status": status })).await;
        self.webhooks_settled().await;
    }

    /// Returns the remainder of each grant, by its source, in burn order.
    ///
    /// Asserts that the balance is their sum, and the sum of the ledger's entries.
    pub async fn grants(&self, account: &str) -> Vec<(String, String)> {
        let answer = self.get("/v1/balance", Some(&self.token(account))).await;
        let balance = answer.expect(StatusCode::OK).body;
        let milli = |value: &Value| -> i64 {
            let text = value.as_str().expect("Sparks");
            parse(text).expect("milli-Sparks")
        };
        let grants = balance["grants"].as_array().expect("grants");
        let left: i64 = grants.iter().map(|grant| milli(&grant["remaining"])).sum();
        let available = milli(&balance["available"]);
        assert_eq!(left, available.max(0), "{balance}");
        assert_eq!(self.sum_of_entries(account), available, "{balance}");
        let plain = |value: &Value| value.as_str().expect("a text").to_owned();
        grants
            .iter()
            .map(|grant| (plain(&grant["source"]), plain(&grant["remaining"])))
            .collect()
    }

    /// Returns what an account can spend; asserts that the grants add up to it.
    pub async fn left(&self, account: &str) -> String {
        self.grants(account).await;
        self.available(account).await
    }

    /// Returns the sum of an account's ledger entries in milli-Sparks.
    pub fn sum_of_entries(&self, account: &str) -> i64 {
        self.entries(account)
            .iter()
            .map(|entry| entry.1)
            .sum::<i64>()
    }

    /// Returns the ids and amounts of an account's entries in milli-Sparks.
    pub fn entries(&self, account: &str) -> Vec<(String, i64)> {
        let entries = self.items("E#").into_iter();
        entries
            .filter(|entry| entry["account"]["S"] == account)
            .map(|entry| {
                let amount = entry["amount"]["N"].as_str().expect("an amount");
                (id(&entry["id"]["S"]), amount.parse().expect("a number"))
            })
            .collect()
    }

    /// Returns the amount of one entry in milli-Sparks; None if there is no such entry.
    pub fn entry(&self, id: &str) -> Option<i64> {
        let entries = self.items(&format!("E#{id}"));
        let entry = entries.iter().find(|entry| entry["id"]["S"] == id)?;
        entry["amount"]["N"].as_str()?.parse().ok()
    }
}
