//! Tests of the requests to Langfuse and the meaning of its responses. They run against an endpoint in this process.

use std::sync::{Arc, Mutex};

use http::Response;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ledger::{Deliveries, DeliveryState, RequestHash, TraceLabels, UsageEntry};
use crate::pricing::price_book;
use crate::words::meter::{Line, Tokens};

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
        id: crate::words::id::UsageId::derive(
            "prod",
            &account,
            crate::words::id::KeySpace::Services,
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

/// Test vectors of Langfuse's own SDK.
#[test]
fn ids_derive_from_a_seed_as_in_langfuses_sdk() {
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
async fn each_response_has_one_outcome() {
    for (status, meaning) in [
        (Ok(200), "stored"),
        (Ok(207), "failed"),
        (Ok(400), "refused"),
        (Ok(401), "unauthorized"),
        (Ok(403), "unauthorized"),
        (Ok(404), "not found"),
        (Ok(405), "not found"),
        (Ok(408), "failed"),
        (Ok(409), "failed"),
        (Ok(413), "refused"),
        (Ok(422), "refused"),
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
            Err(Error::NotFound(_)) => "not found",
            Err(Error::Unreadable(_)) => "unreadable",
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

/// Stands for a page whose response is lost.
const LOST: i64 = -1;

/// Reads one second from a Langfuse that lists one observation per page, at these milliseconds.
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
    let reads = Reads::at_most(100);
    langfuse
        .traced(second, &reads, Duration::from_secs(1))
        .await
}

/// A Langfuse that returns this status and body for every request. Also the count of requests.
fn answering(status: u16, body: &'static str) -> (Langfuse, Arc<Mutex<u32>>) {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let transport = Transport::in_process(Arc::new(move |_, _| {
        *count.lock().unwrap() += 1;
        let answer = Response::builder().status(status);
        let answer = answer.body(Bytes::from_static(body.as_bytes())).unwrap();
        Box::pin(std::future::ready(Ok(answer)))
    }));
    (at(&transport), asked)
}

async fn is_traced(langfuse: &Langfuse, reads: &Reads) -> Result<Traced, Error> {
    let at = Timestamp::UNIX_EPOCH;
    langfuse
        .traced(at..=at, reads, Duration::from_secs(1))
        .await
}

/// Every read fails in the same way, and exports go on.
#[tokio::test]
async fn unsupported_reads_open_no_circuit() {
    for status in [400, 404, 405, 501] {
        let (langfuse, asked) = answering(status, "{}");
        let reads = Reads::at_most(100);
        for _ in 0..5 {
            let told = is_traced(&langfuse, &reads).await.unwrap_err();
            assert!(matches!(told, Error::Unreadable(_)), "{status}: {told}");
        }
        assert_eq!(*asked.lock().unwrap(), 5);
        assert!(!langfuse.is_left_alone());
    }
}

/// Reads have a rate limit of their own.
#[tokio::test]
async fn a_rate_limit_of_reads_stops_reads_but_not_exports() {
    let (langfuse, asked) = answering(429, "{}");
    let reads = Reads::at_most(100);
    let limited = is_traced(&langfuse, &reads).await.unwrap_err();
    assert!(matches!(limited, Error::RateLimited));
    assert!(!reads.are_left() && !langfuse.is_left_alone());
    let skipped = is_traced(&langfuse, &Reads::at_most(1)).await.unwrap_err();
    assert!(matches!(skipped, Error::Skipped));
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn reads_stop_at_their_budget() {
    let page = r#"{"data":[],"meta":{"cursor":"next"}}"#;
    let (langfuse, asked) = answering(200, page);
    let reads = Reads::at_most(3);
    let part = is_traced(&langfuse, &reads).await.unwrap();
    assert!(part.traces.is_empty() && !reads.are_left());
    let skipped = is_traced(&langfuse, &reads).await.unwrap_err();
    assert!(matches!(skipped, Error::Skipped));
    assert_eq!(*asked.lock().unwrap(), 3);
}

#[tokio::test]
async fn an_observation_without_a_trace_is_ignored() {
    let page = r#"{"data":[
        {"traceId":null,"startTime":"1970-01-01T00:00:00Z"},
        {"traceId":"t1","startTime":"1970-01-01T00:00:00Z"},
        {"startTime":"1970-01-01T00:00:00Z"}
    ],"meta":{}}"#;
    let (langfuse, _) = answering(200, page);
    let told = is_traced(&langfuse, &Reads::at_most(1)).await.unwrap();
    assert_eq!(told.traces, ["t1".to_owned()].into());
    assert!(told.complete.contains(&Timestamp::UNIX_EPOCH));
}

/// The smallest plan shows 30 days.
#[test]
fn traces_older_than_the_smallest_plan_shows_may_exist() {
    let now = Timestamp::from_second(100 * 24 * 3_600).unwrap();
    let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
    assert!(is_shown(ago(28), now));
    assert!(!is_shown(ago(29), now) && !is_shown(ago(33), now));
}

/// Returns the metadata keys of a span: the observation's and the trace's.
fn metadata(export: &serde_json::Value) -> [Vec<String>; 2] {
    let span = &export["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let attributes = span["attributes"].as_array().unwrap();
    let keys = attributes.iter().map(|one| one["key"].as_str().unwrap());
    ["observation", "trace"].map(|whose| {
        let prefix = format!("langfuse.{whose}.metadata.");
        let below = keys.clone().filter_map(|key| key.strip_prefix(&prefix));
        below.map(str::to_owned).collect()
    })
}

/// A trace's metadata overrides the observation's, where Sparks describes the usage.
#[test]
fn caller_metadata_never_overrides_ours() {
    let long = "x".repeat(MAX_CONTENT_BYTES + 1);
    let contents = [
        Content {
            input: Some(&long),
            output: Some(&long),
        },
        Content::default(),
    ];
    for content in contents {
        let mut entry = entry();
        entry.trace.content = true;
        let export = |entry: &UsageEntry| {
            let trace = Trace { entry, content };
            serde_json::from_slice(&span::export(&[trace], "prod")).unwrap()
        };
        let [ours, _] = metadata(&export(&entry));
        assert!(ours.len() >= 6);
        let theirs = ours.iter().map(|key| (key.clone(), "forged".to_owned()));
        entry.trace.metadata = theirs.collect();
        let [still, theirs] = metadata(&export(&entry));
        assert_eq!(still, ours);
        assert_eq!(theirs.len(), ours.len());
        let both = theirs.iter().filter(|key| ours.contains(key));
        assert_eq!(both.count(), 0, "{theirs:?}");
    }
}

#[test]
fn empty_texts_are_left_out_of_the_span() {
    let mut entry = entry();
    entry.trace.name = Some(String::new());
    entry.trace.session_id = Some(String::new());
    entry.trace.tags = vec![String::new()];
    let content = Content {
        input: Some(""),
        output: Some(""),
    };
    let trace = Trace {
        entry: &entry,
        content,
    };
    let export = String::from_utf8(span::export(&[trace], "prod")).unwrap();
    for absent in [
        "langfuse.session.id",
        "langfuse.trace.tags",
        "langfuse.observation.input",
        "langfuse.observation.output",
        r#""stringValue":"""#,
    ] {
        assert!(!export.contains(absent), "{absent}: {export}");
    }
    assert!(export.contains(r#""name":"usage""#), "{export}");
}

#[tokio::test]
async fn a_partial_read_is_complete_after_its_last_observation() {
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
async fn an_unordered_page_is_a_failure() {
    let unordered = traced(&[500, 501]).await.unwrap_err();
    assert!(matches!(unordered, Error::Failed(StatusCode::OK)));
}
