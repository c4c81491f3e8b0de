//! Grants of an account change under constant debits, and the account slows only itself.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use http::StatusCode;
use serde_json::{Value, json};
use shared::ledger::{Credited, NewCredit, NewReversal, Part, Purchase, ReversalOutcome, Source};
use shared::pricing::catalog::{Kind, OrderTerms};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::money::{Currency, Money};
use shared::words::sparks::Sparks;
use tests::{CARD, World, tokens};

/// Concurrent debits of one account.
const STREAMS: usize = 8;

/// Time limit for one change of the grants.
const WITHIN: Duration = Duration::from_secs(2);

fn purchase(id: &str) -> NewCredit {
    NewCredit {
        id: id.parse().unwrap(),
        account: "acct_a".parse().unwrap(),
        source: Source::Pack,
        sparks: Sparks::from_milli(1_000_000),
        expires_at: None,
        reason: None,
        free_plan: false,
        purchase: Some(Purchase {
            order: None,
            terms: OrderTerms {
                item: "pack_125k".into(),
                kind: Kind::Pack,
                quantity: 1,
                sparks: Sparks::from_milli(1_000_000),
                price: Money::new(500, Currency::USD),
                price_id: "price_1".into(),
                catalog_version: "1".into(),
            },
            payment_intent: None,
            total: Money::new(500, Currency::USD),
        }),
    }
}

/// Debits without a pause until `work` is done. Returns its result and the number of debits.
async fn while_in_use<T>(world: &World, work: impl Future<Output = T>) -> (T, u32) {
    let (over, debits) = (AtomicBool::new(false), AtomicU32::new(0));
    let stream = async |number: usize| {
        while !over.load(Ordering::Relaxed) {
            let key = format!("{number}-{}", debits.fetch_add(1, Ordering::Relaxed));
            world.spend("acct_a", &key, 1).await;
        }
    };
    let work = async {
        let done = work.await;
        over.store(true, Ordering::Relaxed);
        done
    };
    let (done, _) = join(work, join_all((0..STREAMS).map(stream))).await;
    (done, debits.load(Ordering::Relaxed))
}

/// Books credits, claw-backs and the operator's grants, each within two seconds.
async fn twenty_changes(world: &World) {
    let ledger = world.ledger();
    for number in 0..20 {
        let deadline = || Deadline::lasting(&Clock::system(), WITHIN);
        let now = Clock::system().now();
        let bought = purchase(&format!("cs_{number}"));
        let credited = ledger.credit(&bought, &deadline().starting(now)).await;
        assert!(
            matches!(credited, Ok(Credited::Recorded(_))),
            "{number}: {credited:?}"
        );

        let refund = NewReversal {
            id: format!("re_{number}").parse().unwrap(),
            account: bought.account.clone(),
            purchase: bought.id.clone(),
            part: Part::Amount(Money::new(250, Currency::USD)),
        };
        let reversed = ledger.reverse(&refund, &deadline().starting(now)).await;
        let half = Sparks::from_milli(500_000);
        assert!(
            matches!(reversed, Ok(ReversalOutcome::Recorded(taken)) if taken == half),
            "{number}: {reversed:?}"
        );

        let granted = NewCredit {
            id: format!("grant_{number}").parse().unwrap(),
            source: Source::Manual,
            purchase: None,
            ..bought
        };
        let credited = ledger.credit(&granted, &deadline().starting(now)).await;
        assert!(
            matches!(credited, Ok(Credited::Recorded(_))),
            "{number}: {credited:?}"
        );
    }
}

#[tokio::test]
async fn grants_change_within_two_seconds_under_eight_streams_of_debits() {
    let world = World::at_noon().await;
    world.grant("acct_a", "1000000").await;
    let ((), debits) = while_in_use(&world, Box::pin(twenty_changes(&world))).await;
    assert!(debits >= 20, "{debits}");
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn grants_change_within_two_seconds_under_eight_streams_on_a_slow_table() {
    let world = World::at_noon().await;
    world.grant("acct_a", "1000000").await;
    world.dynamodb_fails("/", "slow:25", u32::MAX);
    let ((), debits) = while_in_use(&world, Box::pin(twenty_changes(&world))).await;
    assert!(debits >= 20, "{debits}");
    world.stack.dynamodb.faults().clear();
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn a_payment_is_verified_while_the_account_is_in_use() {
    let world = World::at_noon().await;
    world.grant("acct_a", "1000000").await;
    world.drop_webhooks();
    let session = world.open("acct_a", "pack_125k").await;
    world.pay(&session, CARD).await;
    let (verified, _) = while_in_use(&world, world.verify("acct_a", &session)).await;
    let verified = verified.expect(StatusCode::OK);
    assert_eq!(verified.body["sparks_credited"], "125000.000");
}

#[tokio::test]
async fn an_abandoned_gate_opens_by_itself() {
    let world = World::at_noon().await;
    world.grant("acct_a", "10").await;
    let account = &world.item("A#acct_a", "A");
    let mut closed = account.clone();
    closed["next_due"] = json!({"N": "0"});
    closed["gate_until"] = json!({"N": (world.now().as_millisecond() + 100).to_string()});
    closed["gate_holder"] = json!({"S": "gone"});
    world.put_item(closed).await;

    world.spend("acct_a", "k1", 1).await;
    let account = &world.item("A#acct_a", "A");
    assert_eq!(account["gate_until"], Value::Null);
    world.sparks(&["verify"]).await.unwrap();
}

/// Conflicts are retried for two seconds, not for the 21 of an outage.
///
/// Otherwise, many requests of one account could occupy all environments.
#[tokio::test]
async fn lasting_conflicts_are_a_503_and_a_retry_under_the_key_succeeds() {
    let clock = Clock::skipping_from("2026-11-22T12:00:00Z".parse().unwrap());
    let world = World::start_with(&[("DELIVERY_BUDGET_MS", "400")], clock.clone()).await;
    world.grant("acct_a", "10").await;
    world.dynamodb_fails("TransactWriteItems", "conflict", u32::MAX);
    let began = clock.now();

    let refused = world.record("acct_a", "k1", &tokens(10)).await;

    assert_eq!(refused.refusal().0, 503);
    assert_eq!(refused.headers["retry-after"], "1");
    let waited = clock.now().duration_since(began);
    assert!(waited.as_secs() < 3, "{waited}");
    world.stack.dynamodb.faults().clear();
    world.spend("acct_a", "k1", 1).await;
    assert_eq!(world.available("acct_a").await, "9.000");
    let conflicts = |line: &Value| line["Conflicts"].as_i64().unwrap_or_default();
    let of_the_account = |line: &&Value| line["account.id"] == "acct_a" && conflicts(line) > 3;
    assert!(
        world.lines().iter().any(|line| of_the_account(&line)),
        "{:?}",
        world.lines()
    );
}

/// DynamoDB counts writes by the kilobyte. So a debit's writes must not grow with the number of grants.
#[tokio::test]
async fn a_debit_writes_as_much_with_four_hundred_grants_as_with_one() {
    let world = World::at_noon().await;
    let ledger = world.ledger();
    for number in 0..400 {
        let new = NewCredit {
            id: format!("grant_{number}").parse().unwrap(),
            source: Source::Manual,
            purchase: None,
            ..purchase("grant")
        };
        let (now, deadline) = (
            Clock::system().now(),
            Deadline::lasting(&Clock::system(), WITHIN),
        );
        let credited = ledger.credit(&new, &deadline.starting(now)).await;
        assert!(matches!(credited, Ok(Credited::Recorded(_))));
    }
    let item = |sk: &str| world.item("A#acct_a", sk);
    let grants = item("G");
    assert!(grants.to_string().len() > 20 * 1_024);

    world.spend("acct_a", "k1", 1).await;

    assert_eq!(item("G"), grants, "a debit wrote the grants");
    assert!(item("A").to_string().len() < 1_024);
    let written = world.items("E#use_");
    assert!(written.iter().all(|entry| entry.to_string().len() < 1_024));
    world.sparks(&["verify"]).await.unwrap();
}
