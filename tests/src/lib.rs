//! The world of a story: a whole stack on free ports, with the functions in this process.
//!
//! Requests go over HTTP to the local gateway, which verifies tokens and calls the functions' handlers as Lambda does.
//! The handlers call DynamoDB and the fakes over HTTP, as in `make dev`.

#![expect(clippy::missing_panics_doc, reason = "a broken world fails its story")]

mod deliveries;
pub mod live_check;
pub mod model;
mod payments;
pub mod planted;
mod processes;
pub mod simulation;
mod subscriptions;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Parser;
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use local::gateway::{Functions, Gateway, InProcess};
use local::http::{FREE_PORT, Listener};
use local::stack::{Options, Stack, TABLE};
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry::Lines;
use shared::process::transport::Transport;

/// The allocator of the functions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use payments::session_id;

/// The variable that puts the API under a base path, as a custom domain does; no function reads it.
pub const BASE_PATH: &str = "BASE_PATH";

/// A running stack and its API.
pub struct World {
    /// DynamoDB and the fakes.
    pub stack: Stack,
    gateway: Gateway,
    environment: BTreeMap<String, String>,
    clock: Clock,
    http: reqwest::Client,
    lines: Lines,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which is always JSON.
    pub body: Value,
}

impl World {
    /// Starts a stack with the default settings.
    pub async fn start() -> Self {
        Self::start_with(&[], Clock::system()).await
    }

    /// Starts a stack whose functions see these variables and this time.
    pub async fn start_with(variables: &[(&str, &str)], clock: Clock) -> Self {
        Self::start_on(Options::default(), variables, clock).await
    }

    /// Starts a stack at noon of a fixed day, with a short time for calls of its providers.
    pub async fn at_noon() -> Self {
        let noon = "2026-11-22T12:00:00Z".parse().expect("a time");
        let variables = [("DELIVERY_BUDGET_MS", "400")];
        Self::start_with(&variables, Clock::starting_at(noon)).await
    }

    /// Starts a stack with these options, whose functions see these variables and this time.
    pub async fn start_on(options: Options, variables: &[(&str, &str)], clock: Clock) -> Self {
        let options = Options {
            clock: local::clock::Clock::starting_at(clock.now()),
            ..options
        };
        let stack = Stack::start(options).await;
        let stack = stack.expect("a stack starts on free ports");
        let listener = listen().await;
        let mut environment = stack.environment();
        environment.insert("ALLOWED_ORIGINS".to_owned(), listener.url());
        if let Some((name, value)) = variables.iter().find(|(name, _)| *name == BASE_PATH) {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let made = set_up_stripe(&environment, &listener, &clock).await;
        environment.extend(variables_of(&made));
        environment.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let lines = Lines::default();
        let gateway = gateway(listener, &environment, &clock, &lines);
        Self {
            stack,
            gateway,
            environment,
            clock,
            http: client(),
            lines,
        }
    }

    /// Moves the stack to another time and restarts its functions; tokens are new, too.
    pub async fn at(self, clock: Clock) -> Self {
        let stripe = self.stack.stripe.clock();
        stripe.skip(clock.now().as_second() - stripe.now().as_second());
        Self { clock, ..self }.restarted().await
    }

    /// Moves the stack ahead by this time.
    pub async fn later(self, passed: SignedDuration) -> Self {
        let then = self.clock.now() + passed;
        self.at(Clock::starting_at(then)).await
    }

    /// Sets a variable for the functions that are started next.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Restarts the functions at another address.
    pub async fn restarted(self) -> Self {
        let clock = self.clock.clone();
        let listener = listen().await;
        set_up_stripe(&self.environment, &listener, &clock).await;
        let gateway = gateway(listener, &self.environment, &clock, &self.lines);
        Self { gateway, ..self }
    }

    /// Grants Sparks with the operator's command.
    pub async fn grant(&self, account: &str, sparks: &str) {
        self.sparks(&["grant", account, sparks, "--reason", "test"])
            .await
            .expect("a grant");
    }

    /// Runs the operator's command; returns its output or its error.
    pub async fn sparks(&self, arguments: &[&str]) -> Result<String, cli::Error> {
        sparks(&self.environment, &self.clock, arguments).await
    }

    /// Runs the operator's command; returns its output even if it fails.
    pub async fn sparks_printing(&self, arguments: &[&str]) -> (String, Result<(), cli::Error>) {
        sparks_printing(&self.environment, &self.clock, arguments).await
    }

    /// The variables that the functions see.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// A token of an account.
    pub fn token(&self, account: &str) -> String {
        self.gateway.token(account, None)
    }

    /// A token of a service.
    pub fn service_token(&self) -> String {
        self.gateway.token("svc", Some("sparks:act_for_accounts"))
    }

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

    /// Records a batch as an account.
    pub async fn record_batch(&self, account: &str, items: &[Value]) -> Answer {
        let body = json!({ "items": items }).to_string();
        self.post("/v1/usage/batch", Some(&self.token(account)), None, body)
            .await
    }

    /// Sends a POST, with a token and an idempotency key if they are given.
    pub async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.post(self.url(path));
        request = request
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        answer(request).await
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.http.get(self.url(path));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request).await
    }

    /// Returns the address of a path of the API.
    fn url(&self, path: &str) -> String {
        let base_path = self.environment.get(BASE_PATH);
        let base_path = base_path.map_or("", String::as_str);
        format!("{}{base_path}{path}", self.gateway.url())
    }

    /// Returns the Sparks that an account can spend.
    pub async fn available(&self, account: &str) -> String {
        let answer = self.get("/v1/balance", Some(&self.token(account))).await;
        answer.body["available"]
            .as_str()
            .unwrap_or_else(|| panic!("no balance: {answer:?}"))
            .to_owned()
    }

    /// Returns the log line of each invocation of a function, oldest first.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.lines.kept();
        let parsed = lines.iter().map(|line| serde_json::from_str(line));
        parsed.map(|line| line.expect("JSON")).collect()
    }

    /// Returns the table's items whose partition key has this prefix.
    pub fn items(&self, prefix: &str) -> Vec<Value> {
        let items = self.stack.dynamodb.items(TABLE).expect("the table");
        items
            .into_iter()
            .filter(|item| {
                item["pk"]["S"]
                    .as_str()
                    .is_some_and(|pk| pk.starts_with(prefix))
            })
            .collect()
    }

    /// Returns the time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Puts an item in place of another one, for a state that the API cannot create yet.
    pub async fn put_item(&self, item: Value) {
        let body = json!({"TableName": TABLE, "Item": item});
        let answer = self.at_dynamodb("local", "PutItem", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Sends an operation to DynamoDB, signed with this access key.
    pub async fn at_dynamodb(&self, access_key: &str, operation: &str, body: &Value) -> Answer {
        let scope = format!("{access_key}/20261122/us-east-1/dynamodb/aws4_request");
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local");
        let request = self
            .http
            .post(self.stack.dynamodb.url())
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20261122T000000Z")
            .header("authorization", signed);
        answer(
            request
                .header("content-type", "application/x-amz-json-1.0")
                .body(body.to_string()),
        )
        .await
    }

    /// Returns the whole table in a form that can be compared.
    pub fn table(&self) -> Vec<String> {
        let mut items: Vec<String> = self.items("").iter().map(Value::to_string).collect();
        items.sort();
        items
    }
}

async fn listen() -> Listener {
    Listener::bind(FREE_PORT).await.expect("a free port")
}

/// Creates at Stripe what the functions need, with webhooks for the API behind `listener`.
async fn set_up_stripe(
    environment: &BTreeMap<String, String>,
    listener: &Listener,
    clock: &Clock,
) -> Value {
    let base_path = environment.get(BASE_PATH).map_or("", String::as_str);
    let webhooks = format!("{}{base_path}/v1/webhooks/stripe", listener.url());
    let arguments = ["stripe-setup", "--webhook-url", &webhooks, "--json"];
    let made = sparks(environment, clock, &arguments)
        .await
        .expect("set up");
    serde_json::from_str(&made).expect("JSON")
}

/// Runs the operator's command in this process; returns its output or its error.
async fn sparks(
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    arguments: &[&str],
) -> Result<String, cli::Error> {
    let (printed, outcome) = sparks_printing(environment, clock, arguments).await;
    outcome.map(|()| printed)
}

async fn sparks_printing(
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    arguments: &[&str],
) -> (String, Result<(), cli::Error>) {
    let network = Transport::network();
    let (out, _, outcome) = sparks_over(environment, &network, clock, arguments).await;
    (out, outcome)
}

/// Runs the operator's command over a transport; returns its output, its notes and its outcome.
async fn sparks_over(
    environment: &BTreeMap<String, String>,
    transport: &Transport,
    clock: &Clock,
    arguments: &[&str],
) -> (String, String, Result<(), cli::Error>) {
    let command =
        cli::Command::try_parse_from(["sparks"].iter().chain(arguments)).expect("arguments");
    let lookup = |name: &str| environment.get(name).cloned();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let environment = Environment::from_lookup(&lookup);
    let clock = clock.clone();
    let running = cli::run(command, environment, transport, clock, &mut out, &mut notes);
    let outcome = Box::pin(running).await;
    let [out, notes] = [out, notes].map(|text| String::from_utf8(text).expect("UTF-8"));
    (out, notes, outcome)
}

/// Returns the functions' variables from the output of `sparks stripe-setup`.
fn variables_of(made: &Value) -> [(String, String); 3] {
    let price_ids = made["price_ids"].as_object().expect("price ids").iter();
    let price_ids = price_ids.map(|(item, price_id)| format!("{item}={}", text(price_id)));
    let secrets = ["webhook_secret", "event_destination_secret"].map(|name| text(&made[name]));
    let variables = [
        ("STRIPE_PRICE_IDS", price_ids.collect::<Vec<_>>().join(",")),
        (
            "STRIPE_PORTAL_CONFIGURATION",
            text(&made["portal_configuration"]).to_owned(),
        ),
        ("STRIPE_WEBHOOK_SECRETS", secrets.join(",")),
    ];
    variables.map(|(name, value)| (name.to_owned(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().expect("a list")
}

fn client() -> reqwest::Client {
    local::client::plain()
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the gateway answers");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.bytes().await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("not JSON: {body:?}"));
    Answer {
        status,
        headers,
        body,
    }
}

impl Answer {
    /// Returns the status and the problem's code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Returns whether the answer is a replay.
    pub fn is_replay(&self) -> bool {
        self.headers
            .get("idempotent-replayed")
            .is_some_and(|value| value == "true")
    }

    /// Asserts that the answer has this status, and returns it.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often the status is all that matters"
    )]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        self
    }
}

/// Starts the functions behind a gateway on this listener.
fn gateway(
    listener: Listener,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    lines: &Lines,
) -> Gateway {
    let template = Template::on_this_machine(&[listener.url()]).expect("the template");
    let lookup = |name: &str| environment.get(name).cloned();
    let transport = Transport::network();
    // Each function has a crate with an `App` and a `handle` of its own types.
    macro_rules! function {
        ($name:literal, $function:ident) => {{
            let own = own_variables(&template, $name, environment);
            let lookup = |name: &str| own.get(name).cloned();
            let own = Environment::from_lookup(&lookup);
            let app = $function::App::new(Setup {
                environment: own,
                transport: &transport,
                clock: &clock,
            });
            let app = Arc::new(app.expect("configured"));
            let lines = lines.clone();
            let function = InProcess::new(move |event| {
                let (app, lines) = (Arc::clone(&app), lines.clone());
                async move {
                    let handler = service_fn(|request| $function::handle(&app, request));
                    lines.keep(invoke(handler, event, Context::default())).await
                }
            });
            ($name.to_owned(), function)
        }};
    }
    let mut functions = BTreeMap::from([
        function!("record-usage", record_usage),
        function!("read-account", read_account),
    ]);
    // These functions need Stripe: without it, they fail at init in Lambda.
    if lookup("STRIPE_SECRET_KEY").is_some_and(|key| !key.is_empty()) {
        functions.extend([
            function!("create-checkout", create_checkout),
            function!("create-portal", create_portal),
            function!("verify-payment", verify_payment),
            function!("stripe-webhook", stripe_webhook),
        ]);
    }
    let own = own_variables(&template, "deliver-outbox", environment);
    let lookup = |name: &str| own.get(name).cloned();
    let own = Environment::from_lookup(&lookup);
    let outbox = deliver_outbox::App::new(Setup {
        environment: own,
        transport: &transport,
        clock,
    });
    let outbox = Arc::new(outbox.expect("configured"));
    let lines = lines.clone();
    let outbox = InProcess::new(move |event| {
        let (outbox, lines) = (Arc::clone(&outbox), lines.clone());
        async move {
            let event = LambdaEvent::new(event, Context::default());
            let report = lines.keep(deliver_outbox::handle(&outbox, event)).await;
            json!(report.expect("a run of the outbox"))
        }
    });
    functions.insert("deliver-outbox".to_owned(), outbox);
    let base_path = environment.get(BASE_PATH).map_or("", String::as_str);
    let functions = Functions::InProcess(functions);
    let gateway = Gateway::serve_under(base_path, listener, template, functions, Keys::generate());
    gateway.expect("a gateway serves")
}

/// Returns the variables that a function has in AWS, and no others.
///
/// The function signs with its own name, so that its own policies apply.
fn own_variables(
    template: &Template,
    function: &str,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given = &template.functions[function].variables;
    let is_given = |name: &str| {
        let by_parameter = format!("{name}_PARAMETER");
        name.starts_with("AWS_") || given.contains(name) || given.contains(&by_parameter)
    };
    let own = environment.iter().filter(|(name, _)| is_given(name));
    let mut own: BTreeMap<String, String> = own
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    own.insert("AWS_ACCESS_KEY_ID".to_owned(), function.to_owned());
    own
}

/// Calls a handler with an event, through the same adapter as in Lambda.
async fn invoke<'a, S>(handler: S, event: Value, context: Context) -> Value
where
    S: Service<
            lambda_http::Request,
            Response = lambda_http::Response<lambda_http::Body>,
            Error = std::convert::Infallible,
        >,
    S::Future: Send + 'a,
{
    let request: LambdaRequest = serde_json::from_value(event).expect("an API Gateway event");
    let mut adapter = Adapter::from(handler);
    let response = adapter.call(LambdaEvent::new(request, context)).await;
    let Ok(response) = response;
    serde_json::to_value(response).expect("an answer")
}
