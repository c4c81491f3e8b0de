//! The world of a story. It is a whole stack on free ports, with the functions in this process.
//!
//! Requests go over HTTP to the local gateway, which verifies tokens and calls the functions' handlers as Lambda does.
//! The handlers call DynamoDB and the fakes over HTTP, as in `make dev`.

#![expect(clippy::missing_panics_doc, reason = "a broken world fails its story")]

mod answer;
mod deliveries;
mod faults;
mod functions;
pub mod live_check;
mod logs;
pub mod model;
mod operator;
mod payments;
pub mod planted;
mod processes;
pub mod simulation;
mod subscriptions;
mod usages;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use local::gateway::Gateway;
use local::http::{FREE_PORT, Listener};
use local::stack::{Options, Stack, TABLE};
use serde_json::{Value, json};
use shared::ledger::Ledger;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;

use answer::answer;
pub use answer::{Answer, count};
use functions::gateway;
use logs::{AWS_SECRET, Logs};
use operator::{set_up_stripe, sparks, sparks_printing, variables_of};
pub use payments::{CARD, event, session_id};
pub use usages::{METER, TRACES, item, tokens};

/// The allocator of the functions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable that puts the API under a base path, as a custom domain does. No function reads it.
pub const BASE_PATH: &str = "BASE_PATH";

/// A running stack and its API.
pub struct World {
    /// DynamoDB and the fakes.
    pub stack: Stack,
    gateway: Gateway,
    environment: BTreeMap<String, String>,
    clock: Clock,
    http: reqwest::Client,
    logs: Logs,
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

    /// Starts a stack at noon of a fixed day. Calls of its providers get a short time.
    pub async fn at_noon() -> Self {
        let noon = "2026-11-22T12:00:00Z".parse().expect("a time");
        let variables = [("DELIVERY_BUDGET_MS", "400")];
        Self::start_with(&variables, Clock::starting_at(noon)).await
    }

    /// Starts a stack with the default settings at this time.
    pub async fn start_at(now: &str) -> Self {
        let now = now.parse().expect("a time");
        Self::start_with(&[], Clock::starting_at(now)).await
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
        environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), AWS_SECRET.to_owned());
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
        let logs = Logs::of(&environment);
        let gateway = gateway(listener, &environment, &clock, &logs.lines);
        Self {
            stack,
            gateway,
            environment,
            clock,
            http: local::client::plain(),
            logs,
        }
    }

    /// Moves the stack to another time and restarts its functions; tokens are new, too.
    pub async fn at(self, clock: Clock) -> Self {
        let stripe = self.stack.stripe.clock();
        stripe.skip(clock.now().as_second() - stripe.now().as_second());
        Self { clock, ..self }.restarted().await
    }

    /// Moves the stack to this time.
    pub async fn until(self, time: &str) -> Self {
        let time = time.parse().expect("a time");
        self.at(Clock::starting_at(time)).await
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
        let gateway = gateway(listener, &self.environment, &clock, &self.logs.lines);
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

    /// Runs the operator's command with `--json`; returns its report even if it fails.
    pub async fn report(&self, arguments: &[&str]) -> (Value, Result<(), cli::Error>) {
        let arguments = [arguments, &["--json"]].concat();
        let (printed, outcome) = self.sparks_printing(&arguments).await;
        let report = serde_json::from_str(&printed);
        (
            report.unwrap_or_else(|_| panic!("{outcome:?}: {printed}")),
            outcome,
        )
    }

    /// Runs `sparks doctor`; returns whether all checks pass, and the report.
    pub async fn doctor(&self) -> (bool, Value) {
        let (report, outcome) = self.report(&["doctor"]).await;
        assert_eq!(report["ok"], outcome.is_ok());
        assert!(matches!(outcome, Ok(()) | Err(cli::Error::NotInOrder)));
        (outcome.is_ok(), report)
    }

    /// The ledger in the table of this stack.
    pub fn ledger(&self) -> Ledger {
        let lookup = |name: &str| self.environment.get(name).cloned();
        let environment = Environment::from_lookup(&lookup);
        let (aws, table) = (environment.aws(), environment.table());
        let (aws, table) = (aws.expect("access"), table.expect("a table"));
        Ledger::new(&aws, &table, &Transport::network())
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
        let lines = self.logs.lines.kept();
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

    /// Returns the table's item under these keys.
    pub fn item(&self, pk: &str, sk: &str) -> Value {
        let mut items = self.items(pk).into_iter();
        let found = items.find(|item| item["sk"]["S"] == sk);
        found.unwrap_or_else(|| panic!("no {sk} of {pk}"))
    }

    /// Returns the time of the stack, to the millisecond.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Replaces an item, for a state that the API cannot create yet.
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

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().expect("a list")
}

fn id(value: &Value) -> String {
    let id = value.as_str();
    id.unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}
