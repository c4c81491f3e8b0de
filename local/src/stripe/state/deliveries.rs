//! Deliveries of events, each a signed request to one endpoint.

use bytes::Bytes;
use http::{Method, header};
use ring::hmac;
use serde_json::{Value, json};

use super::account::State;
use super::delivery::{Delivery, Stage};
use crate::http::Request;

impl State {
    /// Adds a delivery.
    pub(crate) fn deliver(&mut self, event: &str, kind: &str, endpoint: &str) {
        self.add_delivery(event, kind, endpoint, Stage::New);
    }

    pub(crate) fn add_delivery(
        &mut self,
        event: &str,
        kind: &str,
        endpoint: &str,
        stage: Stage,
    ) -> u64 {
        let id = self.deliveries.len() as u64;
        self.deliveries.push(Delivery {
            id,
            event: event.to_owned(),
            kind: kind.to_owned(),
            endpoint: endpoint.to_owned(),
            due_ms: 0,
            stage,
            attempts: Vec::new(),
        });
        id
    }

    /// Lists all deliveries, for `GET /_local/state`.
    pub(crate) fn listed_deliveries(&self) -> Vec<Value> {
        let deliveries = self.deliveries.iter();
        deliveries
            .map(|delivery| {
                json!({
                    "id": delivery.id, "event": delivery.event, "type": delivery.kind,
                    "endpoint": delivery.endpoint, "state": delivery.stage, "attempts": delivery.attempts,
                })
            })
            .collect()
    }

    /// Returns whether each delivery has been accepted, given up, held or dropped.
    pub(crate) fn is_settled(&self) -> bool {
        let open = [Stage::New, Stage::Pending, Stage::Sending];
        !self
            .deliveries
            .iter()
            .any(|delivery| open.contains(&delivery.stage))
    }

    /// Returns a webhook endpoint or an event destination.
    pub(crate) fn receiver(&self, id: &str) -> Option<&Value> {
        let endpoint = self.objects.get("webhook_endpoints", id);
        endpoint.or_else(|| self.objects.get("event_destinations", id))
    }

    /// Returns the signed request of a delivery; None if its endpoint no longer exists.
    pub(crate) fn request(&self, delivery: &Delivery, now: i64) -> Option<Request> {
        let body = serde_json::to_string_pretty(&self.payload(&delivery.event)?).ok()?;
        let receiver = self.receiver(&delivery.endpoint)?;
        let url = receiver["url"]
            .as_str()
            .or(receiver["webhook_endpoint"]["url"].as_str())?;
        let secrets = receiver["_secrets"].as_array()?.iter();
        let secrets = secrets.filter_map(Value::as_str);
        let signatures = secrets.map(|secret| digest(secret, now, &body));
        let signatures: Vec<_> = signatures.map(|digest| format!("v1={digest}")).collect();
        let v0 = digest("a scheme for test mode", now, &body);
        let signature = format!("t={now},{},v0={v0}", signatures.join(","));
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(
                header::USER_AGENT,
                "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            )
            .header("stripe-signature", signature);
        request.body(Bytes::from(body)).ok()
    }
}

/// Returns the `Stripe-Signature` of a payload: `t=<seconds>,v1=<hex>`.
/// <https://docs.stripe.com/webhooks/signature>
pub fn signature(secret: &str, seconds: i64, payload: &str) -> String {
    format!("t={seconds},v1={}", digest(secret, seconds, payload))
}

fn digest(secret: &str, seconds: i64, payload: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let digest = hmac::sign(&key, format!("{seconds}.{payload}").as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}
