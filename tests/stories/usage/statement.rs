//! An account pages through its ledger and reads the catalogue. It estimates the price of a usage before recording it.

use http::StatusCode;
use serde_json::{Value, json};
use tests::model::{parse, print};
use tests::{World, tokens};

async fn page(world: &World, query: &str) -> Value {
    let path = format!("/v1/ledger?{query}");
    let answer = world.get(&path, Some(&world.token("acct_a"))).await;
    answer.expect(StatusCode::OK).body
}

fn ids(page: &Value) -> Vec<String> {
    let entries = page["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Starts a world with an entry of every kind. Returns it with the session and the refund of a pack.
async fn with_every_kind_of_entry() -> (World, String, String) {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let (session, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    let body = json!({
        "member_id": "u_7", "occurred_at": "2026-11-22T11:00:00Z",
        "usage": [{"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1200}],
    });
    world.charged("acct_a", "u1", &body).await;
    let refund = world.refund(&payment, 1_000).await;
    world.refund_is(&refund, "failed").await;
    let reason = ["grant", "acct_a", "5", "--reason", "sorry"];
    world.sparks(&reason).await.unwrap();
    let world = world.until("2026-12-01T00:00:00Z").await;
    (world, session, refund)
}

#[tokio::test]
async fn every_kind_of_entry_is_listed_with_its_details() {
    let (world, session, refund) = with_every_kind_of_entry().await;

    let page = page(&world, "").await;
    let mut seen: Vec<Value> = page["entries"].as_array().unwrap().clone();
    for entry in &mut seen {
        assert!(entry["recorded_at"].as_str().unwrap().ends_with('Z'));
        let entry = entry.as_object_mut().unwrap();
        entry.remove("recorded_at");
        entry.remove("price_version");
    }
    let find = |kind: &str, id: &str| -> Value {
        let found = seen
            .iter()
            .find(|entry| entry["kind"] == kind && entry["id"].as_str().unwrap().starts_with(id));
        found
            .unwrap_or_else(|| panic!("no {kind} {id} in {page}"))
            .clone()
    };
    let usage = find("usage", "use_");
    assert_eq!(
        usage,
        json!({
            "id": usage["id"], "kind": "usage", "amount": "-45.000", "member_id": "u_7",
            "occurred_at": "2026-11-22T11:00:00.000Z",
            "lines": [{"meter": "ai_tokens", "model": "gpt-5", "sparks": "45.000"}],
        })
    );
    assert_eq!(
        find("credit", "cs_"),
        json!({"id": session, "kind": "credit", "amount": "500000.000", "source": "pack", "item": "pack_500k"})
    );
    assert_eq!(
        find("credit", "free#acct_a#2026-11"),
        json!({
            "id": "free#acct_a#2026-11", "kind": "credit", "amount": "10000.000", "source": "free",
            "expires_at": "2026-12-01T00:00:00.000Z",
        })
    );
    assert_eq!(
        find("expiry", "exp#"),
        json!({
            "id": "exp#free#acct_a#2026-11", "kind": "expiry", "amount": "-9955.000",
            "credit_id": "free#acct_a#2026-11",
        })
    );
    assert_eq!(
        find("reversal", "re_"),
        json!({"id": refund, "kind": "reversal", "amount": "-250000.000", "credit_id": session})
    );
    assert_eq!(
        find("restoration", "restored#"),
        json!({
            "id": format!("restored#{refund}"), "kind": "restoration", "amount": "250000.000",
            "source": "pack", "credit_id": session,
        })
    );
    let manual = find("credit", "grant_");
    assert_eq!(
        (&manual["source"], &manual["reason"]),
        (&json!("manual"), &json!("sorry"))
    );

    let sum: i64 = seen
        .iter()
        .map(|entry| -> i64 { parse(entry["amount"].as_str().unwrap()).unwrap() })
        .sum();
    assert_eq!(print(sum), world.available("acct_a").await);
}

#[tokio::test]
async fn pages_stay_consistent_while_entries_are_recorded() {
    let world = World::start().await;
    world.available("acct_a").await;
    for number in 0..7 {
        world.spend("acct_a", &format!("k{number}"), 1).await;
    }
    let all = ids(&page(&world, "").await);
    assert_eq!(all.len(), 8);

    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = page(&world, &format!("limit=3{cursor}")).await;
        paged.extend(ids(&page));
        // An entry recorded now is newer than every later page.
        world
            .spend("acct_a", &format!("later{}", paged.len()), 1)
            .await;
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);

    // A page that ends with the last entry has no next cursor.
    let last = page(&world, "limit=11").await;
    assert_eq!((ids(&last).len(), &last["next_cursor"]), (11, &Value::Null));
    let first = page(&world, "limit=10").await;
    assert_eq!(ids(&first).len(), 10);
    assert!(first["next_cursor"].is_string());
}

#[tokio::test]
async fn a_ledger_is_filtered_by_recording_time() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let body = json!({
        "occurred_at": "2026-11-01T00:00:00Z", "usage": [{"meter": "compute", "milliseconds": 60_000}],
    });
    world.charged("acct_a", "k1", &body).await;
    for (query, count) in [
        ("from=2026-11-22&to=2026-11-23", 2),
        ("from=2026-11-22T12:00:00Z", 2),
        ("to=2026-11-22T12:00:00Z", 0),
        ("from=2026-11-01&to=2026-11-02", 0),
        ("from=2026-11-23", 0),
    ] {
        assert_eq!(ids(&page(&world, query).await).len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_reads_only_the_callers_own_ledger() {
    let world = World::start().await;
    // Older than the cursor, so that there is something to read behind it.
    world.available("acct_b").await;
    world.available("acct_a").await;
    world.spend("acct_a", "k1", 1).await;
    let first = page(&world, "limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let token = world.token("acct_b");
    let others = world
        .get(&format!("/v1/ledger?cursor={cursor}"), Some(&token))
        .await;
    let others = ids(&others.expect(StatusCode::OK).body);
    assert_eq!(others.len(), 1, "{others:?}");
    assert!(others[0].starts_with("free#acct_b#"), "{others:?}");
}

#[tokio::test]
async fn the_catalogue_needs_a_token_but_no_account() {
    let world = World::start().await;
    let before = world.table();
    for token in [world.service_token(), world.token("acct_new")] {
        let listing = world
            .get("/v1/catalog", Some(&token))
            .await
            .expect(StatusCode::OK)
            .body;
        assert_eq!(listing["packs"][1]["item"], "pack_500k");
        assert_eq!(listing["packs"][1]["price_cents"], 2_000);
        assert_eq!(
            listing["plans"][0],
            json!({
                "item": "free", "name": "Free", "sparks": "10000.000", "price_cents": 0, "interval": "month",
                "for_sale": false,
            })
        );
        assert_eq!(listing["plans"][1]["item"], "plus");
    }
    assert_eq!(world.get("/v1/catalog", None).await.status, 401);
    assert_eq!(world.table(), before);
}

async fn estimate(world: &World, body: &Value) -> tests::Answer {
    let token = world.token("acct_a");
    world
        .post("/v1/estimate", Some(&token), None, body.to_string())
        .await
}

#[tokio::test]
async fn an_estimate_equals_the_price_of_the_recorded_usage() {
    let world = World::start().await;
    let body = json!({
        "usage": [
            {"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 300},
            {"meter": "compute", "milliseconds": 1500},
            {"meter": "storage", "gigabyte_hours": "0.25"},
        ],
        "trace": {"name": "chat", "input": "x".repeat(100_000)},
    });
    let told = estimate(&world, &body).await.expect(StatusCode::OK).body;
    assert_eq!(
        (&told["available"], &told["sufficient"]),
        (&json!("10000.000"), &json!(true))
    );
    let recorded = world.charged("acct_a", "k1", &body).await.body;
    for member in ["sparks", "lines", "price_version"] {
        assert_eq!(told[member], recorded[member], "{member}");
    }
    // The estimate recorded and delivered nothing.
    assert_eq!(world.items("E#use_").len(), 1);
    assert_eq!((world.meter_events().len(), world.spans().len()), (1, 1));
}

#[tokio::test]
async fn an_estimate_reports_missing_sparks_and_refuses_invalid_usage() {
    let world = World::start().await;
    let dear = tokens(100_001);
    let told = estimate(&world, &dear).await.expect(StatusCode::OK).body;
    assert_eq!(
        (&told["sparks"], &told["sufficient"]),
        (&json!("10000.100"), &json!(false))
    );
    let exact = tokens(100_000);
    assert_eq!(estimate(&world, &exact).await.body["sufficient"], true);

    for (body, refusal) in [
        (
            json!({"usage": [{"meter": "ai_tokens", "model": "none", "input_tokens": 1}]}),
            "unknown_model",
        ),
        (
            json!({"usage": [{"meter": "gpu", "milliseconds": 1}]}),
            "unknown_meter",
        ),
        (
            json!({"usage": [{"meter": "compute", "milliseconds": -1}]}),
            "invalid_quantity",
        ),
        (
            json!({"occurred_at": "2020-01-01T00:00:00Z", "usage": [{"meter": "compute", "milliseconds": 1}]}),
            "occurred_at_out_of_window",
        ),
        (json!({"usage": []}), "invalid_request"),
    ] {
        assert_eq!(
            estimate(&world, &body).await.refusal(),
            (422, refusal),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_service_estimates_for_the_account_it_names() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let body = |account: &str| json!({"account_id": account, "usage": [{"meter": "compute", "milliseconds": 1}]});
    let ask = |body: Value| {
        let token = world.service_token();
        let world = &world;
        async move {
            world
                .post("/v1/estimate", Some(&token), None, body.to_string())
                .await
        }
    };
    assert_eq!(ask(body("acct_a")).await.body["available"], "1.000");
    assert_eq!(
        ask(body("acct_none")).await.refusal(),
        (404, "account_not_found")
    );
    let unnamed = json!({"usage": [{"meter": "compute", "milliseconds": 1}]});
    assert_eq!(ask(unnamed).await.refusal(), (422, "account_id_required"));
}

#[tokio::test]
async fn a_page_is_complete_despite_unprocessed_keys() {
    let world = World::start().await;
    for grant in ["1", "2", "3"] {
        world.grant("acct_a", grant).await;
    }
    let whole = page(&world, "").await;
    world.dynamodb_fails("BatchGetItem", "unprocessed", 2);
    assert_eq!(page(&world, "").await, whole);
    assert_eq!(ids(&whole).len(), 3);
    assert_eq!(world.stack.dynamodb.faults().fired("BatchGetItem"), 2);
}

/// An entry has its request's arrival time. It may be written seconds later, after retries of conflicts and throttles.
#[tokio::test]
async fn polling_with_an_overlap_misses_no_late_entry() {
    let world = World::at_noon().await;
    world.grant("acct_a", "100").await;
    // The first usage meets conflicts for a second, and the other is recorded meanwhile.
    world.dynamodb_fails("TransactWriteItems", "conflict", 5);
    let early = world.spend("acct_a", "early", 1);
    let others = async {
        while world.stack.dynamodb.faults().fired("TransactWriteItems") < 5 {
            tokio::task::yield_now().await;
        }
        world.spend("acct_a", "meanwhile", 1).await;
        page(&world, "").await
    };
    let (first, _) = futures_util::future::join(others, early).await;
    let newest: jiff::Timestamp = first["entries"][0]["recorded_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();

    let from = newest - jiff::SignedDuration::from_secs(60);
    let polled = page(&world, &format!("from={from}")).await;

    let mut seen = ids(&first);
    seen.extend(ids(&polled));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), world.entries("acct_a").len(), "{seen:?}");
}
