//! The world a story happens in: a whole stack on free ports, with the functions in this process.
//!
//! Requests go over HTTP to the local gateway, which verifies tokens and calls the functions' handlers as
//! Lambda would. The handlers talk to DynamoDB and to the fakes over HTTP, as in `make dev`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a world that is not in order fails its story"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Parser;
use http::{HeaderMap, StatusCode};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use local::gateway::{Functions, Gateway, InProcess};
use local::http::FREE_PORT;
use local::stack::{Options, Stack, TABLE};
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::config::Environment;
use shared::transport::Transport;

/// A running stack and its API.
pub struct World {
    /// DynamoDB and the fakes.
    pub stack: Stack,
    gateway: Gateway,
    environment: BTreeMap<String, String>,
    http: reqwest::Client,
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
    /// A stack with everything in order.
    pub async fn start() -> Self {
        Self::start_with(&[], Clock::system()).await
    }

    /// A stack whose functions see these variables and this time.
    pub async fn start_with(variables: &[(&str, &str)], clock: Clock) -> Self {
        let stack = Stack::start(Options::default())
            .await
            .expect("a stack starts on free ports");
        let mut environment = stack.environment();
        environment.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let gateway = gateway(&environment, clock).await;
        Self {
            stack,
            gateway,
            environment,
            http: client(),
        }
    }

    /// The same stack with its functions started anew at another time; tokens are new, too.
    pub async fn at(self, clock: Clock) -> Self {
        let gateway = gateway(&self.environment, clock).await;
        Self { gateway, ..self }
    }

    /// Grants Sparks with the operator's command.
    pub async fn grant(&self, account: &str, sparks: &str) {
        self.sparks(&["grant", account, sparks, "--reason", "test"])
            .await
            .expect("a grant");
    }

    /// Runs the operator's command; answers what it printed, or how it failed.
    pub async fn sparks(&self, arguments: &[&str]) -> Result<String, cli::Error> {
        let command =
            cli::Command::try_parse_from(["sparks"].iter().chain(arguments)).expect("arguments");
        let lookup = |name: &str| self.environment.get(name).cloned();
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let environment = Environment::from_lookup(&lookup);
        cli::run(command, environment, Clock::system(), &mut out, &mut notes).await?;
        Ok(String::from_utf8(out).expect("UTF-8"))
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

    /// Sends a POST, with a token and a key where there are.
    pub async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.gateway.url()));
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
        let mut request = self.http.get(format!("{}{path}", self.gateway.url()));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request).await
    }

    /// What an account can spend.
    pub async fn available(&self, account: &str) -> String {
        let answer = self.get("/v1/balance", Some(&self.token(account))).await;
        answer.body["available"]
            .as_str()
            .unwrap_or_else(|| panic!("no balance: {answer:?}"))
            .to_owned()
    }

    /// The events at Stripe's meter.
    pub fn meter_events(&self) -> Vec<Value> {
        list(&self.stack.stripe.state()["meter_events"])
    }

    /// The spans in Langfuse.
    pub fn spans(&self) -> Vec<Value> {
        list(&self.stack.langfuse.state()["spans"])
    }

    /// The table's items whose partition key begins like this.
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

    /// The machine's time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        Clock::system().now().as_millisecond()
    }

    /// How many entries wait for the outbox.
    pub fn pending(&self) -> usize {
        self.items("E#")
            .iter()
            .filter(|item| item.get("pending_bucket").is_some())
            .count()
    }

    /// Puts an item in the place of another one, for what the API cannot bring about yet.
    pub async fn put_item(&self, item: Value) {
        let scope = "local/20261122/us-east-1/dynamodb/aws4_request";
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local");
        let request = self
            .http
            .post(self.stack.dynamodb.url())
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .header("x-amz-date", "20261122T000000Z")
            .header("authorization", signed);
        let body = json!({"TableName": TABLE, "Item": item}).to_string();
        let answer = answer(
            request
                .header("content-type", "application/x-amz-json-1.0")
                .body(body),
        )
        .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Everything in the table, in a form that can be compared.
    pub fn table(&self) -> Vec<String> {
        let mut items: Vec<String> = self.items("").iter().map(Value::to_string).collect();
        items.sort();
        items
    }
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
    /// The status and the problem's code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Whether the answer repeats an earlier one.
    pub fn is_replay(&self) -> bool {
        self.headers
            .get("idempotent-replayed")
            .is_some_and(|value| value == "true")
    }

    /// The answer, which must have this status.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often the status is all that matters"
    )]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        self
    }
}

async fn gateway(environment: &BTreeMap<String, String>, clock: Clock) -> Gateway {
    let lookup = |name: &str| environment.get(name).cloned();
    let environment = Environment::from_lookup(&lookup);
    let transport = Transport::network();
    let record_usage = Arc::new(
        record_usage::App::new(environment, &transport, clock.clone()).expect("configured"),
    );
    let read_account =
        Arc::new(read_account::App::new(environment, &transport, clock).expect("configured"));
    let functions = BTreeMap::from([
        (
            "record-usage".to_owned(),
            InProcess::new(move |event| {
                let app = Arc::clone(&record_usage);
                async move {
                    invoke(
                        service_fn(|request| record_usage::handle(&app, request)),
                        event,
                    )
                    .await
                }
            }),
        ),
        (
            "read-account".to_owned(),
            InProcess::new(move |event| {
                let app = Arc::clone(&read_account);
                async move {
                    invoke(
                        service_fn(|request| read_account::handle(&app, request)),
                        event,
                    )
                    .await
                }
            }),
        ),
    ]);
    let template = Template::of_the_project(&Template::local_parameters()).expect("the template");
    Gateway::start(
        FREE_PORT,
        template,
        Functions::InProcess(functions),
        Keys::generate(),
    )
    .await
    .expect("a gateway starts on a free port")
}

/// Calls a handler with an event, through the same adapter as in Lambda.
async fn invoke<'a, S>(handler: S, event: Value) -> Value
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
    let response = adapter
        .call(LambdaEvent::new(request, Context::default()))
        .await;
    let Ok(response) = response;
    serde_json::to_value(response).expect("an answer")
}
