//! Usage history by hour, day and month of any time zone. It adds up to the entries, to the milli-Spark.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::World;
use tests::model::parse;

async fn world_at(now: &str) -> World {
    let now: Timestamp = now.parse().unwrap();
    let world = World::start_with(&[], Clock::starting_at(now)).await;
    world.grant("acct_a", "10000000").await;
    world
}

async fn history(world: &World, query: &str) -> Value {
    let path = format!("/v1/usage?{query}");
    let answer = world.get(&path, Some(&world.token("acct_a"))).await;
    answer.expect(StatusCode::OK).body
}

fn rows(history: &Value) -> Vec<(String, String, String, String)> {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = history["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            plain(&row["start"]),
            plain(&row["group"]),
            plain(&row["sparks"]),
            plain(&row["quantity"]),
        )
    })
    .collect()
}

fn row(start: &str, group: &str, sparks: &str, quantity: &str) -> (String, String, String, String) {
    (start.into(), group.into(), sparks.into(), quantity.into())
}

/// Records a usage of tokens every 20 minutes in `[from, to)`. Each is of a different amount.
async fn use_tokens(world: &World, from: &str, to: &str) {
    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    let mut items = Vec::new();
    let mut at = from;
    while at < to {
        let number = items.len() + 1;
        items.push(json!({
            "idempotency_key": format!("{at}"), "occurred_at": at,
            "usage": [{"meter": "ai_tokens", "input_tokens": number}],
        }));
        at += SignedDuration::from_mins(20);
    }
    for items in items.chunks(45) {
        let results = world.batched("acct_a", items).await.body["results"].clone();
        let recorded = |result: &Value| result["status"] == 201;
        assert!(
            results.as_array().unwrap().iter().all(recorded),
            "{results}"
        );
    }
}

/// Sums the entries by day of a time zone, in milli-Sparks.
fn raw_days(world: &World, zone: &str) -> BTreeMap<Date, i64> {
    let zone = TimeZone::get(zone).unwrap();
    let mut days = BTreeMap::new();
    for entry in world.items("E#use_") {
        let number = |name: &str| -> i64 { entry[name]["N"].as_str().unwrap().parse().unwrap() };
        let at = Timestamp::from_millisecond(number("occurred_at")).unwrap();
        *days.entry(at.to_zoned(zone.clone()).date()).or_default() -= number("amount");
    }
    days
}

/// Returns the API's sums by day of a time zone, in milli-Sparks.
async fn told_days(world: &World, from: &str, to: &str, zone: &str) -> BTreeMap<Date, i64> {
    let told = history(world, &format!("from={from}&to={to}&tz={zone}")).await;
    let days = rows(&told).into_iter().map(|(start, _, sparks, _)| {
        let day = start[..10].parse().unwrap();
        (day, parse(&sparks).unwrap())
    });
    days.collect()
}

#[tokio::test]
async fn days_of_every_time_zone_add_up_to_the_entries() {
    let world = world_at("2026-10-28T12:00:00Z").await;
    // Includes the end of summer time in Paris.
    use_tokens(&world, "2026-10-23T22:00:00Z", "2026-10-27T20:00:00Z").await;
    for zone in [
        "UTC",
        "Asia/Kolkata",
        "Europe/Paris",
        "Asia/Kathmandu",
        "America/St_Johns",
    ] {
        let told = told_days(&world, "2026-10-22", "2026-10-29", zone).await;
        assert_eq!(told, raw_days(&world, zone), "{zone}");
    }
    let paris = told_days(&world, "2026-10-25", "2026-10-26", "Europe/Paris").await;
    // A day of 25 hours has 75 usages, from the 73rd to the 147th.
    let sum: i64 = (73..=147).map(|tokens| tokens * 100).sum();
    assert_eq!(paris.values().sum::<i64>(), sum);
}

#[tokio::test]
async fn a_day_shortened_by_summer_time_adds_up_too() {
    let world = world_at("2027-03-30T12:00:00Z").await;
    use_tokens(&world, "2027-03-27T12:00:00Z", "2027-03-29T12:00:00Z").await;
    for zone in ["Europe/Paris", "Asia/Kolkata", "UTC"] {
        let told = told_days(&world, "2027-03-26", "2027-03-31", zone).await;
        assert_eq!(told, raw_days(&world, zone), "{zone}");
    }
    let hours = history(
        &world,
        "from=2027-03-28&to=2027-03-29&tz=Europe/Paris&granularity=hour",
    );
    assert_eq!(rows(&hours.await).len(), 23);
}

#[tokio::test]
async fn hours_and_months_add_up_to_the_same_sums() {
    let world = world_at("2026-11-02T12:00:00Z").await;
    use_tokens(&world, "2026-10-31T22:00:00Z", "2026-11-01T01:00:00Z").await;
    let hours = history(&world, "from=2026-10-31&granularity=hour").await;
    assert_eq!(
        rows(&hours),
        [
            row("2026-10-31T22:00:00.000Z", "ai_tokens", "0.600", "6"),
            row("2026-10-31T23:00:00.000Z", "ai_tokens", "1.500", "15"),
            row("2026-11-01T00:00:00.000Z", "ai_tokens", "2.400", "24"),
        ]
    );
    let months = history(&world, "from=2026-10-01&granularity=month&tz=Europe/Paris").await;
    assert_eq!(
        rows(&months),
        [
            row("2026-10-01T00:00:00.000+02:00", "ai_tokens", "0.600", "6"),
            row("2026-11-01T00:00:00.000+01:00", "ai_tokens", "3.900", "39"),
        ]
    );
    // A range that begins within a day has only the usage from then on.
    let cut = history(&world, "from=2026-10-31T23:00:00Z&to=2026-11-01T00:30:00Z").await;
    assert_eq!(
        rows(&cut),
        [
            row("2026-10-31T00:00:00.000Z", "ai_tokens", "1.500", "15"),
            row("2026-11-01T00:00:00.000Z", "ai_tokens", "1.500", "15"),
        ]
    );
}

async fn use_everything(world: &World) {
    for (key, member, lines) in [
        (
            "k1",
            json!("u_1"),
            json!([{"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1000}]),
        ),
        (
            "k2",
            json!("u_2"),
            json!([{"meter": "ai_tokens", "input_tokens": 10}]),
        ),
        (
            "k3",
            json!("u_1"),
            json!([{"meter": "compute", "milliseconds": 60_000}]),
        ),
        (
            "k4",
            json!(null),
            json!([{"meter": "storage", "gigabyte_hours": "0.73"}]),
        ),
        (
            "k5",
            json!(null),
            json!([{"meter": "compute", "milliseconds": 6_000}]),
        ),
    ] {
        let body = json!({"member_id": member, "usage": lines});
        world.charged("acct_a", key, &body).await;
    }
}

#[tokio::test]
async fn groups_by_meter_model_and_member_add_up() {
    let world = world_at("2026-11-22T12:00:00Z").await;
    use_everything(&world).await;
    let day = "2026-11-22T00:00:00.000Z";
    for (group_by, expected) in [
        (
            "meter",
            vec![
                row(day, "ai_tokens", "38.500", "1010"),
                row(day, "compute", "55.000", "66000"),
                row(day, "storage", "0.500", "0.73"),
            ],
        ),
        (
            "model",
            vec![
                row(day, "gpt-5", "37.500", "1000"),
                row(day, "null", "1.000", "10"),
                row(day, "null", "55.000", "66000"),
                row(day, "null", "0.500", "0.73"),
            ],
        ),
        (
            "member",
            vec![
                row(day, "u_1", "37.500", "1000"),
                row(day, "u_1", "50.000", "60000"),
                row(day, "u_2", "1.000", "10"),
                row(day, "null", "5.000", "6000"),
                row(day, "null", "0.500", "0.73"),
            ],
        ),
    ] {
        let told = history(&world, &format!("group_by={group_by}")).await;
        assert_eq!(rows(&told), expected, "{group_by}");
    }
}

#[tokio::test]
async fn the_default_is_the_last_thirty_days_by_day_and_meter() {
    let world = world_at("2026-11-22T12:00:00Z").await;
    let told = history(&world, "").await;
    assert_eq!(
        told,
        json!({
            "from": "2026-10-24T00:00:00.000Z", "to": "2026-11-23T00:00:00.000Z",
            "granularity": "day", "group_by": "meter", "tz": "UTC", "rows": [],
        })
    );
}

#[tokio::test]
async fn a_service_reads_the_account_it_names_and_a_user_only_its_own() {
    let world = world_at("2026-11-22T12:00:00Z").await;
    use_everything(&world).await;
    let service = world.service_token();
    for path in ["/v1/usage", "/v1/ledger"] {
        let named = world
            .get(&format!("{path}?account_id=acct_a"), Some(&service))
            .await;
        named.expect(StatusCode::OK);
        for (query, token, refusal) in [
            ("", &service, (422, "account_id_required")),
            (
                "?account_id=acct_none",
                &service,
                (404, "account_not_found"),
            ),
            (
                "?account_id=acct_a",
                &world.token("acct_b"),
                (403, "account_forbidden"),
            ),
        ] {
            let answer = world.get(&format!("{path}{query}"), Some(token)).await;
            assert_eq!(answer.refusal(), refusal, "{path}{query}");
        }
    }
    assert!(world.items("A#acct_none").is_empty());
}

#[tokio::test]
async fn an_invalid_query_is_refused_with_its_parameter() {
    let world = world_at("2026-11-22T12:00:00Z").await;
    let token = world.token("acct_a");
    for (path, field) in [
        ("/v1/usage?from=yesterday", "from"),
        ("/v1/usage?from=2026-11-22T20:10:00Z", "from"),
        ("/v1/usage?from=2026-08-01", "from"),
        ("/v1/usage?to=2026-11-22&from=2026-11-22", "to"),
        ("/v1/usage?granularity=week", "granularity"),
        ("/v1/usage?group_by=team", "group_by"),
        ("/v1/usage?tz=Mars/Olympus", "tz"),
        ("/v1/usage?granularity=day&granularity=hour", "granularity"),
        ("/v1/usage?granularty=hour", "granularty"),
        ("/v1/usage?account_id=a%20b", "account_id"),
        ("/v1/usage?group_by=member&granularity=hour", "granularity"),
        ("/v1/usage?group_by=member&tz=Asia/Kolkata", "tz"),
        ("/v1/ledger?from=2026", "from"),
        ("/v1/ledger?from=2026-11-23&to=2026-11-22", "to"),
        ("/v1/ledger?limit=0", "limit"),
        ("/v1/ledger?limit=101", "limit"),
        ("/v1/ledger?cursor=abc", "cursor"),
        ("/v1/ledger?tz=UTC", "tz"),
        ("/v1/balance?acount_id=acct_a", "acount_id"),
    ] {
        let answer = world.get(path, Some(&token)).await;
        assert_eq!(answer.refusal(), (422, "invalid_request"), "{path}");
        assert_eq!(answer.body["field"], field, "{path}: {}", answer.body);
    }
}

/// DynamoDB counts writes by the kilobyte, and twice in a transaction. However large an account is, a usage with a
/// member writes four items, each index once, a mark, and an index with the mark: 12 units.
#[tokio::test]
async fn a_thousand_members_do_not_make_an_accounts_writes_larger() {
    let world = world_at("2026-11-22T12:00:00Z").await;
    let item = |number: usize| {
        json!({
            "idempotency_key": format!("k{number}"), "member_id": format!("member_{number:04}"),
            "usage": [{"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1000}],
        })
    };
    let items: Vec<Value> = (0..1_000).map(item).collect();
    let batches = items
        .chunks(45)
        .map(|items| world.record_batch("acct_a", items));
    for recorded in join_all(batches).await {
        recorded.expect(StatusCode::OK);
    }
    let of_a = |prefix: &str| {
        let mut items = world.items(prefix);
        items.retain(|item| {
            item["account"]["S"] == "acct_a"
                || item["pk"]["S"] != "A#acct_a"
                || item["sk"]["S"] == "A"
        });
        items
    };
    let (accounts, entries, rollups) = (of_a("A#acct_a"), of_a("E#use_"), world.items("R#acct_a"));
    assert_eq!((accounts.len(), entries.len()), (1, 1_000));
    let days = rollups
        .iter()
        .filter(|rollup| rollup["sk"]["S"].as_str().unwrap().starts_with("M#"));
    assert_eq!(days.count(), 1_000);
    for item in accounts.iter().chain(&entries).chain(&rollups) {
        let bytes = item.to_string().len();
        assert!(bytes < 1_024, "more than one unit: {item}");
    }
    let told = history(&world, "group_by=member").await;
    assert_eq!(rows(&told).len(), 1_000);
    world.sparks(&["verify", "acct_a"]).await.unwrap();
}
