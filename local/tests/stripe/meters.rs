//! Meters and meter events of the fake Stripe.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{self, Either};
use jiff::Timestamp;
use local::clock::Clock;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, Stripe};
use serde_json::json;

use super::client::{Answer, Client, fake};
use super::summaries::summaries;

pub(crate) const EVENTS: &str = "/v1/billing/meter_events";
pub(crate) const DAY: i64 = 24 * 60 * 60;

/// Starts a fake whose clock begins at noon, so that windows begin on the hour.
pub(crate) async fn fake_at_noon() -> FakeStripe {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let stripe = Stripe::new(Clock::starting_at(noon)).with_meter();
    FakeStripe::serve(FREE_PORT, stripe).await.unwrap()
}

pub(crate) async fn customer(client: &Client) -> String {
    let created = client.post("/v1/customers", &[]).await;
    created.body["id"].as_str().unwrap().to_owned()
}

/// Sends a valid event, with the given parameters replaced or added.
pub(crate) async fn send(client: &Client, customer: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("event_name", "sparks_used"),
        ("identifier", "u_1"),
        ("payload[stripe_customer_id]", customer),
        ("payload[value]", "137172"),
    ];
    form.retain(|(name, _)| changes.iter().all(|(change, _)| change != name));
    form.extend(changes.iter().filter(|(_, value)| *value != "(none)"));
    client.post(EVENTS, &form).await
}

fn events(fake: &FakeStripe) -> usize {
    fake.state()["meter_events"].as_array().unwrap().len()
}

#[tokio::test]
async fn responses_have_all_fields_that_stripes_openapi_requires() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let required = [
        ("/v1/customers", "created id livemode object"),
        (
            "/v1/billing/meters",
            "created customer_mapping default_aggregation display_name event_name id livemode \
             object status status_transitions updated value_settings",
        ),
    ];
    for (path, fields) in required {
        let list = client.get(path).await.body;
        for field in ["data", "has_more", "object", "url"] {
            assert!(list.get(field).is_some(), "{path} {field}");
        }
        for field in fields.split_whitespace() {
            assert!(list["data"][0].get(field).is_some(), "{path} {field}");
        }
    }
    let event = send(&client, &customer, &[]).await.body;
    let fields = "created event_name identifier livemode object payload timestamp";
    for field in fields.split_whitespace() {
        assert!(event.get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn a_new_fake_has_the_meter_for_sparks() {
    let fake = fake().await;

    let meters = Client::of(&fake)
        .get("/v1/billing/meters?status=active")
        .await
        .body;

    assert_eq!(meters["data"].as_array().unwrap().len(), 1);
    assert_eq!(meters["data"][0]["event_name"], "sparks_used");
}

#[tokio::test]
async fn an_archived_meter_keeps_its_event_name() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let form = [
        ("display_name", "Other"),
        ("event_name", "other"),
        ("default_aggregation[formula]", "sum"),
        ("customer_mapping[type]", "by_id"),
        ("customer_mapping[event_payload_key]", "stripe_customer_id"),
        ("value_settings[event_payload_key]", "value"),
    ];
    let created = client.post("/v1/billing/meters", &form).await;
    assert_eq!(created.status, 200);
    let path = format!(
        "/v1/billing/meters/{}",
        created.body["id"].as_str().unwrap()
    );

    let archived = client.post(&format!("{path}/deactivate"), &[]).await;
    assert_eq!(archived.body["status"], "inactive");
    assert_eq!(client.get(&path).await.body, archived.body);

    assert_eq!(client.post("/v1/billing/meters", &form).await.status, 400);
}

#[tokio::test]
async fn an_event_is_accepted() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let hour_ago = (fake.clock().now().as_second() - 3600).to_string();

    let answer = send(&client, &customer, &[("timestamp", &hour_ago)]).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["identifier"], "u_1");
    assert_eq!(answer.body["timestamp"].to_string(), hour_ago);
    let payload = json!({"stripe_customer_id": customer, "value": "137172"});
    assert_eq!(answer.body["payload"], payload);
    assert_eq!(fake.state()["meter_events"], json!([answer.body]));
}

#[tokio::test]
async fn an_invalid_event_is_refused() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let now = fake.clock().now().as_second();
    let too_old = (now - 35 * DAY - 60).to_string();
    let too_new = (now + 360).to_string();
    let long = "x".repeat(101);
    let wrong = [
        ("event_name", "(none)", "parameter_missing"),
        ("event_name", "sparks_spent", "no_meter"),
        ("payload[stripe_customer_id]", "cus_no", "resource_missing"),
        ("payload[stripe_customer_id]", "(none)", "parameter_missing"),
        ("payload[value]", "(none)", "parameter_missing"),
        ("payload[value]", "1.5", "meter_event_invalid_value"),
        ("payload[value]", "1e3", "meter_event_invalid_value"),
        ("payload[value]", "", "meter_event_invalid_value"),
        (
            "payload[value]",
            "1234567890123456",
            "meter_event_value_too_many_digits",
        ),
        ("timestamp", "soon", "parameter_invalid_integer"),
        ("timestamp", &too_old, "timestamp_too_far_in_past"),
        ("timestamp", &too_new, "timestamp_in_future"),
        ("identifier", &long, "parameter_invalid"),
        ("value", "5", "parameter_unknown"),
    ];
    for (name, value, code) in wrong {
        let answer = send(&client, &customer, &[(name, value)]).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, code),
            "{name}={value}"
        );
    }
    assert_eq!(events(&fake), 0);
}

#[tokio::test]
async fn an_event_may_be_35_days_old_or_5_minutes_ahead() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let now = fake.clock().now().as_second();
    // A minute of tolerance, since the clock moves.
    for (identifier, timestamp) in [("old", now - 35 * DAY + 60), ("new", now + 300)] {
        let timestamp = timestamp.to_string();
        let changes = [("identifier", identifier), ("timestamp", &timestamp)];
        let answer = send(&client, &customer, &changes).await;
        assert_eq!(answer.status, 200, "{identifier}");
    }
}

#[tokio::test]
async fn an_event_of_15_digits_is_counted_exactly() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;

    let changes = [("payload[value]", "000999999999999999")];
    assert_eq!(send(&client, &customer, &changes).await.status, 200);

    let summary = summaries(&fake, &client, &customer, "").await;
    assert_eq!(
        summary.body["data"][0]["aggregated_value"],
        999_999_999_999_999_i64
    );
}

#[tokio::test]
async fn an_event_for_an_archived_meter_is_refused() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let meter = fake.state()["meters"][0]["id"].as_str().unwrap().to_owned();

    client
        .post(&format!("/v1/billing/meters/{meter}/deactivate"), &[])
        .await;
    assert_eq!(send(&client, &customer, &[]).await.code(), "archived_meter");

    client
        .post(&format!("/v1/billing/meters/{meter}/reactivate"), &[])
        .await;
    assert_eq!(send(&client, &customer, &[]).await.status, 200);
}

#[tokio::test]
async fn an_identifier_is_unique_within_24_hours() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;

    assert_eq!(send(&client, &customer, &[]).await.status, 200);
    fake.clock().skip(DAY - 60);
    let duplicate = send(&client, &customer, &[]).await;

    assert_eq!(
        (duplicate.status, duplicate.code()),
        (400, "duplicate_meter_event")
    );
    assert_eq!(
        duplicate.body["error"]["message"],
        "An event already exists with identifier u_1."
    );
    assert_eq!(events(&fake), 1);

    fake.clock().skip(60);
    assert_eq!(send(&client, &customer, &[]).await.status, 200);
    assert_eq!(events(&fake), 2);
}

#[tokio::test]
async fn a_customers_meter_accepts_one_call_at_a_time() {
    let stripe = Stripe::new(Clock::system())
        .with_meter()
        .with_service_time(Duration::from_mins(1));
    let fake = FakeStripe::serve(FREE_PORT, stripe).await.unwrap();
    let client = Client::of(&fake);
    let (one, other) = (customer(&client).await, customer(&client).await);
    let calls = [(&one, "a"), (&one, "b"), (&other, "c")].map(|(customer, identifier)| {
        let client = &client;
        async move { send(client, customer, &[("identifier", identifier)]).await }.boxed()
    });

    let (refused, _, others) = future::select_all(calls).await;

    assert_eq!((refused.status, refused.code()), (429, "lock_timeout"));
    assert_eq!(refused.body["error"]["type"], "invalid_request_error");
    assert_eq!(refused.header("stripe-should-retry"), "true");
    assert_eq!(refused.headers.get("stripe-rate-limited-reason"), None);
    let both_taken = async {
        while events(&fake) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answers = future::join_all(others) => panic!("the responses came before their delay: {answers:?}"),
        () = both_taken => {}
    }
}

#[tokio::test]
async fn a_response_releases_the_meter() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    for identifier in ["a", "b"] {
        let answer = send(&client, &customer, &[("identifier", identifier)]).await;
        assert_eq!(answer.status, 200);
    }
    // A duplicate releases it, too.
    for _ in 0..2 {
        let answer = send(&client, &customer, &[("identifier", "a")]).await;
        assert_eq!(answer.code(), "duplicate_meter_event");
    }
}

#[tokio::test]
async fn the_429_of_a_busy_meter_is_kept_under_no_key() {
    let fake = fake().await;
    fake.faults().add(Fault::new(EVENTS, "slow:60000").unwrap());
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let keyed = |key| Client::of(&fake).with("idempotency-key", Some(key));
    let (a, b) = (keyed("a"), keyed("b"));
    let (a_changes, b_changes) = ([("identifier", "a")], [("identifier", "b")]);
    let first = pin!(send(&a, &customer, &a_changes));
    let second = pin!(send(&b, &customer, &b_changes));

    let (busy, again) = match future::select(first, second).await {
        Either::Left((busy, _)) => (busy, send(&a, &customer, &a_changes).await),
        Either::Right((busy, _)) => (busy, send(&b, &customer, &b_changes).await),
    };

    // A kept response would have the header of a replay.
    for answer in [busy, again] {
        assert_eq!(answer.status, 429);
        assert_eq!(answer.headers.get("idempotent-replayed"), None);
    }
}

#[tokio::test]
async fn a_slow_call_locks_its_customers_meter_until_its_response() {
    let fake = fake().await;
    fake.faults().add(Fault::new(EVENTS, "slow:100").unwrap());
    let client = Client::of(&fake);
    let (one, other) = (customer(&client).await, customer(&client).await);
    let (a, b, c) = (
        [("identifier", "a")],
        [("identifier", "b")],
        [("identifier", "c")],
    );
    let slow = async {
        let slow = send(&client, &one, &a).await;
        assert_eq!(
            events(&fake),
            2,
            "the other customer's event was accepted meanwhile"
        );
        slow
    };
    let meanwhile = async {
        while events(&fake) == 0 {
            tokio::task::yield_now().await;
        }
        (
            send(&client, &one, &b).await,
            send(&client, &other, &c).await,
        )
    };

    let (slow, (refused, taken)) = tokio::join!(slow, meanwhile);

    assert_eq!((slow.status, taken.status), (200, 200));
    assert_eq!(refused.code(), "lock_timeout");
    assert_eq!(send(&client, &one, &b).await.status, 200);
}

#[tokio::test]
async fn latency_delays_a_response_but_not_its_effect() {
    let latency = Duration::from_millis(120);
    let stripe = Stripe::new(Clock::system()).with_latency(latency);
    let fake = FakeStripe::serve(FREE_PORT, stripe).await.unwrap();
    let client = Client::of(&fake);
    let customers = || fake.state()["customers"].as_array().unwrap().len();
    let begun = tokio::time::Instant::now();

    let mut answer = pin!(client.post("/v1/customers", &[]));
    tokio::select! {
        _ = &mut answer => panic!("the response came before its delay"),
        () = async { while customers() == 0 { tokio::task::yield_now().await } } => {}
    }

    assert_eq!(answer.await.status, 200);
    assert!(begun.elapsed() >= latency);
}

#[tokio::test]
async fn a_lost_event_is_in_no_summary_and_its_identifier_stays_used() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    for identifier in ["u_1", "u_2"] {
        let changes = [("identifier", identifier), ("payload[value]", "5")];
        assert_eq!(send(&client, &customer, &changes).await.status, 200);
    }

    let lost = client.delete("/_local/meter_events/u_1").await;

    assert_eq!(lost.body, json!({"identifier": "u_1", "removed": 1}));
    let summary = summaries(&fake, &client, &customer, "").await.body;
    assert_eq!(summary["data"][0]["aggregated_value"], 5);
    let again = send(&client, &customer, &[]).await;
    assert_eq!(again.code(), "duplicate_meter_event");
    assert_eq!(fake.state()["deliveries"], json!([]));
    let none = client.delete("/_local/meter_events/u_1").await;
    assert_eq!(none.status, 404);

    client.delete("/_local/meter_events/u_2?forget=true").await;
    let again = send(&client, &customer, &[("identifier", "u_2")]).await;
    assert_eq!(again.status, 200);
}
