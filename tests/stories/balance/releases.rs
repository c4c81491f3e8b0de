//! Items stored by earlier releases are read, added to and clawed back like today's.
//!
//! `releases/1.json` is a table of item version 1 after everything that its functions and the operator do: delivered
//! and parked usages, a parcel, purchases with a refund and a dispute, a plan, corrections, and ended grants.

use http::StatusCode;
use serde_json::Value;
use shared::ledger::{NewReversal, Part, ReversalOutcome};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::money::{Currency, Money};
use tests::{World, tokens};

/// Starts a world a day after the last item was stored. Its functions write this item version.
async fn stored_by_release_1(item_version: &str) -> World {
    let clock = Clock::starting_at("2026-12-24T12:05:00Z".parse().unwrap());
    let variables = [
        ("DELIVERY_BUDGET_MS", "400"),
        ("ITEM_VERSION", item_version),
    ];
    let world = World::start_with(&variables, clock).await;
    let items: Vec<Value> = serde_json::from_str(include_str!("releases/1.json")).unwrap();
    for item in items {
        world.put_item(item).await;
    }
    world
}

async fn takes_back(world: &World) {
    let ledger = world.ledger();
    let purchase = world.items("E#cs_")[0]["id"]["S"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let refund = NewReversal {
        id: "re_later".parse().unwrap(),
        account: "acct_a".parse().unwrap(),
        purchase,
        part: Part::Amount(Money::new(100, Currency::USD)),
    };
    let now = "2026-12-24T12:05:00Z".parse().unwrap();
    let deadline = Deadline::lasting(&Clock::system(), std::time::Duration::from_secs(20));
    let reversed = ledger.reverse(&refund, &deadline.starting(now)).await;
    assert!(
        matches!(reversed, Ok(ReversalOutcome::Recorded(_))),
        "{reversed:?}"
    );
}

#[tokio::test]
async fn items_of_release_1_are_read_and_changed_under_each_item_version() {
    for item_version in ["1", "2", "3"] {
        let world = stored_by_release_1(item_version).await;
        world.sparks(&["verify"]).await.unwrap();
        let before = world.grants("acct_a").await;
        assert!(before.len() >= 2, "{before:?}");

        // A replay, a new usage, a repeated correction of an old usage, a grant, and a refund of an old purchase.
        let again = world.record("acct_a", "k1", &tokens(100)).await;
        assert!(again.expect(StatusCode::CREATED).is_replay());
        world.spend("acct_a", "later", 3).await;
        let usages = world.items("E#use_").into_iter();
        let mut of_then = usages.filter(|entry| {
            entry["account"]["S"] == "acct_b" && entry["stripe"]["S"] == "confirmed"
        });
        let usage = of_then.next().unwrap()["id"]["S"]
            .as_str()
            .unwrap()
            .to_owned();
        for _ in 0..2 {
            let reversed = world.sparks(&["reverse", &usage, "--reason", "late"]).await;
            reversed.unwrap();
        }
        world.grant("acct_a", "5").await;
        takes_back(&world).await;

        world.sparks(&["verify"]).await.unwrap();
        let inline = world.item("A#acct_a", "A")["grants"].is_object();
        assert_eq!(inline, item_version == "1", "{item_version}");
    }
}
