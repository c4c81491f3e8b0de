//! Tests of the contents of an invocation's line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::*;
use crate::process::config::{LangfuseAccess, StripeAccess};
use crate::process::transport::Transport;
use crate::providers::langfuse::Langfuse;
use crate::providers::stripe::Stripe;
use crate::words::sink::Sink;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn function() -> Function {
    let clock = Clock::skipping_from("2026-11-22T20:15:00Z".parse().unwrap());
    Function::new("verify-payment", "prod", &clock)
}

fn call() -> Call {
    Call {
        request_id: "req_1".into(),
        route_key: Some("POST /v1/checkout/{session_id}/verify".into()),
        trace: TraceContext::new(
            Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
            Some(TRACEPARENT),
        ),
    }
}

/// Returns the lines of an invocation that does `work`.
async fn lines<T>(function: &Function, call: Call, work: impl Future<Output = T>) -> Vec<Value> {
    let lines = Lines::default();
    lines.keep(invocation(function, call, work)).await;
    let kept = lines.kept();
    kept.iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_invocation_is_one_line_with_its_metrics() {
    let function = function();
    let clock = function.clock.clone();
    let lines = lines(&function, call(), async {
        account(&"acct_a".parse().unwrap());
        step(Step::Stripe, clock.sleep(Duration::from_millis(40))).await;
        step(Step::Stripe, clock.sleep(Duration::from_millis(2))).await;
        clock.sleep(Duration::from_millis(1)).await;
        count(Metric::CreditsGranted, 1);
        count(Metric::SparksCredited, 500_000_000);
        count(Metric::DeliveryPending(Sink::StripeMeter), 2);
        count(Metric::Refusals("invalid_request"), 1);
        answered(StatusCode::OK, None, false);
    });
    insta::assert_json_snapshot!(lines.await);
}

#[tokio::test]
async fn an_invocation_that_counts_nothing_carries_no_metrics() {
    let scheduled = Call::scheduled(&Context::default());
    let lines = lines(&function(), scheduled, async {}).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "verify-payment finished");
    assert_eq!(lines[0].get("_aws"), None);
    assert_eq!(lines[0].get("status"), None);
}

#[tokio::test]
async fn concurrent_work_counts_into_the_same_invocation() {
    let lines = lines(&function(), call(), async {
        let one = || async {
            tokio::task::yield_now().await;
            count(Metric::UsageRecorded, 1);
            count(Metric::OutboxAgeSeconds, 7);
        };
        let both = async { tokio::join!(one(), one()) };
        tokio::join!(both, one());
        count(Metric::OutboxAgeSeconds, 3);
    })
    .await;
    assert_eq!(lines[0]["UsageRecorded"], 3);
    assert_eq!(lines[0]["OutboxAgeSeconds"], 7, "the highest age");
}

#[tokio::test]
async fn concurrent_invocations_are_counted_separately() {
    let lines = Lines::default();
    let function = function();
    let one = |recorded| {
        invocation(&function, call(), async move {
            tokio::task::yield_now().await;
            count(Metric::UsageRecorded, recorded);
            tokio::task::yield_now().await;
        })
    };
    lines.keep(async { tokio::join!(one(1), one(2)) }).await;
    let mut counted: Vec<i64> = lines
        .kept()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["UsageRecorded"].as_i64())
        .map(Option::unwrap)
        .collect();
    counted.sort_unstable();
    assert_eq!(counted, [1, 2]);
}

#[tokio::test]
async fn outside_of_an_invocation_nothing_is_counted_or_written() {
    let lines = Lines::default();
    lines
        .keep(async {
            count(Metric::UsageRecorded, 1);
            account(&"acct_a".parse().unwrap());
            answered(StatusCode::OK, None, false);
            assert_eq!(step(Step::Read, async { 1 }).await, 1);
            assert_eq!(timed(Step::Price, || 2), 2);
            assert_eq!(traceparent(), None);
        })
        .await;
    assert_eq!(lines.kept(), [""; 0]);
}

#[tokio::test]
async fn a_cancelled_invocation_writes_its_line() {
    let function = function();
    let lines = lines(&function, call(), async {
        let given_up = invocation(&function, call(), async {
            count(Metric::UsageRecorded, 1);
            std::future::pending::<()>().await;
        });
        tokio::select! {
            biased;
            () = given_up => {}
            () = std::future::ready(()) => {}
        }
    })
    .await;
    let words: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(
        words,
        [
            "POST /v1/checkout/{session_id}/verify was cut short",
            "POST /v1/checkout/{session_id}/verify finished"
        ]
    );
    assert_eq!(lines[0]["cut_short"], true);
    assert_eq!(lines[0]["UsageRecorded"], 1);
}

#[tokio::test]
async fn an_account_is_logged_if_there_is_only_one() {
    let [one, two] = ["acct_a", "acct_b"].map(|id| id.parse::<AccountId>().unwrap());
    for (accounts, named) in [
        (vec![], None),
        (vec![&one, &one], Some("acct_a")),
        (vec![&one, &two], None),
        (vec![&one, &two, &one], None),
    ] {
        let noted = async {
            for id in accounts {
                account(id);
            }
        };
        let lines = lines(&function(), call(), noted).await;
        assert_eq!(lines[0].get("account.id").and_then(Value::as_str), named);
    }
}

#[tokio::test]
async fn malformed_headers_are_not_logged() {
    let called = Call {
        trace: TraceContext::new(Some("Root=canary"), Some("00-canary")),
        ..call()
    };
    let line = lines(&function(), called, async {}).await.remove(0);
    assert!(!line.to_string().contains("canary"), "{line}");
}

#[tokio::test]
async fn the_callers_traceparent_is_passed_on_to_the_providers() {
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let log = Arc::clone(&seen);
    let transport = Transport::in_process(Arc::new(move |request, _| {
        let header = request.headers().get("traceparent");
        let header = header.map(|value| value.to_str().unwrap().to_owned());
        log.lock().unwrap().push(header);
        Box::pin(std::future::ready(Ok(Response::new(Bytes::from("{}")))))
    }));
    let function = function();
    let access = StripeAccess {
        base: "https://stripe.test".into(),
        secret_key: "sk_test_1".into(),
    };
    let stripe = Stripe::new(&access, &transport, &function.clock);
    let access = LangfuseAccess {
        host: "https://langfuse.test".into(),
        public_key: "pk-lf-1".into(),
        secret_key: "sk-lf-1".into(),
    };
    let langfuse = Langfuse::new(&access, "prod", &transport, &function.clock);
    let tell_both = || async {
        let timeout = Duration::from_secs(1);
        stripe.read::<Value>("/v1/meters", timeout).await.unwrap();
        langfuse.record(&[], timeout).await.unwrap();
    };

    lines(&function, call(), tell_both()).await;
    let scheduled = Call::scheduled(&Context::default());
    lines(&function, scheduled, tell_both()).await;
    tell_both().await;

    let passed_on = Some(TRACEPARENT.to_owned());
    let seen = seen.lock().unwrap();
    assert_eq!(seen[..2], [passed_on.clone(), passed_on]);
    assert_eq!(seen[2..], [None, None, None, None]);
}
