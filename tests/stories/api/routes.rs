//! Functions take a request's route from API Gateway, never from the path.

use std::path::Path;

use http::StatusCode;
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Response};
use local::template::Template;
use serde_json::{Value, json};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;
use tests::{BASE_PATH, CARD, World};

/// Events in `events/`, each with its function and the expected status and problem code.
const EVENTS: [(&str, &str, u16, &str); 8] = [
    ("record-usage", "record-usage", 201, ""),
    ("record-usage-batch", "record-usage", 200, ""),
    ("record-usage-service", "record-usage", 201, ""),
    ("read-balance", "read-account", 200, ""),
    ("create-checkout", "create-checkout", 422, "url_not_allowed"),
    ("create-portal", "create-portal", 422, "url_not_allowed"),
    ("verify-payment", "verify-payment", 404, "session_not_found"),
    ("stripe-webhook", "stripe-webhook", 400, "invalid_signature"),
];

fn usage() -> Value {
    json!({"usage": [{"meter": "compute", "milliseconds": 1}]})
}

#[tokio::test]
async fn all_three_flows_run_behind_a_custom_domain_with_a_base_path() {
    let world = World::start_with(&[(BASE_PATH, "/billing")], Clock::system()).await;
    let token = world.token("acct_a");

    world.charged("acct_a", "k1", &usage()).await;
    let item = json!({"idempotency_key": "k2", "usage": usage()["usage"]});
    let batch = world.record_batch("acct_a", &[item]).await;
    assert_eq!(batch.body["results"][0]["status"], 201, "{batch:?}");
    let estimate = usage().to_string();
    let estimate = world.post("/v1/estimate", Some(&token), None, estimate);
    estimate.await.expect(StatusCode::OK);
    for read in ["balance", "usage", "ledger", "catalog", "subscription"] {
        let answer = world.get(&format!("/v1/{read}"), Some(&token)).await;
        answer.expect(StatusCode::OK);
    }

    // Credited by the webhook alone, then by verification alone.
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    assert_eq!(world.credits("acct_a").len(), 1);
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_125k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(
        verified.body["sparks_credited"], "125000.000",
        "{verified:?}"
    );

    let body = json!({ "return_url": world.origin() });
    let portal = world.portal("acct_a", &body).await;
    portal.expect(StatusCode::CREATED);
    let elsewhere = world.get("/v1/v1/balance", Some(&token)).await;
    assert_eq!(elsewhere.body, json!({"message": "Not Found"}));
}

#[tokio::test]
async fn a_function_answers_its_events_under_any_base_path() {
    for base_path in ["", "/billing"] {
        let world = World::start().await;
        for (name, function, status, code) in EVENTS {
            let path = format!("../events/{name}.json");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            let event = std::fs::read_to_string(path).unwrap();
            let mut event: Value = serde_json::from_str(&event).unwrap();
            let path = format!("{base_path}{}", event["rawPath"].as_str().unwrap());
            event["rawPath"] = path.as_str().into();
            event["requestContext"]["http"]["path"] = path.as_str().into();

            let answer = handle(&world, function, event).await;

            let Body::Text(body) = answer.body() else {
                panic!("{answer:?}")
            };
            let body: Value = serde_json::from_str(body).unwrap();
            let answered = (answer.status().as_u16(), body["code"].as_str());
            let code = Some(code).filter(|code| !code.is_empty());
            assert_eq!(answered, (status, code), "{name} at {path}: {body}");
        }
    }
}

/// Passes an event to a function, as Lambda would.
async fn handle(world: &World, function: &str, event: Value) -> Response<Body> {
    let variables = world.environment();
    let lookup = |name: &str| variables.get(name).cloned();
    let event: LambdaRequest = serde_json::from_value(event).unwrap();
    let request = lambda_http::Request::from(event);
    // Each function has a crate with an `App` and a `handle` of its own types.
    macro_rules! handle {
        ($function:ident) => {{
            let environment = Environment::from_lookup(&lookup);
            let app = $function::App::new(Setup {
                environment,
                transport: &Transport::network(),
                clock: &Clock::system(),
            });
            let Ok(answer) = Box::pin($function::handle(&app.unwrap(), request)).await;
            answer
        }};
    }
    match function {
        "record-usage" => handle!(record_usage),
        "read-account" => handle!(read_account),
        "create-checkout" => handle!(create_checkout),
        "create-portal" => handle!(create_portal),
        "verify-payment" => handle!(verify_payment),
        _ => handle!(stripe_webhook),
    }
}

#[tokio::test]
async fn a_route_matches_only_its_exact_path() {
    let world = World::start().await;
    let token = world.token("acct_a");
    for path in [
        "/v1/balance/",
        "//v1/balance",
        "/v1//balance",
        "/V1/balance",
        "/v1/Balance",
    ] {
        let answer = world.get(path, Some(&token)).await;
        let refused = (answer.status, answer.body);
        assert_eq!(refused, (404, json!({"message": "Not Found"})), "{path}");
    }
    for path in ["//v1/usage", "/v1/usage/", "/v1/usage//batch"] {
        let body = usage().to_string();
        let answer = world.post(path, Some(&token), Some("k1"), body).await;
        let refused = (answer.status, answer.body);
        assert_eq!(refused, (404, json!({"message": "Not Found"})), "{path}");
    }
    assert!(world.items("E#use_").is_empty());
}

#[test]
fn every_function_with_a_route_has_an_event() {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    assert!(template.routes.len() >= EVENTS.len());
    for route in template.routes {
        let known = EVENTS.iter().any(|(_, of, ..)| *of == route.function);
        assert!(known, "{} has no event", route.function);
    }
}
