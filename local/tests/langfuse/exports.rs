//! Exports: validation and storage.

use local::clock::Clock;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::langfuse::{FakeLangfuse, Langfuse};
use serde_json::{Value, json};

use super::client::{SPAN, TRACE, delete, export, fake, read, request, send, span, spans, text};

#[tokio::test]
async fn a_valid_span_is_stored_and_shown() {
    let fake = fake().await;

    let (status, body) = send(&fake, &[span()]).await;

    assert_eq!((status, &body["name"]), (200, &json!("otel-ingestion-job")));
    let state = read(&fake, "/_local/state").await.1;
    let stored = &state["spans"][0];
    let expected = [
        ("trace_id", json!(TRACE)),
        ("span_id", json!(SPAN)),
        ("name", json!("usage.record")),
        ("trace_name", json!("chat")),
        ("type", json!("generation")),
        ("user_id", json!("acct_1")),
        ("session_id", json!("s_1")),
        ("tags", json!(["prod"])),
        ("metadata", json!({"sparks": "137.172", "ticket": "T-1"})),
        ("input", json!("hello")),
        ("output", json!(null)),
        ("model", json!("gpt-5")),
        (
            "usage",
            json!({"input": 900, "input_cached_tokens": 100, "output": 300, "total": 1300}),
        ),
        ("cost", json!({"input": 0.0025, "total": 0.003_137_5})),
        ("start", json!("2026-11-22T20:15:00.123Z")),
        ("start_unix_nano", json!("1795378500123456789")),
        ("environment", json!("prod")),
    ];
    for (name, value) in expected {
        assert_eq!(stored[name], value, "{name}");
    }
    assert_eq!(stored["attributes"]["langfuse.environment"], "prod");
    assert_eq!(
        state["requests"],
        json!([{"method": "POST", "path": "/api/public/otel/v1/traces", "status": 200}])
    );
}

#[tokio::test]
async fn a_span_sent_twice_is_stored_twice() {
    let fake = fake().await;

    send(&fake, &[span()]).await;
    send(&fake, &[span()]).await;

    assert_eq!(spans(&fake), 2);
}

#[tokio::test]
async fn metadata_of_the_trace_overrides_that_of_the_observation() {
    let fake = fake().await;
    let mut span = span();
    let attributes = span["attributes"].as_array_mut().unwrap();
    attributes.push(text("langfuse.trace.metadata.sparks", "0"));

    send(&fake, &[span]).await;

    assert_eq!(fake.state()["spans"][0]["metadata"]["sparks"], "0");
}

#[tokio::test]
async fn the_headers_of_an_export_are_checked() {
    let fake = fake().await;
    let wrong = [
        ("x-langfuse-ingestion-version", None, 400),
        ("x-langfuse-ingestion-version", Some("3"), 400),
        ("content-type", Some("application/x-protobuf"), 400),
        ("content-type", Some("text/plain"), 400),
        ("content-encoding", Some("gzip"), 400),
        ("authorization", None, 401),
        ("authorization", Some("Basic cGs6c2s="), 401),
        ("authorization", Some("Bearer pk-lf-local"), 403),
    ];
    for (name, value, expected) in wrong {
        let request = request(&fake, &export(&[span()]));
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        request.headers_mut().remove(name);
        if let Some(value) = value {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = client.execute(request).await.unwrap();
        assert_eq!(response.status(), expected, "{name}: {value:?}");
    }
    assert_eq!(spans(&fake), 0);
}

#[tokio::test]
async fn a_429_says_how_long_to_wait() {
    let fake = fake().await;
    fake.faults()
        .add(Fault::new("/api/public/otel", "status:429").unwrap());

    let response = request(&fake, &export(&[span()])).send().await.unwrap();

    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "60");
    assert_eq!(response.headers()["x-ratelimit-limit"], "1000");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    let reset = response.headers()["x-ratelimit-reset"].to_str().unwrap();
    let reset = reset.to_owned();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let expected = json!({
        "message": "Rate limit exceeded",
        "code": "rate_limited",
        "details": { "retryAfterSeconds": 60, "limit": 1000, "remaining": 0, "resetAt": reset },
    });
    assert_eq!(body, expected);
    assert_eq!(spans(&fake), 0);
}

#[tokio::test]
async fn a_lost_reply_has_an_effect_and_a_refusal_has_none() {
    let fake = fake().await;
    for (fault, stored) in [("refuse", 0), ("lost_reply", 1)] {
        fake.faults().add(Fault::new("/", fault).unwrap());
        request(&fake, &export(&[span()])).send().await.unwrap_err();
        assert_eq!(spans(&fake), stored, "{fault}");
    }
}

#[tokio::test]
async fn health_is_ok_and_unknown_paths_are_refused() {
    let fake = fake().await;
    assert_eq!(read(&fake, "/api/public/health").await.1["status"], "OK");
    assert_eq!(read(&fake, "/api/public/otel/v1/traces").await.0, 405);
    assert_eq!(read(&fake, "/api/public/ingestion").await.0, 404);
}

#[tokio::test]
async fn a_folder_keeps_the_spans() {
    let folder = std::env::temp_dir().join(format!("sparks-langfuse-{}", std::process::id()));
    let open = || async {
        let langfuse = Langfuse::open(&folder, Clock::system()).unwrap();
        FakeLangfuse::serve(FREE_PORT, langfuse).await.unwrap()
    };
    let fake = open().await;
    send(&fake, &[span()]).await;
    let before = fake.state()["spans"].clone();
    fake.stop().await;

    let again = open().await;
    assert_eq!(again.state()["spans"], before);
    let lost = format!("/_local/observations/{TRACE}");
    assert_eq!(delete(&again, &lost).await.0, 200);
    again.stop().await;

    assert_eq!(spans(&open().await), 0);
    std::fs::remove_dir_all(folder).unwrap();
}
