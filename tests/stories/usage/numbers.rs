//! JSON numbers count by their value, whatever their notation. One out of range is refused and its field named.

use http::StatusCode;
use serde_json::json;
use tests::World;

/// Valid JSON numbers that are out of range for every quantity.
fn too_large() -> [String; 4] {
    ["1e309", "-1e309", "1000000000001.0"]
        .map(str::to_owned)
        .into_iter()
        .chain(["9".repeat(4_001)])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

fn usage(line: &str) -> String {
    format!(r#"{{"usage":[{line}]}}"#)
}

#[tokio::test]
async fn whole_numbers_may_be_written_with_a_fraction_or_an_exponent() {
    let world = World::start().await;
    world.grant("acct_a", "10000").await;
    let token = world.token("acct_a");
    let send = |line: &str| world.post("/v1/usage", Some(&token), Some("k1"), usage(line));

    let first = send(r#"{"meter":"ai_tokens","input_tokens":1200.0,"output_tokens":1e3}"#).await;
    assert_eq!(first.body["sparks"], "220.000", "{first:?}");
    for (input, output) in [
        ("1200", "1000"),
        ("1.2E+3", "1000.000"),
        ("120000e-2", "1e3"),
    ] {
        let line =
            format!(r#"{{"meter":"ai_tokens","input_tokens":{input},"output_tokens":{output}}}"#);
        assert!(send(&line).await.is_replay(), "{line}");
    }
    let other = send(r#"{"meter":"ai_tokens","input_tokens":1200.5,"output_tokens":1e3}"#).await;
    assert_eq!(other.refusal(), (422, "invalid_quantity"));

    let line = r#"{"meter":"compute","milliseconds":6e4}"#;
    let estimate = world
        .post("/v1/estimate", Some(&token), None, usage(line))
        .await;
    assert_eq!(estimate.body["sparks"], "50.000", "{estimate:?}");
    let page = world.get("/v1/ledger?limit=1.0", Some(&token)).await;
    assert_eq!(page.body["entries"].as_array().unwrap().len(), 1);

    let mut order = world.order("pack_125k");
    order["quantity"] = json!(2);
    let page = world.checkout("acct_a", "o1", &order).await;
    page.expect(StatusCode::CREATED);
    let floating = order
        .to_string()
        .replace("\"quantity\":2", "\"quantity\":2.0");
    let again = world
        .post("/v1/checkout", Some(&token), Some("o1"), floating)
        .await;
    assert!(again.is_replay(), "{again:?}");
}

#[tokio::test]
async fn a_number_out_of_range_is_refused_and_its_field_named() {
    let world = World::start().await;
    let token = world.token("acct_a");
    for number in too_large() {
        let line = format!(r#"{{"meter":"ai_tokens","input_tokens":{number}}}"#);
        for path in ["/v1/usage", "/v1/estimate"] {
            let answer = world
                .post(path, Some(&token), Some("k1"), usage(&line))
                .await;
            let field = answer.body["field"].as_str();
            let refused = (answer.refusal(), field);
            let expected = ((422, "invalid_quantity"), Some("usage[0].input_tokens"));
            assert_eq!(refused, expected, "{number}");
        }
        let order = world.order("pack_125k").to_string();
        let order = order.replacen('{', &format!("{{\"quantity\":{number},"), 1);
        let answer = world
            .post("/v1/checkout", Some(&token), Some("k1"), order)
            .await;
        let refused = (answer.refusal(), answer.body["field"].as_str());
        assert_eq!(
            refused,
            ((422, "invalid_quantity"), Some("quantity")),
            "{number}"
        );

        // Fields that take no number refuse it by name, and not as invalid JSON.
        for (body, field) in [
            (
                format!(r#"{{"member_id":{number},"usage":[]}}"#),
                "member_id",
            ),
            (
                usage(&format!(
                    r#"{{"meter":"storage","gigabyte_hours":{number}}}"#
                )),
                "usage[0].gigabyte_hours",
            ),
            (format!(r#"{{"usage":[],"surprise":{number}}}"#), "surprise"),
        ] {
            let answer = world
                .post("/v1/usage", Some(&token), Some("k1"), body)
                .await;
            let refused = (answer.refusal(), answer.body["field"].as_str());
            assert_eq!(refused, ((422, "invalid_request"), Some(field)), "{number}");
        }
    }
    assert!(world.items("E#use_").is_empty());
}

#[tokio::test]
async fn an_item_with_a_number_out_of_range_fails_alone() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let token = world.token("acct_a");
    let item = |key: &str, number: &str| {
        let line = format!(r#"{{"meter":"ai_tokens","input_tokens":{number}}}"#);
        format!(r#"{{"idempotency_key":"{key}","usage":[{line}]}}"#)
    };
    let numbers = too_large();
    let mut items = vec![item("first", "10")];
    items.extend(
        numbers
            .iter()
            .enumerate()
            .map(|(at, number)| item(&format!("k{at}"), number)),
    );
    items.push(item("last", "1e1"));
    let batch = format!(r#"{{"items":[{}]}}"#, items.join(","));
    let answer = world
        .post("/v1/usage/batch", Some(&token), None, batch)
        .await;
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 201], "{answer:?}");
    for (at, result) in results[1..5].iter().enumerate() {
        assert_eq!(result["code"], "invalid_quantity");
        let field = format!("items[{}].usage[0].input_tokens", at + 1);
        assert_eq!(result["field"], field);
    }
    assert_eq!(world.available("acct_a").await, "98.000");
}
