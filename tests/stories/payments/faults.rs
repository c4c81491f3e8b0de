//! Kills and faults during a payment: it is credited once, and nothing is lost.

use std::future::Future;

use http::StatusCode;
use local::faults::Fault;
use serde_json::json;
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;
use tests::{CARD, World, session_id};

const VERIFY: &str = "/v1/checkout/{session_id}/verify";

/// Builds the request of a POST by `acct_a`, as API Gateway makes it. A session is part of the path.
fn request(route: &str, session: &str, key: &str, body: &str) -> lambda_http::Request {
    let path = route.replace("{session_id}", session);
    let route = format!("POST {route}");
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/json", "idempotency-key": key},
        "requestContext": {
            "accountId": "0", "apiId": "local", "domainName": "127.0.0.1", "domainPrefix": "local",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "requestId": "r", "routeKey": route, "stage": "$default", "time": "", "timeEpoch": 0,
            "authorizer": {"jwt": {"claims": {"sub": "acct_a"}, "scopes": null}},
        },
        "body": body, "isBase64Encoded": false,
    });
    if path != route["POST ".len()..] {
        event["pathParameters"] = json!({ "session_id": session });
    }
    let event: lambda_http::request::LambdaRequest = serde_json::from_value(event).unwrap();
    lambda_http::Request::from(event)
}

/// Runs a function until `reached`, then drops it, as if its process were killed.
async fn kill<T>(function: impl Future<Output = T>, reached: impl Fn() -> bool) {
    let point = async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = function => panic!("the function ended before the kill"),
        () = point => {}
    }
}

/// Returns a function's app, whose type is that of its crate.
macro_rules! app {
    ($function:ident, $world:expr) => {{
        let lookup = |name: &str| $world.environment().get(name).cloned();
        let app = $function::App::new(Setup {
            environment: Environment::from_lookup(&lookup),
            transport: &Transport::network(),
            clock: &Clock::system(),
        });
        app.unwrap()
    }};
}

fn slow(path: &str) -> Fault {
    Fault::new(path, "slow:1500").unwrap()
}

#[tokio::test]
async fn killed_before_the_session_is_stored_a_retry_returns_the_same_session() {
    let world = World::start().await;
    world
        .stack
        .stripe
        .faults()
        .add(slow("/v1/checkout/sessions"));
    let body = world.order("pack_500k");
    let app = app!(create_checkout, world);
    let sessions = || {
        let state = world.stack.stripe.state();
        state["checkout_sessions"].as_array().unwrap().len()
    };
    let request = request("/v1/checkout", "", "k1", &body.to_string());

    kill(create_checkout::handle(&app, request), || sessions() == 1).await;

    assert_eq!((world.items("I#").len(), world.items("S#").len()), (1, 0));
    let page = world.checkout("acct_a", "k1", &body).await;
    let session = session_id(&page.expect(StatusCode::CREATED));
    assert_eq!(sessions(), 1);
    world.pay(&session, CARD).await;
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.body["sparks_credited"], "500000.000");
    assert_eq!(world.available("acct_a").await, "510000.000");
}

#[tokio::test]
async fn killed_before_the_answer_a_retry_finds_the_credit() {
    let world = World::start().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world
        .stack
        .dynamodb
        .faults()
        .add(slow("TransactWriteItems"));
    let app = app!(verify_payment, world);
    let request = request(VERIFY, &session, "k1", "");

    kill(verify_payment::handle(&app, request), || {
        world.credits("acct_a").len() == 1
    })
    .await;

    let verified = world.verified("acct_a", &session).await;
    assert_eq!(verified.body["sparks_credited"], "500000.000");
    assert_eq!(world.available("acct_a").await, "510000.000");
    assert_eq!(world.credits("acct_a").len(), 1);
}

#[tokio::test]
async fn killed_before_the_credit_a_retry_or_a_webhook_makes_it() {
    for by_webhook in [false, true] {
        let world = World::start().await;
        world.stripe_fails("webhooks/", "hold", 100);
        let session = world.open("acct_a", "pack_500k").await;
        world.pay(&session, CARD).await;
        let path = format!("/v1/checkout/sessions/{session}");
        world.stack.stripe.faults().add(slow(&path));
        let asked = || {
            let asked = world.stack.stripe.asked();
            asked.iter().any(|(_, asked, _)| *asked == path)
        };
        let app = app!(verify_payment, world);
        let request = request(VERIFY, &session, "k1", "");

        kill(verify_payment::handle(&app, request), asked).await;

        assert!(world.credits("acct_a").is_empty());
        if by_webhook {
            world
                .at_stripe("/_local/webhooks/release", &json!({}))
                .await;
            world.webhooks_settled().await;
        } else {
            world.verified("acct_a", &session).await;
        }
        assert_eq!(world.available("acct_a").await, "510000.000");
        assert_eq!(world.credits("acct_a").len(), 1);
    }
}

#[tokio::test]
async fn a_call_whose_stripe_reply_was_lost_is_repeated() {
    let world = World::start().await;
    for path in ["/v1/customers", "/v1/checkout/sessions"] {
        world.stripe_fails(path, "lost_reply", 1);
    }
    world.open("acct_a", "pack_500k").await;
    let state = world.stack.stripe.state();
    assert_eq!(state["checkout_sessions"].as_array().unwrap().len(), 1);
    assert_eq!(state["customers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whatever_dynamodb_does_a_payment_is_credited_once() {
    for fault in [
        "conflict",
        "throttle",
        "conflict+condition",
        "lost_reply",
        "refuse",
        "status:500",
        "status:503",
    ] {
        let world = World::start().await;
        let faults = world.stack.dynamodb.faults();
        faults.add(
            Fault::new("TransactWriteItems", fault)
                .unwrap()
                .every(2)
                .times(6),
        );
        let session = world.open("acct_a", "pack_500k").await;
        world.pay(&session, CARD).await;
        let verified = world.verify("acct_a", &session).await;
        assert_eq!(
            verified.body["sparks_credited"], "500000.000",
            "{fault} {verified:?}"
        );
        world.webhooks_settled().await;
        assert_eq!(world.available("acct_a").await, "510000.000", "{fault}");
        assert_eq!(world.credits("acct_a").len(), 1, "{fault}");
        assert_eq!(world.items("S#").len(), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_payment_is_credited_once_the_table_recovers() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.dynamodb_fails("TransactWriteItems", "status:400", 3);
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    let deliveries = world.deliveries("checkout.session.completed");
    assert_eq!(deliveries, [[500, 500, 500, 200]]);
    assert_eq!(world.available("acct_a").await, "510000.000");
}
