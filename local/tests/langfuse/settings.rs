//! The kinds of Langfuse that the fake can play.

use jiff::Timestamp;
use local::clock::Clock;
use local::http::FREE_PORT;
use local::langfuse::{FakeLangfuse, Langfuse};
use serde_json::{Value, json};

use super::client::{answer, fake, read, request, send, span, spans};

const PATH: &str = "/api/public/v2/observations";

async fn set(fake: &FakeLangfuse, settings: &Value) -> (u16, Value) {
    let url = format!("{}/_local/settings", fake.url());
    answer(local::client::plain().post(url).body(settings.to_string())).await
}

#[tokio::test]
async fn without_the_v4_write_mode_exports_are_taken_but_reads_fail() {
    for (mode, status, version) in [("v3", 501, "3."), ("v4_legacy", 404, "4.")] {
        let fake = fake().await;
        assert_eq!(set(&fake, &json!({ "mode": mode })).await.0, 200);

        assert_eq!(send(&fake, &[span()]).await.0, 200, "{mode}");
        assert_eq!(spans(&fake), 1);
        assert_eq!(read(&fake, PATH).await.0, status);
        let health = read(&fake, "/api/public/health").await.1;
        assert!(health["version"].as_str().unwrap().starts_with(version));
        let stranger = local::client::plain().get(format!("{}{PATH}", fake.url()));
        assert_eq!(answer(stranger).await.0, 401, "keys are checked first");
    }
}

#[tokio::test]
async fn reads_have_their_own_limit_for_a_minute() {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let langfuse = Langfuse::new(Clock::starting_at(noon));
    let fake = FakeLangfuse::serve(FREE_PORT, langfuse).await.unwrap();
    set(&fake, &json!({ "reads_per_minute": 2 })).await;

    assert_eq!(read(&fake, PATH).await.0, 200);
    fake.clock().skip(40);
    assert_eq!(read(&fake, PATH).await.0, 200);
    let (status, body) = read(&fake, PATH).await;
    let seconds = body["details"]["retryAfterSeconds"].as_i64().unwrap();
    assert_eq!(status, 429);
    assert!((15..=20).contains(&seconds), "{body}");
    assert_eq!(send(&fake, &[span()]).await.0, 200, "exports go on");
    fake.clock().skip(seconds);
    assert_eq!(read(&fake, PATH).await.0, 200);
}

#[tokio::test]
async fn settings_change_one_by_one_and_unknown_ones_are_refused() {
    let fake = fake().await;

    set(&fake, &json!({ "visible_after_ms": 5_000 })).await;
    let (_, both) = set(&fake, &json!({ "reads_per_minute": 30 })).await;

    let expected = json!({ "mode": "v4", "visible_after_ms": 5_000, "reads_per_minute": 30 });
    assert_eq!(both, expected);
    assert_eq!(read(&fake, "/_local/settings").await.1, expected);
    for unknown in [json!({ "mode": "v5" }), json!({ "delay": 1 }), json!([])] {
        assert_eq!(set(&fake, &unknown).await.0, 400, "{unknown}");
    }
    let taken = answer(request(&fake, &super::client::export(&[span()]))).await;
    assert_eq!(taken.0, 200);
    let early = read(&fake, PATH).await.1;
    assert_eq!(early["data"], json!([]), "the span is readable later");
}

#[tokio::test]
async fn an_observation_may_have_no_trace() {
    let fake = fake().await;
    let url = format!("{}/_local/observations", fake.url());
    let body = json!({ "start_time": "2026-11-22T12:00:00Z", "environment": "prod" });

    let added = answer(local::client::plain().post(url).body(body.to_string())).await;

    assert_eq!(added, (200, json!({ "added": 1 })));
    let (_, page) = read(&fake, PATH).await;
    assert_eq!(page["data"][0]["traceId"], json!(null));
}
