//! The rules and the fields that refusals name, and the hashes of equivalent requests.

use super::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a body from its text, so that numbers keep their notation.
fn of<T: DeserializeOwned>(body: &Value) -> serde_json::Result<T> {
    serde_json::from_str(&body.to_string())
}

fn read(body: &Value) -> Result<Usage, Invalid> {
    of::<UsageBody>(body).unwrap().into_usage()
}

fn refusal(body: &Value) -> (Rule, String) {
    let invalid = read(body)
        .err()
        .unwrap_or_else(|| panic!("{body} was accepted"));
    (invalid.rule, invalid.field)
}

fn with_line(line: &Value) -> Value {
    json!({ "usage": [line] })
}

#[test]
fn an_invalid_usage_names_its_rule_and_field() {
    for (body, rule, field) in [
        (json!({"usage": []}), Rule::Schema, "usage"),
        (
            json!({"usage": vec![json!({"meter": "compute", "milliseconds": 1}); 21]}),
            Rule::Schema,
            "usage",
        ),
        (
            with_line(&json!({"meter": "gpu"})),
            Rule::Meter,
            "usage[0].meter",
        ),
        (
            with_line(&json!({"meter": "ai_tokens"})),
            Rule::Schema,
            "usage[0].input_tokens",
        ),
        (
            with_line(&json!({"meter": "ai_tokens", "model": "", "input_tokens": 1})),
            Rule::Schema,
            "usage[0].model",
        ),
        (
            with_line(&json!({"meter": "ai_tokens", "input_tokens": 1, "milliseconds": 1})),
            Rule::Schema,
            "usage[0].milliseconds",
        ),
        (
            with_line(&json!({"meter": "compute"})),
            Rule::Schema,
            "usage[0].milliseconds",
        ),
        (
            with_line(&json!({"meter": "compute", "milliseconds": 5, "model": "gpt-5"})),
            Rule::Schema,
            "usage[0].model",
        ),
    ] {
        assert_eq!(refusal(&body), (rule, field.to_owned()), "{body}");
    }
}

#[test]
fn an_invalid_quantity_names_its_field() {
    for (body, rule, field) in [
        (
            with_line(&json!({"meter": "ai_tokens", "input_tokens": -1})),
            Rule::Quantity,
            "usage[0].input_tokens",
        ),
        (
            with_line(&json!({"meter": "ai_tokens", "output_tokens": 1.5})),
            Rule::Quantity,
            "usage[0].output_tokens",
        ),
        (
            with_line(&json!({"meter": "compute", "milliseconds": 1e300})),
            Rule::Quantity,
            "usage[0].milliseconds",
        ),
        (
            with_line(&json!({"meter": "ai_tokens", "input_tokens": 1_000_000_000_001_u64})),
            Rule::Quantity,
            "usage[0].input_tokens",
        ),
        (
            with_line(&json!({"meter": "compute", "milliseconds": -5})),
            Rule::Quantity,
            "usage[0].milliseconds",
        ),
        (
            with_line(&json!({"meter": "storage", "gigabyte_hours": "-0.1"})),
            Rule::Quantity,
            "usage[0].gigabyte_hours",
        ),
        (
            with_line(&json!({"meter": "storage", "gigabyte_hours": "1e3"})),
            Rule::Quantity,
            "usage[0].gigabyte_hours",
        ),
        (
            with_line(&json!({"meter": "storage", "gigabyte_hours": "0.0000001"})),
            Rule::Quantity,
            "usage[0].gigabyte_hours",
        ),
    ] {
        assert_eq!(refusal(&body), (rule, field.to_owned()), "{body}");
    }
}

#[test]
fn an_invalid_trace_names_its_field() {
    let long = "x".repeat(201);
    for (trace, field) in [
        (json!({"name": long}), "trace.name"),
        (json!({"session_id": long}), "trace.session_id"),
        (json!({"tags": vec!["t"; 11]}), "trace.tags"),
        (json!({"tags": ["ok", "x".repeat(51)]}), "trace.tags[1]"),
        (json!({"metadata": {"x".repeat(41): "v"}}), "trace.metadata"),
        (json!({"metadata": {"k": long}}), "trace.metadata"),
    ] {
        let body = json!({"usage": [{"meter": "compute", "milliseconds": 1}], "trace": trace});
        assert_eq!(refusal(&body), (Rule::Schema, field.to_owned()), "{body}");
    }
}

#[test]
fn a_list_in_place_of_an_object_is_refused() {
    let line = json!({"meter": "compute", "milliseconds": 1});
    let line_list = json!(["compute", null, null, null, null, null, null, 1500, null]);
    let trace_list = json!(["chat", null, null, null, null, null]);
    for body in [
        json!({"usage": [line_list]}),
        json!({"usage": [line], "trace": trace_list}),
    ] {
        assert!(of::<UsageBody>(&body).is_err(), "{body}");
    }
    let item_list = json!(["k1", null, null, [line], null]);
    let batch = json!({"items": [item_list]});
    assert!(of::<BatchBody>(&batch).is_err());
}

#[test]
fn only_rfc_3339_times_are_accepted() {
    for (time, taken) in [
        ("2026-11-22T20:15:00Z", true),
        ("2026-11-22t21:15:00.123456789+01:00", true),
        ("2026-11-22 20:15:00Z", false),
        ("2026-11-22T20:15Z", false),
        ("2026-11-22T20:15:00", false),
        ("2026-11-22T20:15:00,5Z", false),
        ("2026-11-22T20:15:00.Z", false),
        ("2026-11-22T20:15:00+01", false),
        ("20261122T201500Z", false),
        ("2026-11-22T20:15:00+01:00[America/New_York]", false),
        ("-009999-01-01T00:00:00Z", false),
        ("2026-02-30T20:15:00Z", false),
    ] {
        let body = json!({"occurred_at": time, "usage": []});
        let read = of::<UsageBody>(&body);
        assert_eq!(read.is_ok(), taken, "{time}");
    }
}

#[test]
fn values_at_the_limits_are_allowed() {
    let most = 1_000_000_000_000_u64;
    let body = json!({
        "usage": vec![json!({"meter": "ai_tokens", "input_tokens": most, "output_tokens": 0}); 20],
        "trace": {
            "name": "x".repeat(200), "session_id": "x".repeat(200), "tags": vec!["x".repeat(50); 10],
            "metadata": (0..16).map(|n| (format!("{n:0>40}"), "v".repeat(200))).collect::<std::collections::HashMap<_, _>>(),
        },
    });
    assert!(read(&body).is_ok());
}

#[test]
fn a_schema_error_takes_precedence_over_an_earlier_invalid_line() {
    let body = json!({"usage": [{"meter": "gpu"}, {"meter": "compute"}]});
    assert_eq!(
        refusal(&body),
        (Rule::Schema, "usage[1].milliseconds".to_owned())
    );
}

#[test]
fn requests_that_mean_the_same_have_the_same_hash() {
    let line = |quantity: Value| json!({"meter": "storage", "gigabyte_hours": quantity});
    let hash = |body: Value| read(&body).unwrap().hash();
    let first =
        hash(json!({"usage": [line(json!("0.25"))], "occurred_at": "2026-11-22T20:15:00Z"}));
    for same in [
        json!({"occurred_at": "2026-11-22T20:15:00.000Z", "usage": [line(json!("0.250"))]}),
        json!({"usage": [line(json!("0.25"))], "occurred_at": "2026-11-22T21:15:00+01:00", "member_id": null}),
        json!({"account_id": "a", "usage": [line(json!("0.25"))], "occurred_at": "2026-11-22T20:15:00Z", "trace": {}}),
    ] {
        assert_eq!(hash(same.clone()), first, "{same}");
    }
    for other in [
        json!({"usage": [line(json!("0.25"))]}),
        json!({"usage": [line(json!("0.26"))], "occurred_at": "2026-11-22T20:15:00Z"}),
        json!({"usage": [line(json!("0.25"))], "occurred_at": "2026-11-22T20:15:00Z", "member_id": "m"}),
        json!({"usage": [line(json!("0.25"))], "occurred_at": "2026-11-22T20:15:00Z", "trace": {"input": "x"}}),
    ] {
        assert_ne!(hash(other.clone()), first, "{other}");
    }
}

#[test]
fn a_number_means_the_same_however_it_is_written() {
    let hash = |line: &str| {
        let body = format!(r#"{{"usage":[{line}]}}"#);
        let body: UsageBody = serde_json::from_str(&body).unwrap();
        body.into_usage().unwrap().hash()
    };
    let first = hash(r#"{"meter":"ai_tokens","input_tokens":1200}"#);
    for same in [
        "1200.0",
        "1.2e3",
        "12E2",
        "120000e-2",
        "1200.000000000000000000000",
    ] {
        let line = format!(r#"{{"meter":"ai_tokens","input_tokens":{same}}}"#);
        assert_eq!(hash(&line), first, "{same}");
    }
    assert_ne!(
        hash(r#"{"meter":"ai_tokens","input_tokens":1201.0}"#),
        first
    );
}

#[test]
fn a_member_is_mended_and_an_empty_one_is_left_out() {
    let line = json!({"meter": "compute", "milliseconds": 1});
    let member = |name: &str| {
        let usage = read(&json!({"member_id": name, "usage": [line]})).unwrap();
        usage.member.map(|member| member.as_str().to_owned())
    };
    assert_eq!(member("jo+ai@example.com").unwrap(), "jo+ai@example.com");
    assert_eq!(member("a\u{0}").unwrap(), "a\u{FFFD}");
    assert_eq!(member(&"x".repeat(9_999)).unwrap().len(), 200);
    assert_eq!(member(""), None);
}

#[test]
fn duplicate_metadata_names_are_refused() {
    let body = r#"{"usage":[],"trace":{"metadata":{"k":"a","k":"b"}}}"#;
    let refused = serde_json::from_str::<UsageBody>(body).unwrap_err();
    assert!(
        refused.to_string().starts_with("duplicate field `k`"),
        "{refused}"
    );
}

/// Entries store the hash for years. If this fails, so would replays of every stored entry.
#[test]
fn the_hash_of_a_request_never_changes() {
    let usage = read(&json!({
        "member_id": "u_7", "occurred_at": "2026-11-22T20:15:00Z",
        "usage": [
            {"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 300},
            {"meter": "compute", "milliseconds": 1500},
            {"meter": "storage", "gigabyte_hours": "0.25"},
        ],
        "trace": {"name": "chat", "session_id": "s_1", "tags": ["prod"], "metadata": {"k": "v"}, "input": "…", "output": "…"},
    }));
    insta::assert_snapshot!(format!("{:?}", usage.unwrap().hash()));
}

#[test]
fn a_schema_error_refuses_the_whole_batch_and_an_invalid_item_only_itself() {
    let items = |items: Value| {
        of::<BatchBody>(&json!({ "items": items }))
            .unwrap()
            .into_items()
    };
    let good = json!({"idempotency_key": "a", "usage": [{"meter": "compute", "milliseconds": 1}]});
    let field = |found: Result<Vec<BatchItem>, Invalid>| found.err().map(|invalid| invalid.field);
    assert_eq!(field(items(json!([]))), Some("items".into()));
    assert_eq!(
        field(items(json!(vec![good.clone(); 46]))),
        Some("items".into())
    );
    assert_eq!(items(json!(vec![good.clone(); 45])).unwrap().len(), 45);
    let lineless = json!({"idempotency_key": "b", "usage": []});
    assert_eq!(
        field(items(json!([good, lineless]))),
        Some("items[1].usage".into())
    );

    let taken = items(json!([
        {"idempotency_key": "a b", "usage": [{"meter": "compute", "milliseconds": 1}]},
        {"idempotency_key": "c", "usage": [{"meter": "gpu"}]},
        good,
    ]))
    .unwrap();
    let rules: Vec<_> = taken
        .iter()
        .map(|item| {
            item.request
                .as_ref()
                .err()
                .map(|invalid| (invalid.rule, invalid.field.clone()))
        })
        .collect();
    assert_eq!(
        rules,
        [
            Some((Rule::Key, "idempotency_key".into())),
            Some((Rule::Meter, "usage[0].meter".into())),
            None,
        ]
    );
}

#[test]
fn debug_output_hides_the_content_of_a_trace() {
    let body = json!({
        "usage": [{"meter": "compute", "milliseconds": 1}],
        "trace": {"input": "a prompt", "output": "an answer"},
    });
    let body: UsageBody = of(&body).unwrap();
    let shown = format!("{body:?}");
    assert!(shown.contains("TraceBody(..)"), "{shown}");
    assert!(
        !shown.contains("prompt") && !shown.contains("answer"),
        "{shown}"
    );
}
