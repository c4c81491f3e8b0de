//! Usages in a story: their bodies, and the calls that record them.

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use shared::usage::MAX_ITEMS;

use crate::{Answer, World, id};

/// The path of Stripe's meter.
pub const METER: &str = "/v1/billing/meter_events";

/// The path at which Langfuse takes traces.
pub const TRACES: &str = "/api/public/otel/v1/traces";

/// Returns the body of a usage of tokens, ten of which cost one Spark.
pub fn tokens(count: u64) -> Value {
    json!({"usage": [{"meter": "ai_tokens", "input_tokens": count}]})
}

/// Returns an item of a batch, a usage of tokens under this key.
pub fn item(key: &str, count: u64) -> Value {
    let mut item = tokens(count);
    item["idempotency_key"] = key.into();
    item
}

impl World {
    /// Records usage as an account.
    pub async fn record(&self, account: &str, key: &str, body: &Value) -> Answer {
        self.post(
            "/v1/usage",
            Some(&self.token(account)),
            Some(key),
            body.to_string(),
        )
        .await
    }

    /// Records usage as an account; asserts that it is charged or was charged before.
    pub async fn charged(&self, account: &str, key: &str, body: &Value) -> Answer {
        let answer = self.record(account, key, body).await;
        answer.expect(StatusCode::CREATED)
    }

    /// Records a batch as an account.
    pub async fn record_batch(&self, account: &str, items: &[Value]) -> Answer {
        let body = json!({ "items": items }).to_string();
        self.post("/v1/usage/batch", Some(&self.token(account)), None, body)
            .await
    }

    /// Records a batch as an account; asserts that its items are judged one by one.
    pub async fn batched(&self, account: &str, items: &[Value]) -> Answer {
        let answer = self.record_batch(account, items).await;
        answer.expect(StatusCode::OK)
    }

    /// Records this many usages of an account, in batches.
    pub async fn record_many(&self, account: &str, count: usize) {
        self.grant(account, "100000").await;
        let numbers: Vec<u64> = (0..).take(count).collect();
        for numbers in numbers.chunks(MAX_ITEMS) {
            let items = numbers
                .iter()
                .map(|number| item(&format!("k{number}"), 1 + number % 7));
            let items: Vec<Value> = items.collect();
            self.batched(account, &items).await;
        }
    }

    /// Records usages of so many tokens under `k0`, `k1` and so on, all at once.
    pub async fn record_at_once(&self, account: &str, usages: usize, each: u64) -> Vec<Answer> {
        let (keys, body) = ((0..usages).map(|number| format!("k{number}")), tokens(each));
        let keys: Vec<String> = keys.collect();
        join_all(keys.iter().map(|key| self.record(account, key, &body))).await
    }

    /// Spends whole Sparks; returns the usage's id.
    pub async fn spend(&self, account: &str, key: &str, sparks: u64) -> String {
        let charged = self.charged(account, key, &tokens(sparks * 10)).await;
        id(&charged.body["usage_id"])
    }
}
