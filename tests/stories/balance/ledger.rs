//! The table agrees with the API. The balance is the sum of the entries, at any time.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{World, tokens};

fn sum_of_entries(world: &World) -> i64 {
    world
        .items("E#")
        .iter()
        .map(|entry| number(entry, "amount"))
        .sum()
}

fn number(item: &Value, attribute: &str) -> i64 {
    item[attribute]["N"]
        .as_str()
        .unwrap_or_else(|| panic!("no {attribute} in {item}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn the_balance_is_credits_less_debits() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.grant("acct_a", "0.5").await;
    for count in 1..=7 {
        world
            .record("acct_a", &format!("k{count}"), &tokens(count * 10))
            .await;
    }
    let account = world.item("A#acct_a", "A");
    assert_eq!(number(&account, "available"), 72_500);
    assert_eq!(number(&account, "debited"), 28_000);
    assert_eq!(sum_of_entries(&world), 72_500);
}

#[tokio::test]
async fn grants_burn_oldest_first_and_the_balance_shows_what_is_left_of_each() {
    let world = World::start().await;
    world
        .sparks(&["grant", "acct_a", "10", "--reason", "first", "--key", "1"])
        .await
        .unwrap();
    world
        .sparks(&["grant", "acct_a", "20", "--reason", "second", "--key", "2"])
        .await
        .unwrap();
    world.record("acct_a", "k1", &tokens(150)).await;

    let balance = world
        .get("/v1/balance", Some(&world.token("acct_a")))
        .await
        .body;

    assert_eq!(balance["available"], "15.000");
    let id = &balance["grants"][0]["id"];
    let grant = json!({"id": id, "source": "manual", "remaining": "15.000", "expires_at": null});
    assert_eq!(balance["grants"], json!([grant]));
}

#[tokio::test]
async fn a_common_entry_stays_under_a_kilobyte() {
    let world = World::start().await;
    world.grant("acct_0123456789abcdef", "10000").await;
    let body = json!({
        "usage": [{"meter": "ai_tokens", "model": "claude-sonnet-4-5", "input_tokens": 12_000, "cached_input_tokens": 2_000, "output_tokens": 3_000}],
        "member_id": "user_0123456789abcdef",
    });
    let answer = world
        .record(
            "acct_0123456789abcdef",
            "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            &body,
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");

    let entry = world.items("E#use_").remove(0);
    let attributes = entry.as_object().unwrap();
    let size: usize = attributes
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap()
                .as_str()
                .unwrap();
            name.len() + value.len()
        })
        .sum();
    assert!(size < 1_024, "{size} bytes: {entry}");
}

#[tokio::test]
async fn delivered_entries_leave_the_outbox_and_keep_their_place_in_the_ledger() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world
        .record(
            "acct_a",
            "k1",
            &json!({"usage": [{"meter": "compute", "milliseconds": 60_000}]}),
        )
        .await;

    let entry = world.items("E#use_").remove(0);

    assert_eq!(
        (entry.get("pending_bucket"), entry.get("pending_due")),
        (None, None)
    );
    assert_eq!(
        (
            entry["langfuse"]["S"].as_str(),
            entry["stripe"]["S"].as_str()
        ),
        (Some("confirmed"), Some("confirmed"))
    );
    assert!(
        entry["ledger_at"]["S"]
            .as_str()
            .unwrap()
            .ends_with(entry["id"]["S"].as_str().unwrap())
    );
}

#[tokio::test]
async fn the_first_request_after_a_grants_expiry_ends_it_and_records_that() {
    let world = World::start().await;
    world
        .sparks(&["grant", "acct_a", "10", "--reason", "x", "--key", "ends"])
        .await
        .unwrap();
    world
        .sparks(&["grant", "acct_a", "5", "--reason", "x", "--key", "stays"])
        .await
        .unwrap();
    let usage = |key: &'static str| {
        let body = tokens(40);
        let world = &world;
        async move { world.record("acct_a", key, &body).await }
    };
    usage("k1").await.expect(StatusCode::CREATED);
    let item = |sk: &str| world.item("A#acct_a", sk);
    let (mut account, mut held) = (item("A"), item("G"));
    let ended_ms = world.now().as_millisecond() - 1;
    let grants = held["grants"]["S"].as_str().unwrap().replacen(
        "\"granted_at\"",
        &format!("\"expires_at\":{ended_ms},\"granted_at\""),
        1,
    );
    held["grants"]["S"] = grants.into();
    world.put_item(held).await;
    account["next_due"]["N"] = ended_ms.to_string().into();
    world.put_item(account).await;

    let answers = futures_util::future::join(usage("k2"), usage("k3")).await;

    assert_eq!(
        (answers.0.status + answers.1.status),
        201 + 402,
        "5 Sparks are left: 15 less 4 used and 6 expired"
    );
    assert_eq!(world.available("acct_a").await, "1.000");
    let expiry = world.items("E#exp#").remove(0);
    assert_eq!(
        (expiry["kind"]["S"].as_str(), number(&expiry, "amount")),
        (Some("expiry"), -6_000)
    );
    assert_eq!(sum_of_entries(&world), 1_000);
}
