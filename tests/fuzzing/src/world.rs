//! The functions in this process, over a ledger and a Stripe that record their calls.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::edge::request;
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry::Lines;
use shared::process::transport::Transport;

/// The time at which every request arrives.
pub(crate) const NOW: &str = "2026-11-22T20:15:00Z";

/// The secret of Stripe's webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_test_secret";

/// The stage, from which ids are derived.
pub(crate) const STAGE: &str = "fuzzing";

/// The address of Stripe.
const STRIPE: &str = "https://stripe.test";

/// A call of a system.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// An operation of the table, and its input.
    Ledger(String, Value),
    /// A call of Stripe.
    Stripe(Method, String),
}

/// A function's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

/// Every function that API Gateway calls.
pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    calls: Arc<Mutex<Vec<Call>>>,
    record_usage: record_usage::App,
    read_account: read_account::App,
    create_checkout: create_checkout::App,
    verify_payment: verify_payment::App,
    create_portal: create_portal::App,
    stripe_webhook: stripe_webhook::App,
}

thread_local! {
    static WORLD: World = World::start();
}

/// Runs a closure with the functions, which are started once.
pub(crate) fn with<T>(work: impl FnOnce(&World) -> T) -> T {
    WORLD.with(work)
}

impl World {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let noted = Arc::clone(&calls);
        let transport = Transport::in_process(Arc::new(move |request, _| {
            let (call, answer) = answer(&request);
            noted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(call);
            Box::pin(std::future::ready(Ok(answer)))
        }));
        let clock = Clock::skipping_from(now());
        let environment = Environment::from_lookup(&variable);
        // Each function has a crate with an `App` of its own type.
        macro_rules! start {
            ($function:ident) => {
                $function::App::new(Setup {
                    environment,
                    transport: &transport,
                    clock: &clock,
                })
                .expect("configured")
            };
        }
        Self {
            record_usage: start!(record_usage),
            read_account: start!(read_account),
            create_checkout: start!(create_checkout),
            verify_payment: start!(verify_payment),
            create_portal: start!(create_portal),
            stripe_webhook: start!(stripe_webhook),
            runtime,
            calls,
        }
    }

    /// Sends a request to the function of its route. Returns None if no function has it.
    pub(crate) fn send(&self, request: Request) -> Option<(Answer, Vec<Call>)> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        macro_rules! ask {
            ($function:ident) => {{
                let lines = Lines::default();
                let handling = $function::handle(&self.$function, request);
                let Ok(answer) = self.runtime.block_on(lines.keep(handling));
                (answer, lines)
            }};
        }
        let (answer, lines) = match request::route(&request) {
            "POST /v1/usage" | "POST /v1/usage/batch" => ask!(record_usage),
            "GET /v1/balance" | "GET /v1/usage" | "GET /v1/ledger" | "GET /v1/catalog"
            | "POST /v1/estimate" => ask!(read_account),
            "POST /v1/checkout" => ask!(create_checkout),
            "POST /v1/portal" | "GET /v1/subscription" => ask!(create_portal),
            "POST /v1/webhooks/stripe" => ask!(stripe_webhook),
            "POST /v1/checkout/{session_id}/verify" => ask!(verify_payment),
            _ => return None,
        };
        for line in lines.kept() {
            let read = serde_json::from_str::<Value>(&line);
            assert!(read.is_ok() && !line.contains('\n'), "not a line: {line}");
        }
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Some((Answer::of(&answer), calls.clone()))
    }
}

/// The time of arrival.
pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "ALLOWED_ORIGINS" => "https://app.example.com",
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "local",
        "AWS_REGION" => "us-east-1",
        "STAGE" => STAGE,
        "STRIPE_API_BASE" => STRIPE,
        "STRIPE_PRICE_IDS" => "pack_125k=price_1,pack_500k=price_2,pack_2500k=price_3,plus=price_4",
        "STRIPE_SECRET_KEY" => "sk_test_local",
        "STRIPE_WEBHOOK_SECRETS" => WEBHOOK_SECRET,
        "TABLE_NAME" => "sparks",
        _ => return None,
    };
    Some(value.to_owned())
}

/// Answers for the ledger and for Stripe.
///
/// The ledger has every account, each with many Sparks, and nothing else. Stripe has nothing.
fn answer(request: &http::Request<Bytes>) -> (Call, Response<Bytes>) {
    let operation = request.headers().get("x-amz-target");
    let operation = operation.and_then(|target| target.to_str().ok()?.split_once('.'));
    let (call, status, body) = if let Some((_, operation)) = operation {
        let asked: Value = serde_json::from_slice(request.body()).expect("JSON");
        let body = ledger_answer(operation, &asked);
        (Call::Ledger(operation.to_owned(), asked), 200, body)
    } else {
        let path = request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str());
        let call = Call::Stripe(request.method().clone(), path.to_owned());
        let missing = json!({"error": {"code": "resource_missing", "message": "No such thing"}});
        (call, 404, missing)
    };
    let answer = Response::builder().status(status);
    let answer = answer.body(Bytes::from(body.to_string()));
    (call, answer.expect("an answer"))
}

fn ledger_answer(operation: &str, asked: &Value) -> Value {
    let key = &asked["Key"];
    match operation {
        "GetItem" if key["sk"]["S"] == "A" => json!({"Item": {
            "pk": key["pk"], "sk": key["sk"], "available": {"N": "999999999999999"},
            "debited": {"N": "0"}, "settled": {"N": "0"}, "next_due": {"N": "253402300799999"},
            "grants_version": {"N": "0"}, "grants": {"S": "[]"}, "free_plan": {"N": "0"},
            "free_due": {"N": "253402300799999"}, "created_at": {"N": "0"},
        }}),
        "Query" => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}),
        _ => json!({}),
    }
}

impl Answer {
    fn of(response: &Response<Body>) -> Self {
        let body = match response.body() {
            Body::Text(text) => text.as_str(),
            other => panic!("an answer of {other:?}"),
        };
        let content_type = response.headers().get(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let answer = Self {
            status: response.status(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}")),
        };
        answer.is_of_the_contract();
        answer
    }

    /// Asserts that an answer is JSON, and that a refusal is a complete problem.
    fn is_of_the_contract(&self) {
        let Self {
            status,
            content_type,
            body,
        } = self;
        assert!(body.is_object(), "{self:?}");
        if status.is_success() {
            assert_eq!(content_type, "application/json", "{self:?}");
        } else {
            assert_eq!(content_type, "application/problem+json", "{self:?}");
            assert_eq!(body["status"], status.as_u16(), "{self:?}");
            for member in ["type", "title", "detail", "code", "request_id"] {
                assert!(body[member].is_string(), "{self:?}");
            }
        }
        assert!(status.is_success() || status.as_u16() >= 400, "{self:?}");
    }
}
