//! Usage histories of many members. It is about the pages that a request reads, and the rows that fit into an answer.

use http::StatusCode;
use jiff::civil::Date;
use serde_json::{Value, json};
use tests::World;

const QUERY: &str = "Query";

async fn world() -> World {
    let world = World::start_at("2026-11-30T12:00:00Z").await;
    world.grant("acct_a", "1000").await;
    world.dynamodb_fails(QUERY, "slow:0", u32::MAX);
    world
}

/// Returns a member's day as the ledger stores it. It has one milli-Spark of each meter, and is about a kilobyte large.
fn day_of(day: Date, member: usize) -> Value {
    let mut item = json!({
        "pk": {"S": "R#acct_a"}, "sk": {"S": format!("M#{day}#member_{member:05}")},
        "padding": {"S": "x".repeat(800)},
    });
    for meter in ["ai_tokens", "compute", "storage"] {
        item[format!("sparks#{meter}")] = json!({"N": "1"});
        item[format!("quantity#{meter}")] = json!({"N": "2"});
    }
    item
}

async fn put(world: &World, items: Vec<Value>) {
    for items in items.chunks(25) {
        let puts = items
            .iter()
            .map(|item| json!({"PutRequest": {"Item": item}}));
        let puts: Vec<Value> = puts.collect();
        let body = json!({"RequestItems": {"sparks-local": puts}});
        let answer = world.at_dynamodb("local", "BatchWriteItem", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Returns an answer and the number of table pages that it read.
async fn read(world: &World, query: &str) -> (tests::Answer, u32) {
    let before = world.stack.dynamodb.faults().fired(QUERY);
    let path = format!("/v1/usage?{query}");
    let answer = world.get(&path, Some(&world.token("acct_a"))).await;
    let pages = world.stack.dynamodb.faults().fired(QUERY) - before;
    (answer, pages)
}

/// Sixty days of 75 members are 4,500 stored days. They are 450 rows by month and 13,500 by day.
#[tokio::test]
async fn months_of_many_members_are_summed_and_reading_days_stops_at_the_row_limit() {
    let world = world().await;
    let first: Date = "2026-10-01".parse().unwrap();
    let days = first.series(jiff::Span::new().days(1)).take(60);
    let items = days.flat_map(|day| (0..75).map(move |member| day_of(day, member)));
    put(&world, items.collect()).await;

    let time = "from=2026-10-01&to=2026-12-01&group_by=member";
    let (months, all) = read(&world, &format!("{time}&granularity=month")).await;
    let months = months.expect(StatusCode::OK).body;
    let rows = months["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 75 * 3);
    for row in rows {
        let sum = if row["start"] == "2026-10-01T00:00:00.000Z" {
            "0.031"
        } else {
            "0.029"
        };
        assert_eq!(row["sparks"], sum, "{row}");
    }
    assert!(all > 4, "{all} pages");

    let (days, read) = read(&world, time).await;
    assert_eq!(days.refusal(), (422, "invalid_request"));
    assert_eq!(days.body["field"], "from");
    // 10,000 rows are three quarters of them, and the quarter-hours are not read at all.
    assert!(read < all - 1, "{read} of {all} pages");
}

#[tokio::test]
async fn a_day_of_too_many_members_is_refused_and_asks_for_a_member_id() {
    let world = world().await;
    let day = "2026-11-22".parse().unwrap();
    put(
        &world,
        (0..3_400).map(|member| day_of(day, member)).collect(),
    )
    .await;
    let time = "from=2026-11-22&to=2026-11-23&group_by=member";
    let (refused, _) = read(&world, time).await;
    assert_eq!(refused.refusal(), (422, "invalid_request"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("`member_id`"), "{detail}");
    let (one, pages) = read(&world, &format!("{time}&member_id=member_00007")).await;
    let rows = one.expect(StatusCode::OK).body["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    assert_eq!(rows[0]["group"], "member_00007");
    assert_eq!(pages, 0, "a member's days are read by their keys");
}

async fn use_everything(world: &World) {
    for (key, member, milliseconds) in [("k1", "u_1", 60_000), ("k2", "u_2", 6_000)] {
        let lines = json!([
            {"meter": "compute", "milliseconds": milliseconds},
            {"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1000},
        ]);
        let body = json!({"member_id": member, "usage": lines});
        world.charged("acct_a", key, &body).await;
    }
}

#[tokio::test]
async fn one_members_usage_is_listed_by_meter_and_by_day_or_month() {
    let world = world().await;
    use_everything(&world).await;
    let row = |start: &str, group: &str, meter: &str, sparks: &str, quantity: u64| {
        json!({
            "start": format!("{start}T00:00:00.000Z"), "group": group, "meter": meter,
            "sparks": sparks, "quantity": quantity,
        })
    };
    for (query, start, groups) in [
        ("member_id=u_2", "2026-11-30", ["ai_tokens", "compute"]),
        (
            "member_id=u_2&granularity=month",
            "2026-11-01",
            ["ai_tokens", "compute"],
        ),
        (
            "member_id=u_2&group_by=member",
            "2026-11-30",
            ["u_2", "u_2"],
        ),
    ] {
        let (told, _) = read(&world, query).await;
        let expected = [
            row(start, groups[0], "ai_tokens", "37.500", 1_000),
            row(start, groups[1], "compute", "5.000", 6_000),
        ];
        let told = told.expect(StatusCode::OK).body;
        assert_eq!(told["rows"], json!(expected), "{query}");
    }
    for (query, field) in [
        ("member_id=u_2&group_by=model", "group_by"),
        ("member_id=u_2&granularity=hour", "granularity"),
        ("member_id=u_2&tz=Asia/Kolkata", "tz"),
        ("member_id=", "member_id"),
    ] {
        let (refused, _) = read(&world, query).await;
        assert_eq!(refused.refusal(), (422, "invalid_request"), "{query}");
        assert_eq!(refused.body["field"], field, "{query}");
    }
    let path = "/v1/usage?member_id=u_2";
    let other = world.get(path, Some(&world.token("acct_b"))).await;
    assert_eq!(other.expect(StatusCode::OK).body["rows"], json!([]));
}

/// A transaction becomes visible item by item. Here the members' days show it, and the quarter-hour does not yet.
#[tokio::test]
async fn a_members_day_ahead_of_its_quarter_hour_makes_no_row_negative() {
    let world = world().await;
    use_everything(&world).await;
    let body = json!({"usage": [{"meter": "storage", "gigabyte_hours": "0.73"}]});
    world.charged("acct_a", "k3", &body).await;
    let rollups = world.items("R#acct_a");
    let quarter = rollups
        .iter()
        .find(|item| item["sk"]["S"].as_str().unwrap().starts_with("Q#"));
    let mut quarter = quarter.unwrap().clone();
    // The state before the usage `k2`.
    for (name, value) in [
        ("sparks#compute", "50000"),
        ("quantity#compute", "60000"),
        ("sparks#ai_tokens#gpt-5", "37500"),
        ("quantity#ai_tokens#gpt-5", "1000"),
    ] {
        quarter[name] = json!({"N": value});
    }
    world.put_item(quarter).await;

    let (told, _) = read(&world, "group_by=member").await;
    let told = told.expect(StatusCode::OK).body;
    let rows = told["rows"].as_array().unwrap().iter();
    let rows: Vec<_> = rows
        .map(|row| (&row["group"], &row["meter"], &row["sparks"]))
        .collect();
    assert_eq!(
        rows,
        [
            (&json!("u_1"), &json!("ai_tokens"), &json!("37.500")),
            (&json!("u_1"), &json!("compute"), &json!("50.000")),
            (&json!("u_2"), &json!("ai_tokens"), &json!("37.500")),
            (&json!("u_2"), &json!("compute"), &json!("5.000")),
            (&Value::Null, &json!("storage"), &json!("0.500")),
        ]
    );
}
