//! Rate limits of the fake Stripe, and injected errors that look like one.

use local::clock::Clock;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, Stripe};
use serde_json::json;

use super::client::{Answer, Client};
use super::meters::{customer, send};
use super::webhooks::control;

/// Starts a fake with a frozen clock and the given settings.
async fn limited(settings: serde_json::Value) -> (FakeStripe, Client) {
    let noon = "2027-01-31T12:00:00Z".parse().unwrap();
    let stripe = Stripe::new(Clock::told_by(move || noon)).with_meter();
    let fake = FakeStripe::serve(FREE_PORT, stripe).await.unwrap();
    control(&fake, "/_local/settings", settings).await;
    let client = Client::of(&fake);
    (fake, client)
}

/// Calls each path `times` times; returns the first 429.
async fn refused(client: &Client, paths: &[&str], times: usize) -> Option<Answer> {
    for path in paths {
        for _ in 0..times {
            let answer = client.get(path).await;
            if answer.status == 429 {
                return Some(answer);
            }
        }
    }
    None
}

#[tokio::test]
async fn an_endpoint_accepts_25_calls_a_second() {
    let (fake, client) = limited(json!({"rate_limits": true})).await;
    // All ids of one operation are one endpoint.
    for number in 0..25 {
        let path = format!("/v1/customers/cus_{number}");
        assert_eq!(client.get(&path).await.status, 404);
    }
    let answer = client.get("/v1/customers/cus_other").await;
    assert_eq!((answer.status, answer.code()), (429, "rate_limit"));
    assert_eq!(answer.header("stripe-rate-limited-reason"), "endpoint-rate");
    assert!(!answer.headers.contains_key("stripe-should-retry"));
    assert_eq!(client.get("/v1/customers").await.status, 200);

    fake.clock().skip(1);
    assert_eq!(client.get("/v1/customers/cus_other").await.status, 404);
}

#[tokio::test]
async fn an_account_accepts_100_calls_a_second_and_a_sandbox_25() {
    let paths = ["customers", "events", "invoices", "prices", "products"];
    let paths = paths.map(|name| format!("/v1/{name}"));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for (sandbox, times) in [(false, 20), (true, 5)] {
        let settings = json!({"rate_limits": true, "sandbox": sandbox});
        let (_fake, client) = limited(settings).await;
        assert!(refused(&client, &paths, times).await.is_none());
        let answer = client.get("/v1/refunds").await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("stripe-rate-limited-reason"), "global-rate");
    }
}

#[tokio::test]
async fn live_meter_events_count_towards_no_other_limit() {
    for (sandbox, expected) in [(false, 200), (true, 429)] {
        let settings = json!({"rate_limits": true, "sandbox": sandbox});
        let (_fake, client) = limited(settings).await;
        let customer = customer(&client).await;
        let mut last = 0;
        for number in 0..26 {
            let identifier = format!("u_{number}");
            last = send(&client, &customer, &[("identifier", &identifier)])
                .await
                .status;
        }
        assert_eq!(last, expected);
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_limit() {
    let (_fake, client) = limited(json!({})).await;
    assert!(refused(&client, &["/v1/customers"], 120).await.is_none());
}

/// The limiter is in front of the idempotency layer. So the caller may use the same key again.
#[tokio::test]
async fn a_rate_limited_call_has_no_effect_and_is_kept_under_no_key() {
    let (fake, client) = limited(json!({"rate_limits": true})).await;
    refused(&client, &["/v1/customers"], 25).await;
    for _ in 0..25 {
        client.post("/v1/customers", &[]).await;
    }
    let client = client.with("idempotency-key", Some("k"));
    assert_eq!(client.post("/v1/customers", &[]).await.status, 429);
    fake.clock().skip(1);
    let again = client.post("/v1/customers", &[]).await;
    assert_eq!(again.status, 200);
    assert!(!again.headers.contains_key("idempotent-replayed"));
}

#[tokio::test]
async fn a_limit_can_be_a_400() {
    for code in ["rate_limit", "lock_timeout"] {
        let (fake, client) = limited(json!({})).await;
        let fault = Fault::new("/v1/customers", &format!("code:{code}")).unwrap();
        fake.faults().add(fault);
        let client = client.with("idempotency-key", Some("k"));

        let answer = client.post("/v1/customers", &[]).await;
        assert_eq!((answer.status, answer.code()), (400, code));
        assert_eq!(fake.state()["customers"], json!([]));
        assert_eq!(client.post("/v1/customers", &[]).await.status, 200);
    }
    assert!(Fault::new("/", "code:other").is_err());
}

#[tokio::test]
async fn a_429_can_have_a_reason() {
    let (fake, client) = limited(json!({})).await;
    let fault = Fault::new("/v1/customers", "status:429").unwrap();
    let fault = fault.header("stripe-rate-limited-reason", "global-concurrency");
    fake.faults().add(fault);
    let answer = client.get("/v1/customers").await;
    assert_eq!(
        answer.header("stripe-rate-limited-reason"),
        "global-concurrency"
    );
}
