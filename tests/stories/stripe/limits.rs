//! The API's throttles keep calls to Stripe below its rate limit for an account.

use http::StatusCode;
use local::template::Template;
use serde_json::json;
use tests::{CARD, World};

/// Calls per second that Stripe accepts in live mode, besides meter events. <https://docs.stripe.com/rate-limits>
const STRIPE_TAKES: usize = 100;

/// Calls per second that are reserved for webhooks and the outbox.
const KEPT_FREE: usize = 10;

#[tokio::test]
async fn throttled_routes_stay_below_stripes_rate_limit() {
    let world = World::at_noon().await;
    world.drop_webhooks();
    let mut before = world.stack.stripe.asked().len();
    let mut calls = || {
        let all = world.stack.stripe.asked().len();
        all - std::mem::replace(&mut before, all)
    };

    // An account's first checkout also creates its customer.
    let session = world.open("acct_a", "pack_500k").await;
    let checkout = calls();
    world.verified("acct_a", &session).await;
    let open = calls();
    let plan = world.open("acct_a", "plus").await;
    world.pay(&plan, CARD).await;
    world.verified("acct_a", &plan).await;
    calls();
    // A paid session can be verified again and again, too.
    world.verified("acct_a", &plan).await;
    let verify = open.max(calls());
    world.subscription("acct_a").await.expect(StatusCode::OK);
    let subscription = calls();
    let body = json!({"return_url": format!("{}/account", world.origin())});
    world
        .portal("acct_a", &body)
        .await
        .expect(StatusCode::CREATED);
    let portal = calls();

    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    let together: usize = [
        ("POST /v1/checkout", checkout),
        ("POST /v1/checkout/{session_id}/verify", verify),
        ("GET /v1/subscription", subscription),
        ("POST /v1/portal", portal),
    ]
    .into_iter()
    .map(|(route, calls)| {
        assert!(calls > 0, "{route}");
        calls * usize::try_from(template.throttles[route]).unwrap()
    })
    .sum();
    assert!(
        together <= STRIPE_TAKES - KEPT_FREE,
        "{together} calls a second"
    );
    let webhooks = template.throttles["POST /v1/webhooks/stripe"];
    assert!(webhooks < 500, "{webhooks}");
}
