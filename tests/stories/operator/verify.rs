//! `sparks verify` recomputes everything from the entries and reports what differs.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::World;

/// Starts a world where `acct_a` used 10 Sparks and bought a pack. It used 1.251 more as a member in two lines.
async fn world() -> World {
    let world = World::start().await;
    world.spend("acct_a", "k1", 10).await;
    let body = json!({"member_id": "u_7", "usage": [
        {"meter": "compute", "milliseconds": 1500}, {"meter": "storage", "gigabyte_hours": "0.001"},
    ]});
    let recorded = world.record("acct_a", "k2", &body).await;
    recorded.expect(http::StatusCode::CREATED);
    world.buy("acct_a", "pack_125k", "k3").await;
    world
}

/// Returns the usages in the order of recording.
fn usages(world: &World) -> [Value; 2] {
    let mut usages = world.items("E#use_");
    usages.retain(|entry| entry["account"]["S"] == "acct_a");
    usages.sort_by_key(|entry| entry["ledger_at"]["S"].to_string());
    usages.try_into().unwrap()
}

fn id(entry: &Value) -> &str {
    entry["id"]["S"].as_str().unwrap()
}

fn without(item: &Value, attribute: &str) -> Value {
    let mut item = item.clone();
    item.as_object_mut().unwrap().remove(attribute);
    item
}

fn with(item: &Value, attribute: &str, value: Value) -> Value {
    let mut item = item.clone();
    item[attribute] = value;
    item
}

/// Returns the findings of `sparks verify` while these wrong items replace the right ones.
async fn found(world: &World, planted: &[(&Value, Value)]) -> Vec<String> {
    for (_, wrong) in planted {
        world.put_item(wrong.clone()).await;
    }
    let (report, outcome) = world.report(&["verify"]).await;
    let findings = report["findings"].as_array().unwrap().iter();
    let findings: Vec<String> = findings
        .map(|one| one["finding"].as_str().unwrap().to_owned())
        .collect();
    assert!(matches!(outcome, Err(cli::Error::NotInOrder)), "{report}");
    assert_eq!(report["ok"], false);
    for (right, _) in planted {
        world.put_item((*right).clone()).await;
    }
    world.sparks(&["verify"]).await.unwrap();
    findings
}

#[tokio::test]
async fn balance_and_grants_are_compared_with_the_entries() {
    let world = world().await;
    let account = &world.item("A#acct_a", "A");
    let held = &world.item("A#acct_a", "G");
    let grants = held["grants"]["S"].as_str().unwrap();
    let more = grants.replace("125000.000", "125000.001");
    for (attribute, value, finding) in [
        ("available", json!({"N": "1"}), "the balance is 0.001"),
        ("debited", json!({"N": "1"}), "0.001 Sparks were debited"),
        ("grants", json!({"S": more}), "the remaining grants"),
        ("grants", json!({"S": "["}), "could not be verified"),
    ] {
        let right = if attribute == "grants" { held } else { account };
        let wrong = with(right, attribute, value);
        let findings = found(&world, &[(right, wrong)]).await;
        assert!(
            findings.iter().any(|one| one.starts_with(finding)),
            "{attribute}: {findings:?}"
        );
    }
    assert!(world.sparks(&["verify", "acct_none"]).await.is_err());
}

#[tokio::test]
async fn a_wrong_rollup_is_reported() {
    let world = world().await;
    let rollups = world.items("R#acct_a");
    let of_compute = rollups
        .iter()
        .filter(|rollup| rollup.get("sparks#compute").is_some());
    for rollup in of_compute.clone() {
        let name = format!("the roll-up `{}`", rollup["sk"]["S"].as_str().unwrap());
        for wrong in [
            with(rollup, "sparks#compute", json!({"N": "7"})),
            without(rollup, "quantity#storage"),
        ] {
            let findings = found(&world, &[(rollup, wrong)]).await;
            let named = format!("{name} differs from its entries");
            assert_eq!(findings, [named]);
        }
        let odd = with(rollup, "sparks#compute", json!({"N": "1.5"}));
        let findings = found(&world, &[(rollup, odd)]).await;
        assert!(findings[0].starts_with(&format!("{name} cannot be read")));
    }
    assert_eq!(of_compute.count(), 2, "a quarter-hour and a member's day");
}

#[tokio::test]
async fn an_amount_that_differs_from_its_unit_prices_is_reported() {
    let world = world().await;
    let [first, _] = &usages(&world);
    let wrong = with(first, "amount", json!({"N": "-9000"}));
    let findings = found(&world, &[(first, wrong)]).await;
    let id = id(first);
    assert!(
        findings.contains(&format!(
            "`{id}` took 9.000 Sparks, but should have taken 10.000"
        )),
        "{findings:?}"
    );
    assert!(findings.contains(&format!("the lines of `{id}` do not sum to its amount")));

    // A usage that adds Sparks is reported, too.
    let wrong = with(first, "amount", json!({"N": "10000"}));
    let findings = found(&world, &[(first, wrong)]).await;
    assert!(
        findings.contains(&format!(
            "`{id}` took -10.000 Sparks, but should have taken 10.000"
        )),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_wrong_line_is_reported_even_if_the_sum_is_right() {
    let world = world().await;
    let [_, second] = &usages(&world);
    let lines = second["lines"]["S"].as_str().unwrap();
    assert!(
        lines.contains("\"1.250\"") && lines.contains("\"0.001\""),
        "{lines}"
    );
    let shifted = lines
        .replace("\"1.250\"", "\"1.249\"")
        .replace("\"0.001\"", "\"0.002\"");
    let wrong = with(second, "lines", json!({"S": shifted}));
    let findings = found(&world, &[(second, wrong)]).await;
    let id = id(second);
    let line = format!("`lines[0]` of `{id}` is 1.249 Sparks, but should be 1.250");
    assert!(findings.contains(&line), "{findings:?}");
    assert!(!findings.iter().any(|finding| finding.contains("sum to")));
}

#[tokio::test]
async fn the_first_of_many_wrong_prices_is_reported_and_all_are_counted() {
    let world = world().await;
    let [first, second] = &usages(&world);
    let free = |usage: &Value| {
        let lines = usage["lines"]["S"].as_str().unwrap();
        let lines = lines.replace("\"milli_sparks\":", "\"milli_sparks\":1");
        with(usage, "lines", json!({ "S": lines }))
    };
    let planted = [(second, free(second)), (first, free(first))];
    let findings = found(&world, &planted).await;
    let named = format!(
        "`{}` took 10.000 Sparks, but should have taken 110.000; mispriced usages in all: 2",
        id(first)
    );
    assert_eq!(findings, [named]);
}

/// An unreadable entry does not stop the verification of other entries or accounts.
#[tokio::test]
async fn an_unreadable_entry_is_reported_by_its_key() {
    let world = world().await;
    world.spend("acct_b", "k1", 1).await;
    let [first, _] = &usages(&world);
    let credit = world.items("E#cs_").remove(0);
    for (entry, attribute) in [
        (first, "lines"),
        (first, "amount"),
        (first, "kind"),
        (first, "request_hash"),
        (&credit, "source"),
        (&credit, "settled"),
    ] {
        let findings = found(&world, &[(entry, without(entry, attribute))]).await;
        let named = format!(
            "`E#{}` cannot be read: the stored attribute `{attribute}` is missing or malformed",
            id(entry)
        );
        assert_eq!(findings[0], named, "{findings:?}");
    }
    let least = with(first, "amount", json!({"N": i64::MIN.to_string()}));
    let findings = found(&world, &[(first, least)]).await;
    assert!(findings[0].contains("`amount` is missing or malformed"));
}

#[tokio::test]
async fn an_entry_in_no_ledger_is_reported_by_its_key() {
    let world = world().await;
    let [first, _] = &usages(&world);
    for attribute in ["account", "ledger_at"] {
        let findings = found(&world, &[(first, without(first, attribute))]).await;
        let named = format!("`E#{}` is in no account's ledger", id(first));
        assert!(findings.contains(&named), "{findings:?}");
    }
}

/// The month's free Sparks are granted first, whatever the entries' ids. The claw back takes from them what the
/// purchase lacks.
#[tokio::test]
async fn a_claw_back_as_the_first_change_of_a_month_verifies() {
    let world = World::at_noon().await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.grant("acct_a", "50000").await;
    // 5,000 of these come from the purchase.
    world.spend("acct_a", "k2", 15_000).await;
    let world = world.later(SignedDuration::from_hours(24 * 9)).await;
    world.dispute(&payment, 2_000, "needs_response").await;
    let left = world.grants("acct_a").await;
    let free = ("free".to_owned(), "5000.000".to_owned());
    assert_eq!(left[0], free, "{left:?}");
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn a_reversal_that_takes_less_than_was_left_is_reported() {
    let world = World::start().await;
    world.grant("acct_a", "10").await;
    world.spend("acct_a", "k1", 4).await;
    let grant = world.credits("acct_a").remove(0);
    let reverse = ["reverse", id(&grant), "--reason", "mistake"];
    world.sparks(&reverse).await.unwrap();
    let entry = world.items("E#reversed#").remove(0);
    let account = &world.item("A#acct_a", "A");

    // The balance agrees, but the grants that make it up do not.
    let less = with(&entry, "amount", json!({"N": "-5000"}));
    let more = with(account, "available", json!({"N": "1000"}));
    let findings = found(&world, &[(&entry, less), (account, more)]).await;

    let named = format!("`{}` does not take what was left of its grant", id(&entry));
    assert_eq!(findings, [named]);
}

#[tokio::test]
async fn the_text_output_lists_findings_and_counts_accounts_and_entries() {
    let world = world().await;
    let [first, _] = &usages(&world);
    world.put_item(without(first, "stripe")).await;
    let (printed, outcome) = world.sparks_printing(&["verify", "acct_a"]).await;
    assert!(outcome.is_err());
    let named = format!("acct_a: `E#{}` cannot be read", id(first));
    assert!(printed.starts_with(&named), "{printed}");
    assert!(printed.ends_with("1 accounts with 4 entries verified\n"));

    world.put_item(first.clone()).await;
    let fine = world.sparks(&["verify", "--json"]).await.unwrap();
    let fine: Value = serde_json::from_str(&fine).unwrap();
    assert_eq!((&fine["ok"], &fine["accounts"]), (&json!(true), &json!(1)));
}

/// A restore to a moment within a transaction can leave half of it. `verify` reports it, and `repair` rewrites it.
#[tokio::test]
async fn half_a_transaction_is_repaired_from_the_entries() {
    let world = world().await;
    world
        .sparks(&["grant", "acct_a", "5", "--reason", "kind"])
        .await
        .unwrap();
    let item = |pk: &str, sk: &str| {
        let mut items = world.items(pk).into_iter();
        items
            .find(|item| item["sk"]["S"].as_str().unwrap().starts_with(sk))
            .unwrap()
    };
    let (account, grants) = (item("A#acct_a", "A"), item("A#acct_a", "G"));
    let (quarter, day) = (item("R#acct_a", "Q#"), item("R#acct_a", "M#"));
    let available = world.available("acct_a").await;
    for planted in [
        // A debit without its entry, and outdated grants.
        vec![with(&account, "available", json!({"N": "1000"}))],
        vec![with(&account, "debited", json!({"N": "1000"}))],
        vec![with(&grants, "grants_version", json!({"N": "1"}))],
        // An entry without its roll-ups.
        vec![
            with(&quarter, "sparks#compute", json!({"N": "1"})),
            without(&day, "sparks#compute"),
        ],
    ] {
        for wrong in planted {
            world.put_item(wrong).await;
        }
        let (_, outcome) = world.sparks_printing(&["verify", "acct_a"]).await;
        assert!(
            matches!(outcome, Err(cli::Error::NotInOrder)),
            "{outcome:?}"
        );
        let table = world.table();
        world.sparks(&["repair", "acct_a"]).await.unwrap();
        assert_eq!(world.table(), table);

        world.sparks(&["repair", "acct_a", "--yes"]).await.unwrap();

        world.sparks(&["verify"]).await.unwrap();
        assert_eq!(world.available("acct_a").await, available);
    }
    world.spend("acct_a", "k9", 1).await;
    world.sparks(&["verify"]).await.unwrap();

    let usage = world.items("E#use_").remove(0);
    world.put_item(without(&usage, "amount")).await;
    let table = world.table();
    let refused = world.sparks(&["repair", "acct_a", "--yes"]).await;
    assert!(
        matches!(refused, Err(cli::Error::NotRepairable(..))),
        "{refused:?}"
    );
    assert_eq!(world.table(), table);

    let refused = world.sparks(&["repair", "acct_b"]).await;
    assert!(matches!(refused, Err(cli::Error::NoAccount(_))));
}

/// The entries' sums must lie between the roll-ups that are read before and after them.
#[tokio::test]
async fn an_account_in_constant_use_is_verified() {
    let world = world().await;
    world.grant("acct_a", "100000").await;
    let over = std::sync::atomic::AtomicBool::new(false);
    let stream = async |number: usize| {
        let mut count = 0;
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            world.spend("acct_a", &format!("{number}-{count}"), 1).await;
            count += 1;
        }
    };
    let verified = async {
        let verified = world.sparks(&["verify", "acct_a", "--json"]).await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        verified
    };
    let (verified, ..) = tokio::join!(verified, stream(0), stream(1), stream(2));
    let verified: Value = serde_json::from_str(&verified.unwrap()).unwrap();
    assert_eq!(
        (&verified["ok"], &verified["unsettled"]),
        (&json!(true), &json!([]))
    );
}
