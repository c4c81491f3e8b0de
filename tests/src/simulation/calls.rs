//! Calls of the API as its callers make them: with timeouts and retries.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::World;
use super::fleet::Function;
use super::fleet::process::Invocation;

/// The timeout of API Gateway.
const GATEWAY_LIMIT: Duration = Duration::from_secs(30);

/// A call of the API.
#[derive(Clone, Debug)]
pub(super) struct Call {
    function: Function,
    route: &'static str,
    path: String,
    session: Option<String>,
    account: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The time of the request.
    pub(super) asked_at: Timestamp,
    pub(super) status: u64,
    pub(super) body: Value,
    /// The time after which the API asks for a retry.
    pub(super) retry_after: Option<String>,
}

impl Answer {
    fn of(answer: &Value, asked_at: Timestamp) -> Self {
        let body = answer["body"].as_str().unwrap_or_default();
        let retry_after = answer["headers"]["retry-after"].as_str();
        Self {
            asked_at,
            status: answer["statusCode"].as_u64().unwrap_or_default(),
            body: serde_json::from_str(body).unwrap_or_default(),
            retry_after: retry_after.map(str::to_owned),
        }
    }

    /// Returns whether a retry would bring the same answer.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self.status, 429 | 500 | 502 | 503 | 504)
    }

    /// Returns the problem's code.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Call {
    fn new(function: Function, route: &'static str) -> Self {
        let path = route.split(' ').nth(1).unwrap_or_default();
        Self {
            function,
            route,
            path: path.to_owned(),
            session: None,
            account: None,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Records a usage as an account.
    pub(super) fn usage(account: &str, key: &str, body: &Value) -> Self {
        Self::new(Function::RecordUsage, "POST /v1/usage")
            .by(account)
            .with("idempotency-key", key)
            .json(body)
    }

    /// Records a batch as an account.
    pub(super) fn batch(account: &str, body: &Value) -> Self {
        Self::new(Function::RecordUsage, "POST /v1/usage/batch")
            .by(account)
            .json(body)
    }

    /// Creates a Checkout Session.
    pub(super) fn checkout(account: &str, key: &str, body: &Value) -> Self {
        Self::new(Function::CreateCheckout, "POST /v1/checkout")
            .by(account)
            .with("idempotency-key", key)
            .json(body)
    }

    /// Verifies a Checkout Session.
    pub(super) fn verify(account: &str, session: &str) -> Self {
        let route = "POST /v1/checkout/{session_id}/verify";
        let mut call = Self::new(Function::VerifyPayment, route).by(account);
        call.path = format!("/v1/checkout/{session}/verify");
        call.session = Some(session.to_owned());
        call
    }

    /// Opens the portal.
    pub(super) fn portal(account: &str, body: &Value) -> Self {
        Self::new(Function::CreatePortal, "POST /v1/portal")
            .by(account)
            .json(body)
    }

    /// Reads an account's subscription.
    pub(super) fn subscription(account: &str) -> Self {
        Self::new(Function::CreatePortal, "GET /v1/subscription").by(account)
    }

    /// Reads an account's balance.
    pub(super) fn balance(account: &str) -> Self {
        Self::new(Function::ReadAccount, "GET /v1/balance").by(account)
    }

    /// Reads an account's entries.
    pub(super) fn ledger(account: &str) -> Self {
        Self::new(Function::ReadAccount, "GET /v1/ledger").by(account)
    }

    /// Delivers a webhook with this signature.
    pub(super) fn webhook(signature: &str, body: &str) -> Self {
        let mut call = Self::new(Function::StripeWebhook, "POST /v1/webhooks/stripe")
            .with("stripe-signature", signature);
        call.body = Some(body.to_owned());
        call
    }

    fn by(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// Returns the event that API Gateway makes of the call: HTTP API, payload format 2.0.
    fn event(&self, now: Timestamp) -> Value {
        let method = self.route.split(' ').next().unwrap_or_default();
        let mut headers = json!({"content-type": "application/json", "host": "api.local"});
        for (name, value) in &self.headers {
            headers[name] = value.as_str().into();
        }
        let mut event = json!({
            "version": "2.0", "routeKey": self.route, "rawPath": self.path, "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "stage": "$default", "requestId": "r",
                "domainName": "api.local", "domainPrefix": "api", "time": "22/Nov/2026:12:00:00 +0000",
                "timeEpoch": now.as_millisecond(), "routeKey": self.route,
                "http": {
                    "method": method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "",
                },
            },
            "isBase64Encoded": false,
        });
        if let Some(session) = &self.session {
            event["pathParameters"] = json!({ "session_id": session });
        }
        if let Some(account) = &self.account {
            event["requestContext"]["authorizer"] =
                json!({"jwt": {"claims": {"sub": account}, "scopes": null}});
        }
        if let Some(body) = &self.body {
            event["body"] = body.as_str().into();
        }
        event
    }
}

impl World {
    /// Calls the API; returns None if the caller gave up or got no answer.
    ///
    /// A function goes on after its caller gave up, as in Lambda.
    pub(super) async fn call(self: &Arc<Self>, call: &Call) -> Option<Answer> {
        let limit = if self.network.strikes("client", "gave_up", 25) {
            Duration::from_millis(self.network.number(4_000))
        } else {
            GATEWAY_LIMIT
        };
        let asked_at = self.clock.now();
        let (world, event, function) = (Arc::clone(self), call.event(asked_at), call.function);
        let invocation = tokio::spawn(async move { world.invoke(function, event).await });
        let answer = tokio::time::timeout(limit, invocation).await.ok()?;
        let answer = answer.expect("a function does not panic")?;
        let answer = Answer::of(&answer, asked_at);
        let status = answer.status;
        let account = call.account.as_deref().unwrap_or_default();
        self.network.note(&format!(
            "{account} {}: {status} {}",
            call.route,
            answer.code()
        ));
        Some(answer)
    }

    /// Calls the API once and waits as long as the gateway does. Returns the invocation's timing, too.
    pub(super) async fn call_once(self: &Arc<Self>, call: &Call) -> Option<(Answer, Invocation)> {
        let asked_at = self.clock.now();
        let invocation = self.invoke_timed(call.function, call.event(asked_at));
        let answered = tokio::time::timeout(GATEWAY_LIMIT, invocation).await.ok()?;
        let (answer, took) = answered?;
        Some((Answer::of(&answer, asked_at), took))
    }

    /// Calls until there is a final answer, at most `attempts` times.
    pub(super) async fn insist(self: &Arc<Self>, call: &Call, attempts: u32) -> Option<Answer> {
        for _ in 0..attempts {
            if let Some(answer) = self.call(call).await
                && answer.is_final()
            {
                return Some(answer);
            }
            let pause = 200 + self.network.number(3_000);
            self.clock.sleep(Duration::from_millis(pause)).await;
        }
        None
    }
}
