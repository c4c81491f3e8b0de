//! `make stripe-live-check` finds where the fake Stripe differs from Stripe. Here, another fake stands in for Stripe.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use local::faults::Fault;
use local::http::{FREE_PORT, Reply, Request, Response, Server};
use local::stripe::{FakeStripe, SECRET_KEY};
use serde_json::{Value, json};
use shared::process::clock::Clock;
use shared::process::config::{Environment, StripeAccess};
use tests::live_check::{
    Account, Comparison, Error, Recording, Step, access, compare, play, quiet_fake, run,
};

/// Returns a clock that starts now and skips waits.
fn clock_without_waits() -> Clock {
    Clock::skipping_from(Clock::system().now())
}

async fn played_on(fake: FakeStripe) -> Recording {
    play(&Account::of_fake(fake), &clock_without_waits()).await
}

async fn of_fake() -> Recording {
    played_on(quiet_fake().await.unwrap()).await
}

/// Compares a fake with another one whose refunds fail this many times.
async fn with_fault(fault: &str, times: u32) -> Vec<String> {
    let faulty = quiet_fake().await.unwrap();
    let fault = Fault::new("/v1/refunds", fault).unwrap();
    faulty.faults().add(fault.times(times));
    differences(&compare(&of_fake().await, &played_on(faulty).await))
}

fn differences(comparison: &Comparison) -> Vec<String> {
    let differences = comparison.differences.iter();
    differences.map(ToString::to_string).collect()
}

/// Fake at its own address that supports test clocks, as Stripe does. It changes some answers.
struct StandIn {
    server: Server,
    fake: Arc<FakeStripe>,
}

/// Changes the answer to the request with this method and path.
type Change = fn(&str, &mut Value);

impl StandIn {
    async fn start(change: Change) -> Self {
        let fake = Arc::new(quiet_fake().await.unwrap());
        let handler = Arc::clone(&fake);
        let server = Server::start(FREE_PORT, move |request| {
            let fake = Arc::clone(&handler);
            async move { answer(&fake, request, change).await }
        });
        let server = server.await.unwrap();
        Self { server, fake }
    }

    fn access(&self) -> StripeAccess {
        let lookup = |name: &str| match name {
            "STRIPE_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
            "STRIPE_API_BASE" => Some(self.server.url()),
            _ => None,
        };
        Environment::from_lookup(&lookup).required_stripe().unwrap()
    }
}

async fn answer(fake: &FakeStripe, request: Request, change: Change) -> Reply {
    let path = request.uri().path().to_owned();
    if path.starts_with("/v1/test_helpers/test_clocks") {
        return Reply::Answer(clock(fake, &path, &request));
    }
    let called = format!("{} {path}", request.method());
    // The fake has one clock for all customers.
    let (head, body) = request.into_parts();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let body = body.replace("&test_clock=clock_1", "");
    let request = Request::from_parts(head, Bytes::from(body));
    match fake.stripe().handle(request).await {
        Reply::Answer(answer) => {
            let (head, body) = answer.into_parts();
            let mut body: Value = serde_json::from_slice(&body).unwrap();
            change(&called, &mut body);
            Reply::Answer(Response::from_parts(head, body.to_string().into()))
        }
        Reply::HangUp => Reply::HangUp,
    }
}

/// Handles calls for the only test clock, which is ready at once.
fn clock(fake: &FakeStripe, path: &str, request: &Request) -> Response {
    let until = form_urlencoded::parse(request.body()).find(|(name, _)| name == "frozen_time");
    if path.ends_with("/advance") {
        let until: i64 = until.unwrap().1.parse().unwrap();
        fake.clock().skip(until - fake.clock().now().as_second());
    }
    let clock = json!({"id": "clock_1", "object": "test_helpers.test_clock", "status": "ready"});
    Response::new(clock.to_string().into())
}

#[tokio::test]
async fn two_fakes_do_not_differ_and_every_step_is_played() {
    let (one, other) = (of_fake().await, of_fake().await);

    let comparison = compare(&one, &other);

    assert_eq!(differences(&comparison), [""; 0]);
    let notes: Vec<String> = comparison.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, [""; 0]);
    let played: BTreeSet<Step> = one.exchanges.iter().map(|exchange| exchange.step).collect();
    assert_eq!(played, BTreeSet::from(Step::ALL));
}

#[tokio::test]
async fn everything_that_can_be_deleted_is_cleaned_up() {
    let recording = of_fake().await;
    let sent = |step: Step| -> Vec<&str> {
        let exchanges = recording.exchanges.iter();
        let of_step = exchanges.filter(|exchange| exchange.step == step);
        let sent = of_step.map(|exchange| exchange.name.as_str());
        sent.filter(|name| !name.starts_with("GET")).collect()
    };
    let clean_up = [
        "DELETE /v1/webhook_endpoints/{id}",
        "DELETE /v2/core/event_destinations/{id}",
        "DELETE /v1/customers/{id}",
    ];
    assert_eq!(sent(Step::CleanUp), clean_up);
    assert_eq!(
        sent(Step::Cancellation),
        ["DELETE /v1/subscriptions/{id}"; 2]
    );
    for step in [Step::PackSession, Step::PlanSession] {
        assert!(
            sent(step).contains(&"POST /v1/checkout/sessions/{id}/expire"),
            "{step}"
        );
    }
}

#[tokio::test]
async fn a_different_status_is_reported_with_its_step() {
    let found = with_fault("status:403", u32::MAX).await;

    let refused = "refund: POST /v1/refunds: the fake answers 200, Stripe 403";
    assert!(found.iter().any(|one| one == refused), "{found:#?}");
    let failed = "refund: at Stripe: the step failed: ";
    assert!(found[0].starts_with(failed), "{found:#?}");
}

#[tokio::test]
async fn a_request_that_succeeds_on_retry_is_not_a_difference() {
    assert_eq!(with_fault("status:409", 1).await, [""; 0]);
}

/// Makes some answers differ from the fake's.
fn change(called: &str, body: &mut Value) {
    match called {
        "POST /v1/customers" => body["balance"] = json!("none"),
        "POST /v1/refunds" => body["status"] = json!("pending"),
        "POST /v1/subscriptions" => {
            let fields = body.as_object_mut().unwrap();
            fields.remove("collection_method").unwrap();
            fields.insert("only_at_stripe".to_owned(), json!(1));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_different_field_is_reported_with_its_step_and_its_path() {
    let stand_in = StandIn::start(change).await;
    let account = Account::in_test_mode(stand_in.access());
    let file = std::env::temp_dir().join(format!("stripe-live-check-{}.json", std::process::id()));
    let mut out = Vec::new();

    let count = run(&account, &clock_without_waits(), Some(&file), &mut out)
        .await
        .unwrap();

    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    let customer = "POST /v1/customers: `balance` is number at the fake, string at Stripe";
    assert_eq!(
        lines[..lines.len() - 1],
        [
            format!("customer: {customer}").as_str(),
            &format!("cards: {customer}"),
            "subscriptions: POST /v1/subscriptions: `collection_method` is sent by the fake only",
            "refund: POST /v1/refunds: `status` is succeeded at the fake, pending at Stripe",
        ]
    );
    assert_eq!(count, 4);
    let last = lines.last().unwrap();
    assert!(
        last.ends_with(" exchanges with Stripe, 4 differences"),
        "{last}"
    );
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_no_secrets(&kept, &stand_in.fake);
}

fn assert_no_secrets(kept: &str, fake: &FakeStripe) {
    let parsed: Value = serde_json::from_str(kept).unwrap();
    let exchanges = parsed["exchanges"].as_array().unwrap();
    let session = exchanges.iter().find(|exchange| {
        exchange["name"] == "POST /v1/checkout/sessions" && exchange["step"] == "pack session"
    });
    let session = session.unwrap();
    assert_eq!(session["status"], 200);
    assert_eq!(session["answer"]["status"], "string: open");
    assert_eq!(session["answer"]["url"], "string");
    let parameters = session["parameters"].as_array().unwrap();
    assert!(parameters.contains(&json!("line_items[0][price]")));
    let state = fake.state();
    let ids = [
        "customers",
        "checkout_sessions",
        "subscriptions",
        "invoices",
    ]
    .map(|list| {
        let first = &state[list][0]["id"];
        first.as_str().unwrap().to_owned()
    });
    let secrets = [
        SECRET_KEY,
        "Bearer",
        "authorization",
        "whsec_",
        "_secret_",
        "/c/pay/",
        "/p/session/",
    ];
    for secret in secrets
        .iter()
        .copied()
        .chain(ids.iter().map(String::as_str))
    {
        assert!(!kept.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn only_a_test_mode_key_is_accepted() {
    for (key, words) in [
        (None, "STRIPE_TEST_KEY is not set"),
        (Some(" "), "STRIPE_TEST_KEY is not set"),
        (Some("sk_live_x"), "STRIPE_TEST_KEY is a live key"),
        (Some("rk_live_x"), "STRIPE_TEST_KEY is a live key"),
        (Some("whsec_x"), "STRIPE_TEST_KEY must begin with"),
    ] {
        let refused: Error = access(key).unwrap_err();
        assert_eq!(refused.status(), 2, "{key:?}");
        let told = refused.to_string();
        assert!(told.starts_with(words), "{told}");
        assert_eq!(told.matches(". ").count(), 0, "{told}");
        assert!(!told.contains("live_x"), "{told}");
    }
    let known = access(Some("rk_test_x")).unwrap();
    assert!(known.base.starts_with("https://"), "{}", known.base);
}
