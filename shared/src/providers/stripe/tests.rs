//! Tests of the requests to Stripe and the meaning of its responses. They run against an endpoint in this process.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use jiff::Timestamp;

use super::*;
use crate::process::telemetry;
use crate::words::id::{KeySpace, UsageId};
use crate::words::sparks::Sparks;

/// The requests that were sent, as text.
type Sent = Arc<Mutex<Vec<String>>>;

/// A client whose requests get these responses in turn. Then the last one repeats.
fn stripe(answers: Vec<Result<Response<Bytes>, &'static str>>) -> (Stripe, Sent) {
    let sent = Sent::default();
    let (log, next) = (Arc::clone(&sent), AtomicUsize::new(0));
    let transport = Transport::in_process(Arc::new(move |request: Request<Bytes>, _| {
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            head.headers
                .get(name)
                .map_or("-", |value| value.to_str().unwrap())
        };
        log.lock().unwrap().push(format!(
            "{} {}\n{}\n{}\n{}\n{}",
            head.method,
            head.uri,
            header("stripe-version"),
            header("idempotency-key"),
            header("content-type"),
            String::from_utf8(body.to_vec()).unwrap(),
        ));
        let position = next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let answer = match &answers[position] {
            Ok(answer) => {
                let mut copy = Response::new(answer.body().clone());
                *copy.status_mut() = answer.status();
                *copy.headers_mut() = answer.headers().clone();
                Ok(copy)
            }
            Err("not sent") => Err(transport::Error::NotSent("refused".into())),
            Err("late") => Err(transport::Error::TimedOut),
            Err(_) => Err(transport::Error::Broken("reset".into())),
        };
        Box::pin(std::future::ready(answer))
    }));
    let access = StripeAccess {
        base: "https://stripe.test".into(),
        secret_key: "sk_test_canary".into(),
    };
    let clock = Clock::skipping_from("2026-11-22T20:15:00Z".parse().unwrap());
    (Stripe::new(&access, &transport, &clock), sent)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is listed with responses that never came"
)]
fn answer(status: u16, body: &str) -> Result<Response<Bytes>, &'static str> {
    let answer = Response::builder()
        .status(status)
        .header("request-id", "req_1");
    Ok(answer
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap())
}

fn usage_id() -> UsageId {
    let (account, key) = ("acct_a".parse().unwrap(), "k1".parse().unwrap());
    UsageId::derive("test", &account, KeySpace::Services, &key)
}

async fn record(stripe: &Stripe) -> Result<(), Error> {
    let identifier = usage_id();
    let customer = "cus_1".parse().unwrap();
    let event = MeterEvent {
        identifier: identifier.as_str(),
        customer: &customer,
        value: Sparks::from_milli(137_172),
        occurred_at: Timestamp::from_millisecond(1_795_392_900_999).unwrap(),
        attempt: 0,
    };
    stripe
        .record_meter_event(&event, Duration::from_secs(1))
        .await
}

fn name(outcome: &Result<(), Error>) -> &'static str {
    match outcome {
        Ok(()) => "delivered",
        Err(Error::Skipped) => "skipped",
        Err(Error::RateLimited) => "rate limited",
        Err(Error::Unconfirmed(_)) => "unconfirmed",
        Err(Error::Unauthorized(_)) => "unauthorized",
        Err(Error::Refused(_)) => "refused",
    }
}

#[tokio::test]
async fn a_meter_event_is_a_keyed_form_of_whole_numbers() {
    let (stripe, sent) = stripe(vec![answer(200, "{}")]);
    record(&stripe).await.unwrap();
    insta::assert_snapshot!(sent.lock().unwrap().join("\n\n"));
}

#[tokio::test]
async fn a_customer_is_always_made_with_the_same_parameters_and_key() {
    let (stripe, sent) = stripe(vec![answer(
        200,
        r#"{"id": "cus_1", "object": "customer"}"#,
    )]);
    let account = "auth0|5f:7c@x.io".parse().unwrap();
    let customer = stripe
        .create_customer("test", &account, 0, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(customer.as_str(), "cus_1");
    insta::assert_snapshot!(sent.lock().unwrap().join("\n\n"));
}

#[tokio::test]
async fn each_response_has_one_outcome() {
    let duplicate = r#"{"error":{"type":"invalid_request_error","code":"duplicate_meter_event","message":"…"}}"#;
    let ours = format!(
        r#"{{"error":{{"message":"An event already exists with identifier {}."}}}}"#,
        usage_id()
    );
    let others = r#"{"error":{"message":"An event already exists with identifier use_1."}}"#;
    let invalid = r#"{"error":{"type":"invalid_request_error","code":"timestamp_too_far_in_past","message":"…"}}"#;
    for (status, body, meaning) in [
        (200, "{}", "delivered"),
        (400, duplicate, "delivered"),
        (400, &ours, "delivered"),
        (400, others, "refused"),
        (404, &ours, "refused"),
        (402, duplicate, "refused"),
        (400, invalid, "refused"),
        (400, &invalid[..invalid.len() / 2], "unconfirmed"),
        (400, "not json", "unconfirmed"),
        (401, "{}", "unauthorized"),
        (402, "{}", "unconfirmed"),
        (403, "{}", "unauthorized"),
        (404, "{}", "unconfirmed"),
        (413, "<html>", "unconfirmed"),
        (409, "{}", "unconfirmed"),
        (424, "{}", "unconfirmed"),
        (429, "{}", "rate limited"),
        (500, "{}", "unconfirmed"),
        (503, "<html>", "unconfirmed"),
        (302, "", "unconfirmed"),
    ] {
        let (stripe, _) = stripe(vec![answer(status, body)]);
        assert_eq!(name(&record(&stripe).await), meaning, "{status} {body}");
    }
    for (failure, meaning, sends) in [
        ("not sent", "unconfirmed", 1),
        ("late", "unconfirmed", 1),
        ("reset", "unconfirmed", 2),
    ] {
        let (stripe, sent) = stripe(vec![Err(failure)]);
        assert_eq!(
            (name(&record(&stripe).await), sent.lock().unwrap().len()),
            (meaning, sends),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_broken_connection_is_retried_once_with_the_same_key() {
    let (stripe, sent) = stripe(vec![Err("reset"), answer(200, "{}")]);
    record(&stripe).await.unwrap();
    let sent = sent.lock().unwrap();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

#[tokio::test]
async fn a_rate_limited_retry_leaves_the_call_unconfirmed() {
    let (stripe, _) = stripe(vec![Err("reset"), answer(429, "{}")]);
    assert_eq!(name(&record(&stripe).await), "unconfirmed");
}

#[tokio::test]
async fn a_rate_limited_customer_is_paused() {
    let (stripe, sent) = stripe(vec![answer(429, "{}")]);
    assert_eq!(name(&record(&stripe).await), "rate limited");
    assert_eq!(name(&record(&stripe).await), "skipped");
    assert_eq!(sent.lock().unwrap().len(), 1);
}

async fn read(stripe: &Stripe) -> Result<(), Error> {
    let read = stripe.read::<serde_json::Value>("/v1/anything", Duration::from_secs(10));
    read.await.map(drop)
}

fn wishing(status: u16, wish: &str) -> Result<Response<Bytes>, &'static str> {
    let mut answer = answer(status, "{}")?;
    let wish = wish.parse().unwrap();
    answer.headers_mut().insert("stripe-should-retry", wish);
    Ok(answer)
}

#[tokio::test]
async fn only_transient_failures_are_tried_three_times() {
    for (first, sends) in [
        (answer(200, "{}"), 1),
        (answer(400, "{}"), 1),
        (answer(401, "{}"), 1),
        (answer(409, "{}"), 3),
        (answer(424, "{}"), 3),
        (answer(500, "{}"), 3),
        (answer(503, "<html>"), 3),
        (wishing(503, "false"), 1),
        (answer(429, "{}"), 1),
        (wishing(429, "true"), 3),
        (wishing(429, "false"), 1),
        (Err("not sent"), 3),
        (Err("reset"), 3),
        (Err("late"), 1),
    ] {
        let shown = format!("{first:?}");
        let (stripe, sent) = stripe(vec![first]);
        let outcome = read(&stripe).await;
        assert_eq!(sent.lock().unwrap().len(), sends, "{shown}");
        assert_eq!(outcome.is_ok(), shown.contains("status: 200"), "{shown}");
    }
}

#[tokio::test]
async fn retries_have_the_same_key() {
    let customer = r#"{"id": "cus_1", "object": "customer"}"#;
    let (stripe, sent) = stripe(vec![answer(503, ""), Err("reset"), answer(200, customer)]);
    let account = "acct_a".parse().unwrap();
    let made = stripe.create_customer("test", &account, 0, Duration::from_secs(10));
    assert_eq!(made.await.unwrap().as_str(), "cus_1");
    let sent = sent.lock().unwrap();
    assert!(sent.iter().all(|call| *call == sent[0]), "{sent:?}");
}

#[tokio::test]
async fn neither_errors_nor_debug_output_carry_the_key_or_stripes_message() {
    let body = r#"{"error":{"code":"x","message":"canary@example.com is not valid"}}"#;
    let (stripe, _) = stripe(vec![answer(400, body)]);
    let error = record(&stripe).await.unwrap_err();
    let shown = format!("{error} {error:?} {stripe:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("req_1"));
}

#[tokio::test]
async fn a_malformed_response_is_not_quoted_in_errors() {
    for (body, told) in [
        (
            r#"{"id":"in_1","livemode":"canary"}"#,
            "see line 1, column 32",
        ),
        (r#"{"id":"canary/1"}"#, "see line 1, column "),
        (
            r#"{"id":"in_1","livemode":false}"#,
            "missing field `currency`",
        ),
    ] {
        let (stripe, _) = stripe(vec![answer(200, body)]);
        let id = "in_1".parse().unwrap();
        let read = stripe.invoice(&id, Duration::from_secs(1)).await;
        let error = read.unwrap_err();
        let shown = format!("{error:?} {}", telemetry::chain(&error));
        assert!(!shown.contains("canary") && shown.contains(told), "{shown}");
    }
}

#[tokio::test]
async fn stripes_time_is_the_date_of_a_response() {
    for (date, second) in [
        ("Sun, 22 Nov 2026 20:15:00 GMT", Some(1_795_378_500)),
        ("soon", None),
        ("", None),
    ] {
        let mut answer = answer(200, "{}").unwrap();
        answer.headers_mut().insert("date", date.parse().unwrap());
        let (stripe, sent) = stripe(vec![Ok(answer)]);
        let time = stripe.time(Duration::from_secs(1)).await.unwrap();
        assert_eq!(time.map(Timestamp::as_second), second, "{date}");
        let sent = sent.lock().unwrap();
        assert!(
            sent[0].starts_with("GET https://stripe.test/v1/"),
            "{sent:?}"
        );
    }
}
