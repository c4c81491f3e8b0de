//! Reading back what was stored.

use serde_json::json;

use crate::client::{SPAN, TRACE, fake, read, send, span};

#[tokio::test]
async fn observations_are_read_back_newest_first_a_page_at_a_time() {
    let fake = fake().await;
    let mut newer = span();
    newer["startTimeUnixNano"] = json!("1795378501000000000");
    newer["endTimeUnixNano"] = json!("1795378501000000000");
    newer["spanId"] = json!("aaaaaaaaaaaaaaaa");
    send(&fake, &[span(), newer]).await;
    let path = format!("/api/public/v2/observations?traceId={TRACE}&limit=1");

    let (_, first) = read(&fake, &path).await;
    let cursor = first["meta"]["cursor"].as_str().unwrap();
    let (_, second) = read(&fake, &format!("{path}&cursor={cursor}")).await;

    assert_eq!(first["data"][0]["id"], "aaaaaaaaaaaaaaaa");
    assert_eq!(first["data"][0]["startTime"], "2026-11-22T20:15:01.000Z");
    assert_eq!(second["data"][0]["id"], SPAN);
    assert_eq!(second["data"][0]["type"], "GENERATION");
    assert_eq!(second["data"][0].get("usageDetails"), None);
    assert_eq!(second["meta"], json!({}));
}

#[tokio::test]
async fn observations_are_found_by_time_and_show_the_fields_asked_for() {
    let fake = fake().await;
    send(&fake, &[span()]).await;
    let count = async |query: &str| {
        let path = format!("/api/public/v2/observations?{query}");
        read(&fake, &path).await.1["data"].as_array().unwrap().len()
    };
    assert_eq!(count("fromStartTime=2026-11-22T20:15:00Z").await, 1);
    assert_eq!(count("fromStartTime=2026-11-22T20:15:01Z").await, 0);
    assert_eq!(count("toStartTime=2026-11-22T20:15:00Z").await, 0);
    assert_eq!(count("traceId=other").await, 0);

    let path = "/api/public/v2/observations?fields=core,usage,trace_context";
    let (_, body) = read(&fake, path).await;
    assert_eq!(body["data"][0]["usageDetails"]["output"], 300);
    assert_eq!(body["data"][0]["traceName"], "chat");
}

#[tokio::test]
async fn a_query_it_does_not_understand_is_refused() {
    let fake = fake().await;
    for query in [
        "limit=0",
        "limit=1001",
        "cursor=!",
        "fromStartTime=now",
        "parseIoAsJson=true",
    ] {
        let (status, _) = read(&fake, &format!("/api/public/v2/observations?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}
