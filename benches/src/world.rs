//! The surroundings of a function: DynamoDB and the fakes with fixed latencies, and the events of API Gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use http::Method;
use local::gateway::{Functions, Gateway, InProcess};
use local::http::{FREE_PORT, Listener, Server};
use local::stack::{Options, Stack, TABLE};
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;

use crate::units::Meter;
use crate::wire::Traffic;

/// Length of the session tokens that Lambda gives a function; they are part of each request to DynamoDB.
const SESSION_TOKEN_BYTES: usize = 820;

/// A running world.
pub(crate) struct World {
    /// The fakes.
    pub(crate) stack: Stack,
    /// The proxies in front of them.
    pub(crate) traffic: Traffic,
    ways: [Server; 3],
    gateway: Gateway,
    http: reqwest::Client,
    captured: Captured,
    set_up: BTreeMap<String, String>,
}

/// The captured events of functions, oldest first, each with its function.
type Captured = Arc<Mutex<Vec<(String, Value)>>>;

/// Failure of a bench.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// A request of a caller.
pub(crate) struct Call<'a> {
    /// Method, such as `POST`.
    pub(crate) method: Method,
    /// Path of the API.
    pub(crate) path: &'a str,
    /// Account of its token.
    pub(crate) account: &'a str,
    /// Its idempotency key.
    pub(crate) key: &'a str,
    /// Its body, if it has one.
    pub(crate) body: Option<Value>,
}

impl World {
    /// Starts everything, with Stripe set up as `sparks stripe-setup` does.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let stack = Stack::start(Options::default()).await?;
        let template = Template::of_the_project(&Template::local_parameters())?;
        let traffic = Traffic::default();
        let meter = Meter::of(&template.table_definition(TABLE));
        let ways = [
            traffic
                .to_dynamodb(stack.dynamodb.tables().clone(), meter)
                .await?,
            traffic.to_stripe(stack.stripe.stripe().clone()).await?,
            traffic
                .to_langfuse(stack.langfuse.langfuse().clone())
                .await?,
        ];
        let captured = Captured::default();
        let functions = template.functions.keys().map(|name| {
            let (captured, function) = (Arc::clone(&captured), name.clone());
            let capture = InProcess::new(move |event| {
                lock(&captured).push((function.clone(), event));
                async { json!({"statusCode": 200, "headers": {}, "body": "{}", "isBase64Encoded": false}) }
            });
            (name.clone(), capture)
        });
        let functions = Functions::InProcess(functions.collect());
        let listener = Listener::bind(FREE_PORT).await?;
        let gateway = Gateway::serve(listener, template, functions, Keys::generate())?;
        let mut world = Self {
            stack,
            traffic,
            ways,
            gateway,
            http: local::client::plain(),
            captured,
            set_up: BTreeMap::new(),
        };
        world.set_up().await?;
        Ok(world)
    }

    /// Creates at Stripe what the functions need.
    async fn set_up(&mut self) -> Result<(), Failure> {
        let webhooks = format!("{}/v1/webhooks/stripe", self.gateway.url());
        let made = self
            .sparks(&["stripe-setup", "--webhook-url", &webhooks, "--json"])
            .await?;
        let made: Value = serde_json::from_str(&made)?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let price_ids = made["price_ids"].as_object().into_iter().flatten();
        let price_ids: Vec<String> = price_ids
            .map(|(item, id)| format!("{item}={}", id.as_str().unwrap_or_default()))
            .collect();
        let secrets = [text("webhook_secret"), text("event_destination_secret")];
        self.set_up.extend([
            ("STRIPE_PRICE_IDS".to_owned(), price_ids.join(",")),
            (
                "STRIPE_PORTAL_CONFIGURATION".to_owned(),
                text("portal_configuration"),
            ),
            ("STRIPE_WEBHOOK_SECRETS".to_owned(), secrets.join(",")),
        ]);
        Ok(())
    }

    /// Returns the environment variables of a function.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.stack.environment();
        let [dynamodb, stripe, langfuse] = &self.ways;
        let token = "t".repeat(SESSION_TOKEN_BYTES);
        let own = [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()),
            ("STRIPE_API_BASE", stripe.url()),
            ("LANGFUSE_HOST", langfuse.url()),
            ("ALLOWED_ORIGINS", self.gateway.url()),
            ("AWS_SESSION_TOKEN", token),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        variables.extend(self.set_up.clone());
        variables
    }

    /// Runs the operator's command; returns its output.
    pub(crate) async fn sparks(&self, arguments: &[&str]) -> Result<String, Failure> {
        let command = cli::Command::try_parse_from(["sparks"].iter().chain(arguments))?;
        let mut variables = self.stack.environment();
        variables.extend(self.set_up.clone());
        let lookup = |name: &str| variables.get(name).cloned();
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let environment = Environment::from_lookup(&lookup);
        let network = Transport::network();
        let running = cli::run(
            command,
            environment,
            &network,
            Clock::system(),
            &mut out,
            &mut notes,
        );
        Box::pin(running).await?;
        Ok(String::from_utf8(out)?)
    }

    /// Returns the event that a function gets for a call.
    pub(crate) async fn event(&self, call: &Call<'_>) -> Result<Value, Failure> {
        let url = format!("{}{}", self.gateway.url(), call.path);
        let token = self.gateway.token(call.account, None);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .bearer_auth(token);
        request = request
            .header("idempotency-key", call.key)
            .header("user-agent", "bench");
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json");
            request = request.body(body.to_string());
        }
        lock(&self.captured).clear();
        request.send().await?;
        let (_, event) = lock(&self.captured)
            .pop()
            .ok_or("the call led to no function")?;
        Ok(event)
    }

    /// Returns the event that the scheduled function gets.
    pub(crate) async fn schedule(&self, function: &str) -> Result<Value, Failure> {
        self.gateway.run(function).await;
        let (_, event) = lock(&self.captured)
            .pop()
            .ok_or("there is no such function")?;
        Ok(event)
    }

    /// Pays a Checkout Session, and returns the events of the webhooks that follow.
    pub(crate) async fn pay(&self, session: &str) -> Result<Vec<Value>, Failure> {
        lock(&self.captured).clear();
        let url = format!("{}/_local/checkout/{session}/pay", self.stack.stripe.url());
        let card = json!({"card": "4242424242424242"}).to_string();
        let paid = self.http.post(url).body(card).send().await?;
        paid.error_for_status()?;
        self.stack.stripe.settled().await;
        let captured = std::mem::take(&mut *lock(&self.captured));
        let webhooks = captured
            .into_iter()
            .filter(|(function, _)| function == "stripe-webhook");
        Ok(webhooks.map(|(_, event)| event).collect())
    }

    /// Returns the address of the API, which is also the only allowed origin.
    pub(crate) fn origin(&self) -> String {
        self.gateway.url()
    }
}

fn lock(captured: &Captured) -> MutexGuard<'_, Vec<(String, Value)>> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}
