//! The surroundings of a function. They are DynamoDB and the fakes with fixed latencies, and the events of API Gateway.
//!
//! DynamoDB is the model, which counts the units that requests consume.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Parser;
use http::Method;
use local::dynamodb::{Access, Consumed, Pace, Tables};
use local::gateway::{Functions, Gateway, InProcess};
use local::http::{FREE_PORT, Listener, Server};
use local::stack::{Options, Stack, TABLE};
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;

use crate::traffic::Traffic;

/// Length of the session tokens that Lambda gives a function. They are part of each request to DynamoDB.
const SESSION_TOKEN_BYTES: usize = 820;

/// Neither transactions nor throughput delay a request: only the proxies do.
const UNLIMITED: Pace = Pace {
    transaction: Duration::ZERO,
    further_item: Duration::ZERO,
    write_units: 1_000_000,
    read_units: 1_000_000,
};

/// A running world.
pub struct World {
    /// The proxies in front of DynamoDB and the fakes.
    pub traffic: Traffic,
    stack: Stack,
    tables: Tables,
    gateway: Gateway,
    http: reqwest::Client,
    captured: Captured,
    variables: BTreeMap<String, String>,
    /// They serve until they are dropped.
    _proxies: [Server; 3],
}

/// The captured events of functions, oldest first, each with its function.
type Captured = Arc<Mutex<Vec<(String, Value)>>>;

/// Failure of a bench.
pub type Failure = Box<dyn std::error::Error>;

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
    pub async fn start() -> Result<Self, Failure> {
        let stack = Stack::start(Options::default()).await?;
        let template = Template::of_the_project(&Template::local_parameters())?;
        let tables =
            Tables::new(Access::default(), local::clock::Clock::system()).with_pace(UNLIMITED);
        tables.create_table(&template.table_definition(TABLE))?;
        let traffic = Traffic::default();
        let proxies = proxies(&traffic, &tables, &stack).await?;
        let captured = Captured::default();
        let functions = template.functions.keys();
        let functions = functions.map(|name| (name.clone(), capture(name, &captured)));
        let functions = Functions::InProcess(functions.collect());
        let listener = Listener::bind(FREE_PORT).await?;
        let gateway = Gateway::serve(listener, template, functions, Keys::generate())?;
        let mut variables = stack.environment();
        let [dynamodb, stripe, langfuse] = &proxies;
        let own = [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()),
            ("STRIPE_API_BASE", stripe.url()),
            ("LANGFUSE_HOST", langfuse.url()),
            ("ALLOWED_ORIGINS", gateway.url()),
            ("AWS_SESSION_TOKEN", "t".repeat(SESSION_TOKEN_BYTES)),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let mut world = Self {
            traffic,
            stack,
            tables,
            gateway,
            http: local::client::plain(),
            captured,
            variables,
            _proxies: proxies,
        };
        world.set_up_stripe().await?;
        Ok(world)
    }

    /// Creates at Stripe what the functions need.
    async fn set_up_stripe(&mut self) -> Result<(), Failure> {
        let webhooks = format!("{}/v1/webhooks/stripe", self.gateway.url());
        let arguments = ["stripe-setup", "--webhook-url", &webhooks, "--json"];
        let made: Value = serde_json::from_str(&self.sparks(&arguments).await?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let price_ids = made["price_ids"].as_object().into_iter().flatten();
        let price_ids = price_ids.map(|(item, id)| format!("{item}={}", text(id)));
        let secrets = ["webhook_secret", "event_destination_secret"];
        let variables = [
            ("STRIPE_PRICE_IDS", price_ids.collect::<Vec<_>>().join(",")),
            (
                "STRIPE_PORTAL_CONFIGURATION",
                text(&made["portal_configuration"]),
            ),
            (
                "STRIPE_WEBHOOK_SECRETS",
                secrets.map(|name| text(&made[name])).join(","),
            ),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        self.variables.extend(variables);
        Ok(())
    }

    /// Returns the environment variables of a function.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Returns the units of DynamoDB that all requests so far have consumed.
    pub fn consumed(&self) -> Consumed {
        self.tables.consumed()
    }

    /// Runs the operator's command; returns its output.
    pub(crate) async fn sparks(&self, arguments: &[&str]) -> Result<String, Failure> {
        let command = cli::Command::try_parse_from(["sparks"].iter().chain(arguments))?;
        let lookup = |name: &str| self.variables.get(name).cloned();
        let environment = Environment::from_lookup(&lookup);
        let (network, clock) = (Transport::network(), Clock::system());
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let running = cli::run(command, environment, &network, clock, &mut out, &mut notes);
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

/// Starts the proxies to DynamoDB, Stripe and Langfuse.
async fn proxies(
    traffic: &Traffic,
    tables: &Tables,
    stack: &Stack,
) -> Result<[Server; 3], local::http::Error> {
    let tables = tables.clone();
    let stripe = stack.stripe.stripe().clone();
    let langfuse = stack.langfuse.langfuse().clone();
    let to_dynamodb = traffic.to_dynamodb(move |request| {
        let tables = tables.clone();
        async move { tables.handle(request).await }
    });
    let to_stripe = traffic.to_provider(move |request| {
        let stripe = stripe.clone();
        async move { stripe.handle(request).await }
    });
    let to_langfuse = traffic.to_provider(move |request| {
        let langfuse = langfuse.clone();
        async move { langfuse.handle(request).await }
    });
    Ok([to_dynamodb.await?, to_stripe.await?, to_langfuse.await?])
}

/// Returns a function that keeps its events, and responds at once.
fn capture(name: &str, captured: &Captured) -> InProcess {
    let (captured, name) = (Arc::clone(captured), name.to_owned());
    InProcess::new(move |event| {
        lock(&captured).push((name.clone(), event));
        async { json!({"statusCode": 200, "headers": {}, "body": "{}", "isBase64Encoded": false}) }
    })
}

fn lock(captured: &Captured) -> MutexGuard<'_, Vec<(String, Value)>> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}
