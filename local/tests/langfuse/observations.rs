//! Reading observations back.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use local::clock::Clock;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::langfuse::{FakeLangfuse, Langfuse};
use serde_json::{Value, json};

use super::client::{SPAN, TRACE, delete, fake, read, send, span, span_at, span_with, text};

const PATH: &str = "/api/public/v2/observations";

/// Returns the ids that a query finds.
async fn found(fake: &FakeLangfuse, query: &str) -> Vec<String> {
    let (status, body) = read(fake, &format!("{PATH}?{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    let data = body["data"].as_array().unwrap().iter();
    data.map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

/// A span in its own trace, `number` seconds later than the usual one.
fn later(number: u64) -> Value {
    let mut span = span();
    let start = 1_795_378_500_123_456_789 + number * 1_000_000_000;
    for end in ["startTimeUnixNano", "endTimeUnixNano"] {
        span[end] = json!(start.to_string());
    }
    span["traceId"] = json!(format!("{number:032x}"));
    span["spanId"] = json!(format!("a{number:015x}"));
    span
}

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
async fn a_cursor_is_the_place_of_the_last_observation_seen() {
    let fake = fake().await;
    for number in 1..=5 {
        send(&fake, &[later(number)]).await;
    }
    let window = "fromStartTime=2026-11-22T20:15:00Z&toStartTime=2026-11-22T20:15:05Z&limit=2";

    let (_, first) = read(&fake, &format!("{PATH}?{window}")).await;
    let cursor = first["meta"]["cursor"].as_str().unwrap();
    // A span that arrives between two pages changes neither.
    send(&fake, &[later(4)]).await;
    let place: Value = serde_json::from_slice(&STANDARD.decode(cursor).unwrap()).unwrap();
    let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
    let (_, second) = read(&fake, &format!("{PATH}?{window}&cursor={cursor}")).await;

    let expected = json!({
        "lastStartTimeTo": "2026-11-22T20:15:03.123Z",
        "lastTraceId": format!("{:032x}", 3),
        "lastId": format!("a{:015x}", 3),
    });
    assert_eq!(place, expected);
    let ids = |page: &Value| [0, 1].map(|index| page["data"][index]["traceId"].clone());
    assert_eq!(
        ids(&first),
        [4, 3].map(|number| json!(format!("{number:032x}")))
    );
    assert_eq!(
        ids(&second),
        [2, 1].map(|number| json!(format!("{number:032x}")))
    );
    assert_eq!(second["meta"], json!({}));
}

#[tokio::test]
async fn a_span_sent_twice_is_seen_once_if_a_page_ends_between() {
    let fake = fake().await;
    send(&fake, &[span(), span()]).await;

    let (_, both) = read(&fake, PATH).await;
    let (_, one) = read(&fake, &format!("{PATH}?limit=1")).await;
    let cursor = one["meta"]["cursor"].as_str().unwrap();
    let (_, next) = read(&fake, &format!("{PATH}?limit=1&cursor={cursor}")).await;

    assert_eq!(both["data"].as_array().unwrap().len(), 2);
    assert_eq!(next["data"], json!([]));
}

#[tokio::test]
async fn observations_are_readable_once_they_are_ingested() {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let langfuse = Langfuse::new(Clock::starting_at(noon));
    let langfuse = langfuse.with_ingestion_delay(Duration::from_secs(15));
    let fake = FakeLangfuse::serve(FREE_PORT, langfuse).await.unwrap();
    send(&fake, &[span()]).await;

    let early = found(&fake, &format!("traceId={TRACE}")).await;
    fake.clock().skip(16);
    let late = found(&fake, &format!("traceId={TRACE}")).await;

    assert_eq!((early.len(), late.len()), (0, 1));
    let stored = &fake.state()["spans"][0]["taken_at"];
    assert!(stored.as_str().unwrap().starts_with("2026-11-22T12:00:00"));
}

#[tokio::test]
async fn a_removed_trace_is_not_found() {
    let fake = fake().await;
    send(&fake, &[span(), later(1)]).await;
    let path = format!("/_local/observations/{TRACE}");

    let lost = delete(&fake, &path).await;

    assert_eq!(lost, (200, json!({"trace_id": TRACE, "removed": 1})));
    assert_eq!(found(&fake, "").await, [format!("a{:015x}", 1)]);
    assert_eq!(delete(&fake, &path).await.0, 404);
}

#[tokio::test]
async fn reads_may_be_rate_limited() {
    let fake = fake().await;
    fake.faults().add(Fault::new(PATH, "status:429").unwrap());

    let (status, body) = read(&fake, PATH).await;

    assert_eq!((status, &body["details"]["limit"]), (429, &json!(30)));
}

#[tokio::test]
async fn each_field_group_is_returned_only_on_request() {
    let fake = fake().await;
    send(&fake, &[span()]).await;
    let always = "id traceId startTime endTime projectId parentObservationId type modelId \
                  inputPrice outputPrice totalPrice latency timeToFirstToken";
    let groups = [
        ("core", ""),
        (
            "basic",
            "name level statusMessage version environment bookmarked public userId sessionId \
             isRootObservation",
        ),
        ("time", "completionStartTime createdAt updatedAt"),
        ("io", "input output"),
        ("metadata", "metadata"),
        (
            "model",
            "model providedModelName internalModelId modelParameters",
        ),
        (
            "usage",
            "usageDetails costDetails totalCost usagePricingTierName",
        ),
        ("prompt", "promptId promptName promptVersion"),
        ("metrics", "latency timeToFirstToken"),
        ("trace_context", "tags traceName release"),
    ];
    for (group, fields) in groups {
        let (_, body) = read(&fake, &format!("{PATH}?fields={group}")).await;
        let there = body["data"][0].as_object().unwrap().keys();
        let mut expected: Vec<_> = always.split_whitespace().collect();
        expected.extend(fields.split_whitespace());
        expected.sort_unstable();
        expected.dedup();
        let mut there: Vec<_> = there.collect();
        there.sort_unstable();
        assert_eq!(there, expected, "{group}");
    }
    let (_, usual) = read(&fake, PATH).await;
    let (_, basic) = read(&fake, &format!("{PATH}?fields=core,basic")).await;
    assert_eq!(usual, basic);
}

#[tokio::test]
async fn metadata_is_cut_unless_it_is_expanded() {
    let fake = fake().await;
    let long = "ü".repeat(300);
    let key = "langfuse.observation.metadata.long";
    let value = json!({"stringValue": long});
    send(&fake, &[span_with(key, Some(value))]).await;
    let metadata = async |more: &str| {
        let (_, body) = read(&fake, &format!("{PATH}?fields=metadata{more}")).await;
        body["data"][0]["metadata"].clone()
    };

    assert_eq!(metadata("").await["long"], "ü".repeat(200));
    assert_eq!(metadata("&expandMetadata=").await["long"], "ü".repeat(200));
    assert_eq!(metadata("&expandMetadata=long").await["long"], long);
    assert_eq!(metadata("").await["ticket"], "T-1");
}

#[tokio::test]
async fn a_failed_span_has_the_level_error() {
    let fake = fake().await;
    let failed = span_at("status", json!({"code": 2, "message": "too long"}));
    send(&fake, &[failed]).await;

    let (_, body) = read(&fake, PATH).await;

    assert_eq!(body["data"][0]["level"], "ERROR");
    assert_eq!(body["data"][0]["statusMessage"], "too long");
    assert_eq!(found(&fake, "level=ERROR").await.len(), 1);
    assert_eq!(found(&fake, "level=DEFAULT").await.len(), 0);
}

#[tokio::test]
async fn observations_are_found_by_time_and_show_the_requested_fields() {
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
async fn an_unknown_or_malformed_query_is_refused() {
    let fake = fake().await;
    for query in [
        "limit=0",
        "limit=1001",
        "cursor=!",
        "cursor=bm8=",
        "fromStartTime=now",
        "fromStartTime=2026-11-22T20:15:00",
        "parseIoAsJson=true",
        "level=FATAL",
        "type=generation",
        "isRootObservation=yes",
        // Langfuse would ignore these, and return everything.
        "fromStarttime=2026-11-22T20:15:00Z",
        "fields=usage,costs",
        "filter=%7B%7D",
    ] {
        let (status, body) = read(&fake, &format!("{PATH}?{query}")).await;
        assert_eq!(status, 400, "{query}");
        let expected = if query.starts_with("cursor") {
            "Invalid cursor format"
        } else {
            "Invalid request data"
        };
        assert_eq!(body["message"], expected, "{query}");
    }
}

#[tokio::test]
async fn observations_are_found_by_their_fields() {
    let fake = fake().await;
    let other = json!({"stringValue": "test"});
    let mut child = span_with("langfuse.environment", Some(other));
    child["spanId"] = json!("bbbbbbbbbbbbbbbb");
    child["parentSpanId"] = json!(SPAN);
    child["attributes"]
        .as_array_mut()
        .unwrap()
        .push(text("langfuse.version", "7"));
    send(&fake, &[span(), child]).await;
    let (parent, child, both, none) = (
        vec![SPAN],
        vec!["bbbbbbbbbbbbbbbb"],
        vec!["bbbbbbbbbbbbbbbb", SPAN],
        vec![],
    );
    let queries = [
        ("environment=prod", &parent),
        ("environment=prod&environment=test", &both),
        ("environment=dev", &none),
        ("userId=acct_1&sessionId=s_1&name=usage.record", &both),
        ("userId=acct_2", &none),
        ("type=GENERATION", &both),
        ("type=SPAN", &none),
        ("version=7", &child),
        ("parentObservationId=585512f350bef565", &child),
        ("parentObservationId=", &parent),
        ("isRootObservation=true", &parent),
        ("isRootObservation=false", &child),
        ("parseIoAsJson=false", &both),
    ];
    for (query, expected) in queries {
        assert_eq!(&found(&fake, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_overrides_a_parameter_on_its_column() {
    let fake = fake().await;
    send(&fake, &[span(), later(1)]).await;
    let (old, new) = (SPAN, "a000000000000001");
    let one = |kind: &str, column: &str, operator: &str, value: Value| json!([{"type": kind, "column": column, "operator": operator, "value": value}]);
    let metadata = json!([
        {"type": "stringObject", "column": "metadata", "key": "ticket", "operator": "=", "value": "T-1"},
        {"type": "string", "column": "name", "operator": "contains", "value": "record"},
    ]);
    let half_past = json!("2026-11-22T20:15:00.5Z");
    let filters = [
        (one("string", "traceId", "=", json!(TRACE)), vec![old]),
        (
            one("string", "traceId", "starts with", json!("000")),
            vec![new],
        ),
        (
            one("stringOptions", "id", "any of", json!([old, "x"])),
            vec![old],
        ),
        (
            one("stringOptions", "id", "none of", json!([old])),
            vec![new],
        ),
        (one("datetime", "startTime", ">", half_past), vec![new]),
        (
            one("arrayOptions", "tags", "all of", json!(["prod", "x"])),
            vec![],
        ),
        (
            one("boolean", "isRootObservation", "<>", json!(true)),
            vec![],
        ),
        (
            one("null", "version", "is null", json!(null)),
            vec![new, old],
        ),
        (metadata, vec![new, old]),
    ];
    for (filter, expected) in filters {
        // No trace has this id, but a filter on the trace id overrides the parameter.
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("filter", &filter.to_string());
        if filter[0]["column"] == "traceId" {
            query.append_pair("traceId", "other");
        }
        assert_eq!(found(&fake, &query.finish()).await, expected, "{filter}");
    }

    let unknown = one("number", "latency", ">", json!(1)).to_string();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("filter", &unknown);
    let (status, _) = read(&fake, &format!("{PATH}?{}", query.finish())).await;
    assert_eq!(status, 400);
}
