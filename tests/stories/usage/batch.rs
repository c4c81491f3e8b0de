//! A batch has the same outcome as its items sent one after another.
//!
//! It is charged in one transaction, unless it touches so many roll-ups that it has to be split.

use std::ops::Range;

use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{World, item, tokens};

/// An item of a model that has no price.
fn unpriced(key: &str) -> Value {
    json!({"idempotency_key": key, "usage": [{"meter": "ai_tokens", "model": "gpt-unheard-of", "input_tokens": 1}]})
}

/// Items with keys of these numbers, one Spark each.
fn items(numbers: Range<usize>) -> Vec<Value> {
    let items = numbers.map(|number| item(&format!("k{number}"), 10));
    items.collect()
}

/// Items of as many hours and members, which have too many roll-ups for one transaction.
fn items_of_many_hours(world: &World, count: usize) -> Vec<Value> {
    let now = world.now();
    let mut items = items(0..count);
    for (number, item) in (0..).zip(&mut items) {
        let occurred_at = now - jiff::SignedDuration::from_hours(number);
        item["member_id"] = format!("m{number}").into();
        item["occurred_at"] = occurred_at.to_string().into();
    }
    items
}

async fn funded(sparks: &str) -> World {
    let world = World::start().await;
    world.grant("acct_a", sparks).await;
    world
}

/// Records a batch of `acct_a`; returns the body of the answer.
async fn record(world: &World, items: &[Value]) -> Value {
    world.batched("acct_a", items).await.body
}

/// Status, problem code and replay of each result.
fn outcomes(body: &Value) -> Vec<(u64, String, bool)> {
    let results = body["results"].as_array().expect("results");
    results
        .iter()
        .map(|result| {
            let code = result["code"].as_str().unwrap_or_default().to_owned();
            (
                result["status"].as_u64().unwrap(),
                code,
                result["replayed"].as_bool().unwrap(),
            )
        })
        .collect()
}

fn recorded(replayed: bool) -> (u64, String, bool) {
    (201, String::new(), replayed)
}

fn refused(status: u64, code: &str) -> (u64, String, bool) {
    (status, code.to_owned(), false)
}

#[tokio::test]
async fn forty_five_items_are_one_transaction() {
    let world = funded("100").await;
    let items = items(0..45);

    let body = record(&world, &items).await;

    assert_eq!(outcomes(&body), vec![recorded(false); 45]);
    for (number, result) in body["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["idempotency_key"], format!("k{number}"));
        assert_eq!(result["sparks"], "1.000");
        assert_eq!(result["delivery"]["langfuse"]["status"], "confirmed");
        assert_eq!(result["delivery"]["stripe"]["status"], "confirmed");
    }
    assert_eq!(world.available("acct_a").await, "55.000");
    assert_eq!(
        (
            world.spans().len(),
            world.meter_events().len(),
            world.pending()
        ),
        (45, 45, 0)
    );
    let calls = world.langfuse_calls();
    assert_eq!(calls, (0, 1), "all spans go in one export");
}

#[tokio::test]
async fn each_item_has_the_result_it_would_have_had_alone() {
    let world = funded("50").await;
    world.record("acct_a", "old", &tokens(10)).await;
    let mut items = items(0..45);
    items[10] = item("old", 10);
    items[11] = item("old", 20);
    items[12] = unpriced("new");
    items[20] = item("large", 1_000);
    let mut expected = vec![recorded(false); 45];
    expected[10] = recorded(true);
    expected[11] = refused(422, "idempotency_key_reused");
    expected[12] = refused(422, "unknown_model");
    expected[20] = refused(402, "insufficient_sparks");

    let body = record(&world, &items).await;

    assert_eq!(outcomes(&body), expected);
    assert_eq!(body["results"][20]["required"], "100.000");
    assert_eq!(
        body["results"][20]["available"], "32.000",
        "49 less the 17 charged before"
    );
    assert_eq!(
        world.available("acct_a").await,
        "8.000",
        "49 less the 41 that fit"
    );
    assert_eq!(world.meter_events().len(), 42);
}

#[tokio::test]
async fn an_unaffordable_item_fails_alone_and_smaller_ones_after_it_are_charged() {
    let world = funded("10").await;
    let items = [item("a", 60), item("b", 50), item("c", 40), item("d", 10)];

    let body = record(&world, &items).await;

    let short = refused(402, "insufficient_sparks");
    assert_eq!(
        outcomes(&body),
        [recorded(false), short.clone(), recorded(false), short]
    );
    assert_eq!(world.available("acct_a").await, "0.000");
}

#[tokio::test]
async fn a_repeated_key_is_a_replay_or_a_reuse_of_the_first() {
    let world = funded("10").await;
    let items = [
        item("a", 10),
        item("a", 10),
        item("a", 20),
        item("b", 500),
        item("b", 10),
        item("b", 500),
    ];

    let body = record(&world, &items).await;

    let reuse = refused(422, "idempotency_key_reused");
    let expected = [
        recorded(false),
        recorded(true),
        reuse.clone(),
        // A refused item writes nothing, so its key stays free for the next one.
        refused(402, "insufficient_sparks"),
        recorded(false),
        reuse,
    ];
    assert_eq!(outcomes(&body), expected);
    assert_eq!(world.available("acct_a").await, "8.000");
    let results = &body["results"];
    assert_eq!(results[0]["delivery"]["stripe"]["status"], "confirmed");
    assert_eq!(results[1]["delivery"], results[0]["delivery"]);
}

#[tokio::test]
async fn an_unpriced_item_leaves_its_key_to_the_next_item() {
    let world = funded("10").await;
    let unpriced = unpriced("a");
    let items = [unpriced.clone(), item("a", 10), unpriced];

    let body = record(&world, &items).await;

    let expected = [
        refused(422, "unknown_model"),
        recorded(false),
        refused(422, "idempotency_key_reused"),
    ];
    assert_eq!(outcomes(&body), expected);
}

#[tokio::test]
async fn a_repeated_unpriced_item_is_refused_the_same_way_twice() {
    let world = World::start().await;
    let unpriced = unpriced("a");

    let body = record(&world, &[unpriced.clone(), unpriced]).await;

    assert_eq!(outcomes(&body), vec![refused(422, "unknown_model"); 2]);
}

#[tokio::test]
async fn a_repeated_batch_is_all_replays() {
    let world = funded("100").await;
    let items = items(0..45);
    record(&world, &items).await;
    let table = world.table();

    let body = record(&world, &items).await;

    assert_eq!(outcomes(&body), vec![recorded(true); 45]);
    assert_eq!(world.table(), table);
    assert_eq!((world.spans().len(), world.meter_events().len()), (45, 45));
}

#[tokio::test]
async fn keys_are_shared_with_single_usages() {
    let world = funded("100").await;
    record(&world, &[item("k1", 10)]).await;
    assert!(world.record("acct_a", "k1", &tokens(10)).await.is_replay());
}

#[tokio::test]
async fn items_of_many_hours_and_members_are_split_and_still_exact() {
    let world = funded("100").await;
    let items = items_of_many_hours(&world, 45);

    let body = record(&world, &items).await;

    assert_eq!(outcomes(&body), vec![recorded(false); 45]);
    assert_eq!(world.available("acct_a").await, "55.000");
    assert_eq!(
        (world.items("R#acct_a").len(), world.items("E#use_").len()),
        (90, 45)
    );
}

#[tokio::test]
async fn a_key_of_an_earlier_transaction_of_the_same_batch_is_a_replay() {
    let world = funded("100").await;
    let mut items = items_of_many_hours(&world, 44);
    items.push(items[0].clone());

    let body = record(&world, &items).await;

    let mut expected = vec![recorded(false); 44];
    expected.push(recorded(true));
    assert_eq!(outcomes(&body), expected);
    assert_eq!(world.available("acct_a").await, "56.000");
    assert_eq!(world.items("E#use_").len(), 44);
}

#[tokio::test]
async fn a_repeated_split_batch_is_all_replays_when_the_balance_is_spent() {
    let world = funded("45").await;
    let items = items_of_many_hours(&world, 45);
    record(&world, &items).await;
    assert_eq!(world.available("acct_a").await, "0.000");
    let table = world.table();

    let mut again = items;
    again.push(item("new", 10));
    again.remove(0);
    let body = record(&world, &again).await;

    let mut expected = vec![recorded(true); 44];
    expected.push(refused(402, "insufficient_sparks"));
    assert_eq!(outcomes(&body), expected);
    assert_eq!(world.table(), table);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_fail_the_charged_ones() {
    // On this clock, waiting out the deadline takes no time.
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    let world = World::start_with(&[], Clock::skipping_from(noon)).await;
    world.grant("acct_a", "10").await;
    let old = json!({"idempotency_key": "old", "occurred_at": "2020-01-01T00:00:00Z", "usage": [{"meter": "compute", "milliseconds": 1}]});
    world.dynamodb_fails("GetItem", "throttle", 10_000);

    let body = record(&world, &[item("a", 10), old]).await;

    assert_eq!(
        outcomes(&body),
        [recorded(false), refused(503, "unavailable")]
    );
}

#[tokio::test]
async fn a_batch_that_violates_the_schema_is_refused_as_a_whole() {
    let world = funded("100").await;
    for (bad, field) in [
        (
            json!({"idempotency_key": "b", "usage": []}),
            "items[1].usage",
        ),
        (
            json!({"idempotency_key": "b", "usage": [{"meter": "compute"}]}),
            "items[1].usage[0].milliseconds",
        ),
        (
            json!({"idempotency_key": 7, "usage": [{"meter": "compute", "milliseconds": 1}]}),
            "items[1].idempotency_key",
        ),
        (
            json!({"usage": [{"meter": "compute", "milliseconds": 1}]}),
            "items[1]",
        ),
        (
            json!({"idempotency_key": "b", "account_id": "x", "usage": []}),
            "items[1].account_id",
        ),
    ] {
        let answer = world.record_batch("acct_a", &[item("a", 10), bad]).await;
        assert_eq!(
            (answer.refusal(), answer.body["field"].as_str()),
            ((422, "invalid_request"), Some(field))
        );
    }
    assert_eq!(world.available("acct_a").await, "100.000");
}

#[tokio::test]
async fn invalid_items_fail_alone() {
    let world = funded("100").await;
    let items = [
        item("a", 10),
        item("a b", 10),
        json!({"idempotency_key": "c", "usage": [{"meter": "gpu"}]}),
        json!({"idempotency_key": "d", "usage": [{"meter": "compute", "milliseconds": -1}]}),
        json!({"idempotency_key": "e", "occurred_at": "2020-01-01T00:00:00Z", "usage": [{"meter": "compute", "milliseconds": 1}]}),
        item("f", 10),
    ];

    let body = record(&world, &items).await;

    let expected = [
        recorded(false),
        refused(422, "invalid_request"),
        refused(422, "unknown_meter"),
        refused(422, "invalid_quantity"),
        refused(422, "occurred_at_out_of_window"),
        recorded(false),
    ];
    assert_eq!(outcomes(&body), expected);
    assert_eq!(
        body["results"][3]["field"],
        "items[3].usage[0].milliseconds"
    );
}

#[tokio::test]
async fn a_batch_among_conflicts_is_exact() {
    let world = funded("100").await;
    world.dynamodb_fails("TransactWriteItems", "conflict+condition", 2);
    world.dynamodb_fails("TransactWriteItems", "lost_reply", 1);
    let items = items(0..45);

    let body = record(&world, &items).await;

    assert_eq!(outcomes(&body), vec![recorded(false); 45]);
    assert_eq!(world.available("acct_a").await, "55.000");
}

#[tokio::test]
async fn two_overlapping_batches_at_once_charge_every_key_once() {
    let world = funded("1000").await;
    let (first, second) = (items(0..30), items(15..45));

    let (first, second) = tokio::join!(record(&world, &first), record(&world, &second));

    let all = [outcomes(&first), outcomes(&second)].concat();
    let count = |replayed| all.iter().filter(|one| **one == recorded(replayed)).count();
    assert_eq!((count(false), count(true)), (45, 15));
    assert_eq!(world.available("acct_a").await, "955.000");
}
