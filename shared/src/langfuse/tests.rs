//! What is sent to Langfuse, and what its answers mean, against an endpoint in this process.

use std::sync::{Arc, Mutex};

use http::Response;
use jiff::Timestamp;

use super::*;
use crate::ledger::{Deliveries, DeliveryState, RequestHash, TraceLabels, UsageEntry};
use crate::meter::{Line, Tokens};
use crate::price_book;

type Sent = Arc<Mutex<Vec<serde_json::Value>>>;

fn langfuse(status: Result<u16, &'static str>) -> (Langfuse, Sent) {
    let sent = Sent::default();
    let log = Arc::clone(&sent);
    let transport = Transport::in_process(Arc::new(move |request, _| {
        assert_eq!(request.headers()["x-langfuse-ingestion-version"], "4");
        assert_eq!(
            request.headers()["authorization"],
            "Basic cGstbGYtMTpjYW5hcnk="
        );
        log.lock()
            .unwrap()
            .push(serde_json::from_slice(request.body()).unwrap());
        let answer = match status {
            Ok(status) => Ok(Response::builder()
                .status(status)
                .body(Bytes::new())
                .unwrap()),
            Err("not sent") => Err(transport::Error::NotSent("refused".into())),
            Err(_) => Err(transport::Error::TimedOut),
        };
        Box::pin(std::future::ready(answer))
    }));
    (at(&transport), sent)
}

fn at(transport: &Transport) -> Langfuse {
    let access = LangfuseAccess {
        host: "https://langfuse.test".into(),
        public_key: "pk-lf-1".into(),
        secret_key: "canary".into(),
    };
    Langfuse::new(&access, "prod", transport, &Clock::system())
}

fn entry() -> UsageEntry {
    let occurred_at = Timestamp::from_millisecond(1_795_392_900_123).unwrap();
    let tokens = Tokens {
        input_tokens: 1_200,
        cached_input_tokens: 200,
        output_tokens: 300,
        ..Tokens::default()
    };
    let lines = [
        Line::AiTokens {
            model: Some("gpt-5".into()),
            tokens,
        },
        Line::Compute {
            milliseconds: 1_500,
        },
    ];
    let price = price_book::price(&lines, occurred_at).unwrap();
    let account = "acct_a".parse().unwrap();
    UsageEntry {
        id: crate::id::UsageId::derive(
            "prod",
            &account,
            crate::id::KeySpace::Services,
            &"k1".parse().unwrap(),
        ),
        account,
        member: Some("u_7".parse().unwrap()),
        request_hash: RequestHash([0; 32]),
        sparks: price.total,
        lines: price.lines,
        price_version: "1".into(),
        occurred_at,
        recorded_at: occurred_at,
        trace: TraceLabels {
            name: Some("chat".into()),
            session_id: Some("s_1".into()),
            tags: vec!["prod".into()],
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            content: false,
        },
        deliveries: Deliveries {
            langfuse: DeliveryState::Pending,
            stripe: DeliveryState::Off,
        },
    }
}

async fn record(langfuse: &Langfuse) -> Result<(), Error> {
    let entry = entry();
    let trace = Trace {
        entry: &entry,
        content: Content {
            input: Some("in"),
            output: None,
        },
    };
    langfuse.record(&[trace], Duration::from_secs(1)).await
}

/// The vectors of Langfuse's own SDK.
#[test]
fn ids_derive_from_a_seed_as_langfuses_sdk_does_it() {
    assert_eq!(trace_id("evt_01J"), "6b134648741df2e3c8cd4cd7a0e236ba");
    assert_eq!(span::span_id("evt_01J"), "585512f350bef565");
}

#[tokio::test]
async fn a_usage_is_one_span_that_says_everything_but_secrets() {
    let (langfuse, sent) = langfuse(Ok(200));
    record(&langfuse).await.unwrap();
    insta::assert_json_snapshot!(sent.lock().unwrap()[0]);
}

#[tokio::test]
async fn every_attempt_sends_the_same_bytes() {
    let (langfuse, sent) = langfuse(Ok(200));
    record(&langfuse).await.unwrap();
    record(&langfuse).await.unwrap();
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0], sent[1]);
}

#[tokio::test]
async fn every_answer_means_one_thing() {
    for (status, meaning) in [
        (Ok(200), "stored"),
        (Ok(207), "failed"),
        (Ok(400), "refused"),
        (Ok(401), "unauthorized"),
        (Ok(403), "unauthorized"),
        (Ok(405), "refused"),
        (Ok(413), "refused"),
        (Ok(429), "rate limited"),
        (Ok(500), "failed"),
        (Ok(302), "failed"),
        (Err("not sent"), "not sent"),
        (Err("late"), "lost"),
    ] {
        let (langfuse, _) = langfuse(status);
        let outcome = match record(&langfuse).await {
            Ok(()) => "stored",
            Err(Error::Skipped) => "skipped",
            Err(Error::NotSent(_)) => "not sent",
            Err(Error::RateLimited) => "rate limited",
            Err(Error::Unauthorized(_)) => "unauthorized",
            Err(Error::Refused(_)) => "refused",
            Err(Error::Lost(_)) => "lost",
            Err(Error::Failed(_)) => "failed",
        };
        assert_eq!(outcome, meaning, "{status:?}");
    }
}

#[tokio::test]
async fn content_and_keys_do_not_show_in_debug_output() {
    let (langfuse, _) = langfuse(Ok(200));
    let entry = entry();
    let trace = Trace {
        entry: &entry,
        content: Content {
            input: Some("canary"),
            output: Some("canary"),
        },
    };
    let shown = format!("{langfuse:?} {trace:?}");
    assert!(
        !shown.contains("canary") && !shown.contains("Basic"),
        "{shown}"
    );
}

/// In place of a page: it gets lost.
const LOST: i64 = -1;

/// Asks a Langfuse for a second, which tells of one observation a page, at these milliseconds.
async fn traced(pages: &'static [i64]) -> Result<Traced, Error> {
    let asked = Mutex::new(pages.iter());
    let transport = Transport::in_process(Arc::new(move |request, _| {
        let mut left = asked.lock().unwrap();
        let with_cursor = request.uri().query().unwrap().contains("cursor=");
        assert_eq!(with_cursor, left.len() < pages.len());
        let answer = match *left.next().unwrap() {
            LOST => Err(transport::Error::TimedOut),
            millisecond => Ok(millisecond),
        };
        let answer = answer.map(|millisecond| {
            let started = Timestamp::from_millisecond(millisecond).unwrap();
            let cursor = (left.len() > 0).then_some("next");
            let page = serde_json::json!({
                "data": [{ "traceId": started.to_string(), "startTime": started }],
                "meta": { "cursor": cursor },
            });
            Response::new(Bytes::from(page.to_string()))
        });
        Box::pin(std::future::ready(answer))
    }));
    let langfuse = at(&transport);
    let second = Timestamp::UNIX_EPOCH..=Timestamp::constant(0, 999_000_000);
    langfuse.traced(second, Duration::from_secs(1)).await
}

#[tokio::test]
async fn what_is_not_read_through_is_complete_after_the_last_that_was_read() {
    let whole = traced(&[900, 900, 0]).await.unwrap();
    assert_eq!(whole.complete.start, Timestamp::UNIX_EPOCH);
    assert_eq!(whole.traces.len(), 2);
    let part = traced(&[999, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]).await.unwrap();
    assert_eq!(part.complete.start.as_millisecond(), 2);
    assert_eq!(part.traces.len(), 10);
    let crowded = traced(&[999; 11]).await.unwrap();
    assert!(crowded.complete.is_empty());
    let lost = traced(&[999, 500, LOST]).await.unwrap();
    assert_eq!(lost.complete.start.as_millisecond(), 501);
    assert!(matches!(traced(&[LOST]).await, Err(Error::Lost(_))));
}

#[tokio::test]
async fn an_answer_in_another_order_tells_nothing() {
    let unordered = traced(&[500, 501]).await.unwrap_err();
    assert!(matches!(unordered, Error::Failed(StatusCode::OK)));
}
