//! The operator grants Sparks and reads balances and ledgers with `sparks`.

use clap::Parser;
use serde_json::{Value, json};
use tests::{World, tokens};

fn parsed(output: &str) -> Value {
    serde_json::from_str(output).unwrap_or_else(|_| panic!("not JSON: {output}"))
}

#[tokio::test]
async fn a_grant_opens_its_account() {
    let world = World::start().await;
    let output = world
        .sparks(&["grant", "acct_a", "10000", "--reason", "try"])
        .await
        .unwrap();
    assert_eq!(
        output,
        "10000.000 Sparks granted to acct_a, 10000.000 available\n"
    );
    assert_eq!(world.available("acct_a").await, "10000.000");
}

#[tokio::test]
async fn the_same_key_is_the_same_grant() {
    let world = World::start().await;
    let grant = [
        "grant", "acct_a", "5", "--reason", "try", "--key", "k", "--json",
    ];
    let first = parsed(&world.sparks(&grant).await.unwrap());
    let second = parsed(&world.sparks(&grant).await.unwrap());
    assert_eq!(
        (&first["replayed"], &second["replayed"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(world.available("acct_a").await, "5.000");

    let other = world
        .sparks(&["grant", "acct_a", "6", "--reason", "try", "--key", "k"])
        .await;
    assert_eq!(
        other.unwrap_err().to_string(),
        "the key `k` was used for another grant; nothing was written"
    );
    assert_eq!(world.available("acct_a").await, "5.000");
}

#[tokio::test]
async fn a_grant_with_the_free_plan_differs_from_one_without() {
    let world = World::start().await;
    world
        .sparks(&["grant", "acct_a", "5", "--reason", "try", "--key", "k"])
        .await
        .unwrap();
    let with_plan = world
        .sparks(&[
            "grant", "acct_a", "5", "--reason", "try", "--key", "k", "--plan", "free",
        ])
        .await;
    assert!(matches!(with_plan, Err(cli::Error::KeyReused(_))));
    world
        .sparks(&[
            "grant", "acct_a", "5", "--reason", "try", "--key", "l", "--plan", "free",
        ])
        .await
        .unwrap();
    assert_eq!(world.items("A#acct_a")[0]["free_plan"]["N"], "1");
}

#[tokio::test]
async fn keys_of_accounts_with_a_common_prefix_do_not_collide() {
    let world = World::start().await;
    world
        .sparks(&["grant", "a", "1", "--reason", "try", "--key", "b:c"])
        .await
        .unwrap();
    world
        .sparks(&["grant", "a:b", "1", "--reason", "try", "--key", "c"])
        .await
        .unwrap();
    assert_eq!(world.available("a:b").await, "1.000");
}

#[tokio::test]
async fn twenty_concurrent_grants_count_once_per_key() {
    let world = World::start().await;
    let keys: Vec<String> = (0..20).map(|number| (number / 2).to_string()).collect();
    let grants = keys.iter().map(|key| async {
        world
            .sparks(&["grant", "acct_a", "1", "--reason", "try", "--key", key])
            .await
            .unwrap()
    });
    futures_util::future::join_all(grants).await;
    assert_eq!(
        world.available("acct_a").await,
        "10.000",
        "ten keys, each twice"
    );
}

#[tokio::test]
async fn a_grant_of_zero_is_refused() {
    let world = World::start().await;
    for sparks in ["0", "0.000"] {
        assert!(
            world
                .sparks(&["grant", "acct_a", sparks, "--reason", "try"])
                .await
                .is_err()
        );
    }
    assert!(world.table().is_empty());
}

#[tokio::test]
async fn the_ledger_lists_what_happened_newest_first() {
    let world = World::start().await;
    world.grant("acct_a", "10").await;
    let usage = world.record("acct_a", "k1", &tokens(10)).await;

    let ledger = parsed(&world.sparks(&["ledger", "acct_a", "--json"]).await.unwrap());

    let entries = ledger["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["kind"], &entries[0]["amount"]),
        (&json!("usage"), &json!("-1.000"))
    );
    assert_eq!(entries[0]["id"], usage.body["usage_id"]);
    assert_eq!(
        (
            &entries[1]["kind"],
            &entries[1]["amount"],
            &entries[1]["reason"]
        ),
        (&json!("credit"), &json!("10.000"), &json!("test"))
    );
}

#[tokio::test]
async fn an_unknown_account_is_an_error() {
    let world = World::start().await;
    for command in ["balance", "ledger"] {
        let error = world.sparks(&[command, "acct_typo"]).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no account `acct_typo`");
    }
    assert!(world.table().is_empty());
}

#[tokio::test]
async fn a_balance_is_shown_grant_by_grant() {
    let world = World::start().await;
    world
        .sparks(&["grant", "acct_a", "7.5", "--reason", "try", "--key", "k"])
        .await
        .unwrap();
    let shown = world.sparks(&["balance", "acct_a"]).await.unwrap();
    assert!(
        shown.starts_with("7.500 Sparks available\n") && shown.contains("grant_"),
        "{shown}"
    );
    let json = parsed(
        &world
            .sparks(&["balance", "acct_a", "--json"])
            .await
            .unwrap(),
    );
    assert_eq!(json["grants"][0]["remaining"], "7.500");
}

/// An older release or another tool may have written to the table.
#[tokio::test]
async fn control_characters_from_the_table_are_escaped() {
    let world = World::start().await;
    world.grant("acct_a", "5").await;
    let mut entries = world.items("E#").into_iter();
    let mut grant = entries
        .rfind(|entry| entry["reason"]["S"] == "test")
        .unwrap();
    grant["reason"] = json!({"S": "a\n\u{1b}[2Jb\u{9b}31m"});
    world.put_item(grant).await;
    let listed = world.sparks(&["ledger", "acct_a"]).await.unwrap();
    let line = listed.lines().find(|line| line.contains("[2J")).unwrap();
    assert!(line.ends_with(r"a\u000a\u001b[2Jb\u009b31m"), "{line}");
    assert!(!listed.contains(|one: char| one.is_control() && one != '\n'));
    let listed = world.sparks(&["ledger", "acct_a", "--json"]).await.unwrap();
    assert!(!listed.contains(|one: char| one.is_control() && one != '\n'));
    let reasons = parsed(&listed)["entries"].to_string();
    assert!(reasons.contains("b\u{9b}31m"), "as it is stored: {reasons}");
}

#[test]
fn an_invalid_reason_is_refused_before_anything_is_sent() {
    let long = "x".repeat(201);
    for reason in ["", " ", "two\nlines", "\u{1b}[2J", long.as_str()] {
        for command in [["grant", "acct_a", "5"].as_slice(), &["reverse", "use_1"]] {
            let arguments = [&["sparks"], command, &["--reason", reason]].concat();
            let refused = cli::Command::try_parse_from(arguments).unwrap_err();
            let message = refused.to_string();
            assert!(message.contains("must be 1 to 200 characters"), "{message}");
        }
    }
}
