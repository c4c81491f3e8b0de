//! The flows of the API, each as the events of its function.

use http::Method;
use local::lambda::Lambda;
use serde_json::{Value, json};

use crate::function::{self, invoke};
use crate::world::{Call, Failure, World};

/// A request of a caller, or a scheduled run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A usage of one line.
    Usage,
    /// A usage of one line, with a member.
    UsageOfMember,
    /// A batch of 45 usages.
    Batch,
    /// A new Checkout Session.
    Checkout,
    /// The first verification of a payment.
    Verify,
    /// A later verification of the same payment.
    VerifyAgain,
    /// The webhook of a payment.
    Webhook,
    /// A new portal session.
    Portal,
    /// A read of the subscription.
    Subscription,
    /// A read of the balance.
    Balance,
    /// A run of the outbox with nothing to do.
    Outbox,
}

/// Number of items in a full batch.
const BATCH: u64 = 45;

/// All flows; payments are last, because they make the account's item larger.
pub const ALL: [Flow; 11] = [
    Flow::Usage,
    Flow::UsageOfMember,
    Flow::Batch,
    Flow::Balance,
    Flow::Portal,
    Flow::Subscription,
    Flow::Outbox,
    Flow::Checkout,
    Flow::Verify,
    Flow::VerifyAgain,
    Flow::Webhook,
];

impl Flow {
    /// Returns its name in the budget.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::UsageOfMember => "usage with a member",
            Self::Batch => "batch of 45",
            Self::Checkout => "checkout",
            Self::Verify => "verify",
            Self::VerifyAgain => "verify again",
            Self::Webhook => "webhook",
            Self::Portal => "portal",
            Self::Subscription => "subscription",
            Self::Balance => "balance",
            Self::Outbox => "idle outbox",
        }
    }

    /// Returns the function that serves it.
    pub const fn function(self) -> &'static str {
        match self {
            Self::Usage | Self::UsageOfMember | Self::Batch => "record-usage",
            Self::Checkout => "create-checkout",
            Self::Verify | Self::VerifyAgain => "verify-payment",
            Self::Webhook => "stripe-webhook",
            Self::Portal | Self::Subscription => "create-portal",
            Self::Balance => "read-account",
            Self::Outbox => "deliver-outbox",
        }
    }
}

/// Makes events, and first what they depend on, such as a payment.
pub struct Caller<'w> {
    world: &'w World,
    account: String,
    checkout: Lambda,
    verify: Lambda,
    number: u64,
}

impl<'w> Caller<'w> {
    /// Creates a caller whose account has Sparks. A first usage gives it a customer at Stripe.
    pub async fn new(world: &'w World, account: &str) -> Result<Self, Failure> {
        let start = async |name: &str| -> Result<Lambda, Failure> {
            Ok(function::start(&function::binary(name)?, world.variables()).await?)
        };
        let mut caller = Self {
            world,
            account: account.to_owned(),
            checkout: start("create-checkout").await?,
            verify: start("verify-payment").await?,
            number: 0,
        };
        let grant = ["grant", account, "900000000", "--reason", "bench"];
        world.sparks(&grant).await?;
        let usage = start("record-usage").await?;
        invoke(&usage, &caller.event(Flow::Usage).await?).await?;
        usage.stop().await;
        Ok(caller)
    }

    /// Returns the next event of a flow.
    pub async fn event(&mut self, flow: Flow) -> Result<Value, Failure> {
        self.number += 1;
        let key = format!("{}-{}", flow.function(), self.number);
        match flow {
            Flow::Usage => {
                let body = Some(usage_body());
                self.call(Method::POST, "/v1/usage", &key, body).await
            }
            Flow::UsageOfMember => {
                let mut body = usage_body();
                body["member_id"] = "u_7".into();
                self.call(Method::POST, "/v1/usage", &key, Some(body)).await
            }
            Flow::Batch => {
                let item = |number| {
                    let mut item = usage_body();
                    item["idempotency_key"] = format!("{key}-{number}").into();
                    item
                };
                let items: Vec<Value> = (0..BATCH).map(item).collect();
                let body = json!({ "items": items });
                self.call(Method::POST, "/v1/usage/batch", &key, Some(body))
                    .await
            }
            Flow::Checkout => self.checkout_event(&key).await,
            Flow::Verify => {
                let (session, _) = self.paid(&key).await?;
                self.verify_event(&session, &key).await
            }
            Flow::VerifyAgain => {
                let (session, _) = self.paid(&key).await?;
                let event = self.verify_event(&session, &key).await?;
                invoke(&self.verify, &event).await?;
                Ok(event)
            }
            Flow::Webhook => {
                let (_, webhooks) = self.paid(&key).await?;
                let of_session = |event: &&Value| {
                    let body = event["body"].as_str().unwrap_or_default();
                    body.contains("\"checkout.session.completed\"")
                };
                let event = webhooks.iter().find(of_session);
                Ok(event.ok_or("no webhook of the payment was sent")?.clone())
            }
            Flow::Portal => {
                let body = json!({"return_url": format!("{}/account", self.world.origin())});
                self.call(Method::POST, "/v1/portal", &key, Some(body))
                    .await
            }
            Flow::Subscription => self.call(Method::GET, "/v1/subscription", &key, None).await,
            Flow::Balance => self.call(Method::GET, "/v1/balance", &key, None).await,
            Flow::Outbox => self.world.schedule(flow.function()).await,
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let account = &self.account;
        let call = Call {
            method,
            path,
            account,
            key,
            body,
        };
        self.world.event(&call).await
    }

    async fn checkout_event(&self, key: &str) -> Result<Value, Failure> {
        let origin = self.world.origin();
        let body = json!({
            "item": "pack_500k",
            "success_url": format!("{origin}/paid"),
            "cancel_url": format!("{origin}/"),
        });
        self.call(Method::POST, "/v1/checkout", key, Some(body))
            .await
    }

    async fn verify_event(&self, session: &str, key: &str) -> Result<Value, Failure> {
        let path = format!("/v1/checkout/{session}/verify");
        self.call(Method::POST, &path, key, None).await
    }

    /// Returns a session that was just paid, and the webhooks of its payment.
    async fn paid(&self, key: &str) -> Result<(String, Vec<Value>), Failure> {
        let event = self.checkout_event(key).await?;
        let opened = invoke(&self.checkout, &event).await?;
        let session = opened["session_id"]
            .as_str()
            .ok_or("no session")?
            .to_owned();
        let webhooks = self.world.pay(&session).await?;
        Ok((session, webhooks))
    }
}

/// Returns the body of a one-line usage, with a trace as an app sends it.
fn usage_body() -> Value {
    json!({
        "usage": [{
            "meter": "ai_tokens", "model": "gpt-5",
            "input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 300,
        }],
        "trace": {
            "name": "chat", "session_id": "s_1", "tags": ["prod"], "metadata": {"app": "bench"},
            "input": "What is a Spark?", "output": "A unit of usage.",
        },
    })
}
