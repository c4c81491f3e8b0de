//! `sparks reverse` claws back a grant's remainder or gives back a usage, once per entry.

use futures_util::future::join_all;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::ledger::{NewCredit, Source};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::sparks::Sparks;
use tests::{World, count};

/// Starts a world and grants Sparks to `acct_a`; returns the world and the grant's id.
async fn granted(sparks: &str) -> (World, String) {
    let world = World::start().await;
    world.grant("acct_a", sparks).await;
    let grant = world.credits("acct_a").remove(0)["id"]["S"].clone();
    (world, grant.as_str().unwrap().to_owned())
}

/// Records a usage of whole Sparks; returns its id.
async fn used(world: &World, key: &str, sparks: u64) -> String {
    let body = json!({
        "member_id": "u_7", "usage": [{"meter": "ai_tokens", "input_tokens": sparks * 10}],
    });
    let recorded = world.charged("acct_a", key, &body).await;
    recorded.body["usage_id"].as_str().unwrap().to_owned()
}

async fn reverse(world: &World, entry: &str) -> Value {
    let reversed = world
        .sparks(&["reverse", entry, "--reason", "mistake", "--json"])
        .await;
    serde_json::from_str(&reversed.unwrap()).unwrap()
}

/// Returns an entry as the account's ledger shows it, without `recorded_at`.
async fn seen(world: &World, id: &str) -> Value {
    let ledger = world.get("/v1/ledger", Some(&world.token("acct_a"))).await;
    let entries = ledger.expect(StatusCode::OK).body["entries"].clone();
    let entries = entries.as_array().unwrap().iter();
    let mut found: Vec<Value> = entries.filter(|entry| entry["id"] == id).cloned().collect();
    assert_eq!(found.len(), 1, "{id}");
    let mut entry = found.remove(0);
    let recorded_at = entry.as_object_mut().unwrap().remove("recorded_at");
    assert!(recorded_at.is_some());
    entry
}

async fn in_order(world: &World) {
    world.grants("acct_a").await;
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn the_remainder_of_a_grant_is_clawed_back() {
    let (world, grant) = granted("10").await;
    world.spend("acct_a", "k1", 4).await;
    world.grant("acct_a", "5").await;

    let reason = ["reverse", &grant, "--reason", "wrong account"];
    let printed = world.sparks(&reason).await.unwrap();

    assert_eq!(
        printed,
        format!("6.000 Sparks of {grant} taken back from acct_a, 5.000 available\n")
    );
    let left = [("manual".to_owned(), "5.000".to_owned())];
    assert_eq!(world.grants("acct_a").await, left);
    let id = format!("reversed#{grant}");
    assert_eq!(
        seen(&world, &id).await,
        json!({
            "id": id, "kind": "reversal", "amount": "-6.000", "reason": "wrong account", "credit_id": grant,
        })
    );
    in_order(&world).await;
}

#[tokio::test]
async fn a_usage_is_given_back_as_a_grant_that_never_expires() {
    let (world, _) = granted("10").await;
    let usage = used(&world, "k1", 10).await;
    let (rollups, meter_events) = (world.items("R#"), world.meter_events());

    let reason = ["reverse", &usage, "--reason", "the model failed"];
    let printed = world.sparks(&reason).await.unwrap();

    assert_eq!(
        printed,
        format!("10.000 Sparks of {usage} given back to acct_a, 10.000 available\n")
    );
    let id = format!("reversed#{usage}");
    assert_eq!(
        seen(&world, &id).await,
        json!({
            "id": id, "kind": "credit", "amount": "10.000", "reason": "the model failed", "source": "manual",
            "usage_id": usage,
        })
    );
    // The usage happened, so roll-ups and meter events still count it.
    assert_eq!(world.items("R#"), rollups);
    assert_eq!(world.meter_events(), meter_events);
    assert_eq!(world.entry(&usage), Some(-10_000));
    let token = world.token("acct_a");
    let balance = world.get("/v1/balance", Some(&token)).await.body;
    let (left, end) = (&balance["grants"][0], &Value::Null);
    let returned = json!("returned#acct_a");
    assert_eq!((&left["id"], &left["expires_at"]), (&returned, end));
    world.spend("acct_a", "k2", 3).await;
    in_order(&world).await;

    // The resulting grant can be clawed back like any other.
    let again = reverse(&world, &id).await;
    assert_eq!(again["amount"], "-7.000");
    assert_eq!(world.available("acct_a").await, "0.000");
    in_order(&world).await;
}

#[tokio::test]
async fn reversing_an_entry_again_changes_nothing() {
    let (world, grant) = granted("10").await;
    let usage = used(&world, "k1", 4).await;
    for (entry, amount) in [(&grant, "-6.000"), (&usage, "4.000")] {
        let first = reverse(&world, entry).await;
        let id = format!("reversed#{entry}");
        let mut expected = json!({
            "id": id, "entry": entry, "account_id": "acct_a", "amount": amount, "replayed": false,
            "available": world.available("acct_a").await,
        });
        assert_eq!(first, expected);
        let table = world.table();

        let again = reverse(&world, entry).await;
        expected["replayed"] = json!(true);
        expected["available"] = json!(null);
        assert_eq!(again, expected);
        let printed = world.sparks(&["reverse", entry, "--reason", "other"]).await;
        assert_eq!(
            printed.unwrap(),
            format!(
                "{entry} of acct_a was already reversed, by {id} with {amount} Sparks; nothing was written\n"
            )
        );
        assert_eq!(world.table(), table);
    }
    in_order(&world).await;
}

#[tokio::test]
async fn a_spent_grant_is_reversed_once_with_zero_sparks() {
    let (world, grant) = granted("10").await;
    world.spend("acct_a", "k1", 10).await;
    let printed = world.sparks(&["reverse", &grant, "--reason", "late"]).await;
    assert_eq!(
        printed.unwrap(),
        format!("{grant} of acct_a had nothing left to reverse, 0.000 available\n")
    );
    assert_eq!(world.entry(&format!("reversed#{grant}")), Some(0));
    // A later grant is not touched.
    world.grant("acct_a", "3").await;
    assert_eq!(reverse(&world, &grant).await["replayed"], true);
    assert_eq!(world.available("acct_a").await, "3.000");
    in_order(&world).await;
}

/// The account buys and spends 500,000, then gets a refund. A grant of 100 does not repay the debt.
#[tokio::test]
async fn in_debt_a_reversed_grant_takes_nothing_and_a_reversed_usage_repays() {
    let world = World::start().await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.spend("acct_a", "free", 10_000).await;
    let usage = used(&world, "k2", 500_000).await;
    world.refund(&payment, 2_000).await;
    world.grant("acct_a", "100").await;
    let credits = world.credits("acct_a");
    let manual = credits
        .iter()
        .find(|credit| credit["source"]["S"] == "manual");
    let grant = manual.unwrap()["id"]["S"].as_str().unwrap();

    let taken = reverse(&world, grant).await;
    assert_eq!(
        (&taken["amount"], &taken["available"]),
        (&json!("0.000"), &json!("-499900.000"))
    );
    let given = reverse(&world, &usage).await;
    assert_eq!(given["available"], "100.000");
    in_order(&world).await;
}

#[tokio::test]
async fn nothing_is_taken_from_an_expired_promotion() {
    let start = "2026-11-22T12:00:00Z".parse().unwrap();
    let world = World::start_with(&[], Clock::starting_at(start)).await;
    let ledger = world.ledger();
    for id in ["promo_1", "promo_2"] {
        let promo = NewCredit {
            id: id.parse().unwrap(),
            account: "acct_a".parse().unwrap(),
            source: Source::Promo,
            sparks: Sparks::from_milli(50_000),
            expires_at: Some(start + SignedDuration::from_hours(24)),
            reason: None,
            free_plan: false,
            purchase: None,
        };
        let deadline = Deadline::lasting(&Clock::system(), std::time::Duration::from_secs(20));
        ledger
            .credit(&promo, &deadline.starting(start))
            .await
            .unwrap();
    }
    assert_eq!(reverse(&world, "promo_1").await["amount"], "-50.000");
    in_order(&world).await;

    let world = world.later(SignedDuration::from_hours(25)).await;
    assert_eq!(reverse(&world, "promo_2").await["amount"], "0.000");
    assert_eq!(world.entry("exp#promo_2"), Some(-50_000));
    assert_eq!(world.entry("exp#promo_1"), None);
    in_order(&world).await;
}

#[tokio::test]
async fn purchases_and_automatic_entries_cannot_be_reversed() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let (session, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    let refund = world.refund(&payment, 1_000).await;
    world.refund_is(&refund, "failed").await;
    world.subscribe("acct_a", "plus").await;
    let world = world.later(SignedDuration::from_hours(24 * 10)).await;
    world.available("acct_a").await;
    let plan = world.items("E#in_").remove(0)["id"]["S"].clone();
    let table = world.table();

    for (entry, why) in [
        (session.as_str(), "was bought: refund it at Stripe"),
        (plan.as_str().unwrap(), "was bought: refund it at Stripe"),
        ("free#acct_a#2026-11", "is a month of the free plan"),
        ("exp#free#acct_a#2026-11", "is the expiry of a grant"),
        (refund.as_str(), "is itself a reversal"),
        (
            &format!("restored#{refund}"),
            "restored Sparks after a refund",
        ),
    ] {
        let refused = world.sparks(&["reverse", entry, "--reason", "x"]).await;
        let refused = refused.unwrap_err().to_string();
        let expected = format!("`{entry}` {why}");
        assert!(refused.starts_with(&expected), "{refused}");
        assert!(refused.ends_with("; nothing was written"), "{refused}");
    }
    assert_eq!(world.table(), table);
}

#[tokio::test]
async fn a_missing_entry_is_reported() {
    let (world, grant) = granted("10").await;
    let table = world.table();
    let (typo, long) = (format!("{grant}0"), "x".repeat(3_000));
    for entry in ["use_none", "", "acct_a", &typo, &long] {
        let error = world.sparks(&["reverse", entry, "--reason", "x"]).await;
        let error = error.unwrap_err().to_string();
        assert_eq!(error, format!("there is no entry `{entry}`"));
    }
    assert_eq!(world.table(), table);
}

#[tokio::test]
async fn concurrent_reversals_make_one_entry() {
    let (world, grant) = granted("10").await;
    let usage = used(&world, "k1", 4).await;
    for (entry, amount) in [(&grant, -6_000), (&usage, 4_000)] {
        let reversals = join_all((0..8).map(|_| reverse(&world, entry))).await;
        let first = reversals.iter().filter(|one| one["replayed"] == false);
        assert_eq!(first.count(), 1);
        let amounts: Vec<&Value> = reversals.iter().map(|one| &one["amount"]).collect();
        assert!(amounts.iter().all(|one| *one == amounts[0]), "{amounts:?}");
        assert_eq!(world.entry(&format!("reversed#{entry}")), Some(amount));
    }
    assert_eq!(world.available("acct_a").await, "4.000");
    in_order(&world).await;
}

#[tokio::test]
async fn concurrent_debits_and_reversals_never_share_a_spark() {
    let (world, grant) = granted("12").await;
    let usage = used(&world, "first", 2).await;
    let debits = world.record_at_once("acct_a", 20, 10);
    let reversals = join_all([&grant, &usage, &grant].map(|entry| reverse(&world, entry)));

    let (debits, _) = tokio::join!(debits, reversals);

    let (paid, refused) = (count(&debits, 201), count(&debits, 402));
    assert_eq!(paid + refused, 20, "{debits:?}");
    let taken = world.entry(&format!("reversed#{grant}")).unwrap();
    let available = 12_000 + taken - i64::try_from(paid).unwrap() * 1_000;
    assert!(available >= 0 && taken <= 0, "{paid} paid, {taken} taken");
    assert_eq!(world.sum_of_entries("acct_a"), available);
    in_order(&world).await;
}

#[tokio::test]
async fn a_usage_is_not_given_back_to_an_account_with_too_many_grants() {
    let (world, _) = granted("10").await;
    let usage = used(&world, "k1", 10).await;
    let mut account = world.items("A#acct_a").remove(0);
    let grants: Vec<Value> = (0..500)
        .map(|number| {
            json!({"id": format!("g{number}"), "source": "manual", "remaining": "1.000", "granted_at": 1})
        })
        .collect();
    account["grants"] = json!({"S": json!(grants).to_string()});
    account["available"] = json!({"N": "500000"});
    account["settled"] = account["debited"].clone();
    world.put_item(account).await;
    let table = world.table();
    let refused = world.sparks(&["reverse", &usage, "--reason", "x"]).await;
    assert!(matches!(refused, Err(cli::Error::TooManyGrants(_))));
    assert_eq!(world.table(), table);
}
