//! Invalid input gets a 4xx that names the field, and nothing is recorded.

use http::StatusCode;
use serde_json::{Value, json};
use tests::World;

fn compute() -> Value {
    json!({"usage": [{"meter": "compute", "milliseconds": 1}]})
}

/// Invalid lines of a usage, each with its problem and its field.
fn invalid_lines() -> [(Value, &'static str, &'static str); 8] {
    [
        (
            json!({"meter": "compute", "milliseconds": 1, "extra": 1}),
            "invalid_request",
            "usage[0].extra",
        ),
        (
            json!({"meter": "compute", "milliseconds": "1"}),
            "invalid_request",
            "usage[0].milliseconds",
        ),
        (
            json!({"meter": "ai_tokens", "input_tokens": 1.5}),
            "invalid_quantity",
            "usage[0].input_tokens",
        ),
        (
            json!({"meter": "ai_tokens", "input_tokens": -1}),
            "invalid_quantity",
            "usage[0].input_tokens",
        ),
        (
            json!({"meter": "ai_tokens", "input_tokens": 1e13}),
            "invalid_quantity",
            "usage[0].input_tokens",
        ),
        (
            json!({"meter": "storage", "gigabyte_hours": 0.25}),
            "invalid_request",
            "usage[0].gigabyte_hours",
        ),
        (
            json!({"meter": "gpu", "milliseconds": 1}),
            "unknown_meter",
            "usage[0].meter",
        ),
        (
            json!({"meter": "ai_tokens", "model": "gpt-unheard-of", "input_tokens": 1}),
            "unknown_model",
            "usage[0].model",
        ),
    ]
}

#[tokio::test]
async fn an_invalid_usage_names_the_field() {
    let world = World::start().await;
    let lines = invalid_lines();
    let lines = lines.map(|(line, code, field)| (json!({ "usage": [line] }), code, field));
    let (early, late) = (days_from_now(&world, -34), days_from_now(&world, 1));
    let too_many = vec![json!({"meter": "compute", "milliseconds": 1}); 21];
    let members = [
        ("surprise", json!(1), "invalid_request", "surprise"),
        ("usage", json!(too_many), "invalid_request", "usage"),
        ("account_id", json!("a b"), "invalid_request", "account_id"),
        ("member_id", json!(7), "invalid_request", "member_id"),
        (
            "occurred_at",
            json!("yesterday"),
            "invalid_request",
            "occurred_at",
        ),
        (
            "occurred_at",
            json!(early),
            "occurred_at_out_of_window",
            "occurred_at",
        ),
        (
            "occurred_at",
            json!(late),
            "occurred_at_out_of_window",
            "occurred_at",
        ),
        (
            "trace",
            json!({"name": "x".repeat(201)}),
            "invalid_request",
            "trace.name",
        ),
        (
            "trace",
            json!({"metadata": {"k": 1}}),
            "invalid_request",
            "trace.metadata.k",
        ),
    ];
    let members = members.map(|(member, value, code, field)| {
        let mut body = compute();
        body[member] = value;
        (body, code, field)
    });
    let others = [json!([]), json!({})].map(|body| (body, "invalid_request", "body"));
    for (body, code, field) in lines.into_iter().chain(members).chain(others) {
        let answer = world.record("acct_a", "k1", &body).await;
        assert_eq!(
            (answer.refusal(), answer.body["field"].as_str()),
            ((422, code), Some(field)),
            "{body}"
        );
    }
    assert!(world.items("E#use_").is_empty());
}

fn days_from_now(world: &World, days: i64) -> String {
    let now = world.now();
    (now + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

#[tokio::test]
async fn times_just_inside_the_window_are_accepted() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let now = world.now();
    for (key, seconds) in [("old", -(33 * 86_400 - 60)), ("ahead", 110)] {
        let mut body = compute();
        body["occurred_at"] = (now + jiff::SignedDuration::from_secs(seconds))
            .to_string()
            .into();
        assert_eq!(
            world.record("acct_a", key, &body).await.status,
            201,
            "{key}"
        );
    }
}

#[tokio::test]
async fn malformed_json_is_a_400() {
    let world = World::start().await;
    let token = world.token("acct_a");
    let not_utf8 = b"{\"usage\": [{\"meter\": \"comp\xFFte\"}]}".to_vec();
    let bodies: [Vec<u8>; 8] = [
        Vec::new(),
        b"{".to_vec(),
        b"not json".to_vec(),
        b"{\"usage\": [,]}".to_vec(),
        b"{\"usage\": []} trailing".to_vec(),
        // Violates the schema before it stops being JSON.
        b"{\"usage\": 1, \"usage\"}".to_vec(),
        b"{\"x\": 1".to_vec(),
        not_utf8,
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = world
            .post("/v1/usage", Some(&token), Some("k1"), body)
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_json"), "{shown}");
    }
}

#[tokio::test]
async fn deep_nesting_is_refused_and_breaks_nothing() {
    let world = World::start().await;
    let token = world.token("acct_a");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = world
        .post("/v1/usage", Some(&token), Some("k1"), deep)
        .await;
    assert!(matches!(answer.status, 400 | 422), "{answer:?}");
}

/// Returns a usage of `size` bytes, nearly all of them trace input.
fn usage_of(size: usize) -> String {
    let frame = json!({"usage": [{"meter": "compute", "milliseconds": 1}], "trace": {"input": ""}})
        .to_string();
    let input = format!("\"input\":\"{}\"", "x".repeat(size - frame.len()));
    frame.replace("\"input\":\"\"", &input)
}

#[tokio::test]
async fn a_usage_may_be_as_large_as_lambda_accepts() {
    let world = World::start().await;
    world.grant("acct_a", "10").await;
    let token = world.token("acct_a");
    // The rest of the event, and the escapes in its body, take a few thousand bytes.
    let largest = (6 << 20) - 4_096;
    for (key, size) in [("k1", 1_100_000), ("k2", largest)] {
        let sent = world.post("/v1/usage", Some(&token), Some(key), usage_of(size));
        let recorded = sent.await.expect(StatusCode::CREATED);
        assert_eq!(recorded.body["delivery"]["langfuse"]["status"], "confirmed");
        let span = world.spans().pop().unwrap();
        assert_eq!(span["input"].as_str().unwrap().len(), 256 * 1024);
        let cut_at = &span["metadata"]["input_cut_at_bytes"];
        assert_eq!(*cut_at, (256 * 1024).to_string());
    }
    let replay = world.post("/v1/usage", Some(&token), Some("k2"), usage_of(largest));
    assert!(replay.await.is_replay());
    let estimate = world.post("/v1/estimate", Some(&token), None, usage_of(largest));
    estimate.await.expect(StatusCode::OK);
    let item = usage_of(1_400_000).replacen('{', "{\"idempotency_key\":\"KEY\",", 1);
    let items = ["b1", "b2", "b3", "b4"].map(|key| item.replace("KEY", key));
    let batch = format!("{{\"items\":[{}]}}", items.join(","));
    let batch = world.post("/v1/usage/batch", Some(&token), None, batch);
    let batch = batch.await;
    let results = batch.body["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        assert_eq!(result["status"], 201, "{result}");
    }

    // The gateway refuses anything larger. A quote takes two bytes of the event.
    let quotes = usage_of(4 << 20).replace("xx", "\\\"");
    for body in [usage_of(6 << 20), quotes] {
        let refused = world
            .post("/v1/usage", Some(&token), Some("k3"), body)
            .await;
        let said = (refused.status, refused.body);
        assert_eq!(said, (413, json!({"message": "Request Entity Too Large"})));
    }
}

#[tokio::test]
async fn other_bodies_are_limited_to_64_kibibytes() {
    let world = World::start().await;
    let token = world.token("acct_a");
    let order = |size: usize| {
        let order = world.order("pack_125k").to_string();
        format!("{order}{}", " ".repeat(size - order.len()))
    };
    for path in ["/v1/checkout", "/v1/portal", "/v1/checkout/cs_1/verify"] {
        let body = order((1 << 16) + 1);
        let answer = world.post(path, Some(&token), Some("k1"), body).await;
        assert_eq!(answer.refusal(), (413, "body_too_large"), "{path}");
    }
    let exactly = world.post("/v1/checkout", Some(&token), Some("k1"), order(1 << 16));
    exactly.await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_byte_order_mark_is_ignored() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let token = world.token("acct_a");
    let marked = |body: String| format!("\u{FEFF}{body}");
    let (usage, order) = (compute().to_string(), world.order("pack_125k").to_string());
    for (path, body) in [("/v1/usage", usage), ("/v1/checkout", order)] {
        let sent = world.post(path, Some(&token), Some("k1"), marked(body.clone()));
        sent.await.expect(StatusCode::CREATED);
        let again = world.post(path, Some(&token), Some("k1"), body).await;
        assert!(again.is_replay(), "{again:?}");
    }
    let session = world.open("acct_a", "pack_500k").await;
    let verify = format!("/v1/checkout/{session}/verify");
    let verified = world.post(&verify, Some(&token), None, marked(String::new()));
    verified.await.expect(StatusCode::OK);
    // Only the first mark is ignored.
    let twice = marked(marked(compute().to_string()));
    let answer = world
        .post("/v1/usage", Some(&token), Some("k2"), twice)
        .await;
    assert_eq!(answer.refusal(), (400, "invalid_json"));
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let world = World::start().await;
    let long = "k".repeat(129);
    for key in [long.as_str(), "a b", "ключ"] {
        let answer = world.record("acct_a", key, &compute()).await;
        assert_eq!(
            (answer.refusal(), answer.body["field"].as_str()),
            ((422, "invalid_request"), Some("Idempotency-Key")),
            "{key}"
        );
    }
    world.grant("acct_a", "1").await;
    assert_eq!(
        world
            .record("acct_a", &long[..128], &compute())
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn a_malformed_account_in_a_query_names_the_field() {
    let world = World::start().await;
    let answer = world
        .get("/v1/balance?account_id=a%20b", Some(&world.service_token()))
        .await;
    assert_eq!(
        (answer.refusal(), answer.body["field"].as_str()),
        ((422, "invalid_request"), Some("account_id"))
    );
}
