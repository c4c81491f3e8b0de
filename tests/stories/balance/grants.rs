//! Grants: the free plan's months, the order in which grants burn, and their expiry.

use futures_util::future::join_all;
use http::StatusCode;
use jiff::Timestamp;
use shared::ledger::{Credited, Grant, NewCredit, Source};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::sparks::Sparks;
use tests::{World, count};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn deadline() -> Deadline {
    Deadline::lasting(&Clock::system(), std::time::Duration::from_secs(20))
}

/// A credit of whole Sparks to `acct_a`.
fn credit(id: &str, source: Source, sparks: i64, expires_at: Option<Timestamp>) -> NewCredit {
    NewCredit {
        id: id.parse().unwrap(),
        account: "acct_a".parse().unwrap(),
        source,
        sparks: Sparks::from_milli(sparks * 1_000),
        expires_at,
        reason: None,
        free_plan: false,
        purchase: None,
    }
}

fn left(grants: &[Grant]) -> Vec<(&str, i64)> {
    let left = grants.iter();
    left.map(|grant| (grant.id.as_str(), grant.remaining.milli()))
        .collect()
}

#[tokio::test]
async fn each_month_brings_its_free_sparks_and_the_previous_ones_expire() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    world.spend("acct_a", "k1", 4_000).await;
    assert_eq!(world.available("acct_a").await, "6000.000");
    let world = world.until("2026-12-01T00:00:01Z").await;
    // The month's first request is a usage that the remainder of November's Sparks would not cover.
    world.spend("acct_a", "k2", 9_000).await;
    assert_eq!(world.available("acct_a").await, "1000.000");
    assert_eq!(world.entry("free#acct_a#2026-12"), Some(10_000_000));
    assert_eq!(world.entry("exp#free#acct_a#2026-11"), Some(-6_000_000));
    // The account makes no request in January.
    let world = world.until("2027-02-10T00:00:00Z").await;
    assert_eq!(
        world.grants("acct_a").await,
        [("free".to_owned(), "10000.000".to_owned())]
    );
    assert_eq!(world.entry("free#acct_a#2027-01"), None);
    world.sparks(&["verify", "acct_a"]).await.unwrap();
}

#[tokio::test]
async fn concurrent_first_requests_of_a_month_bring_its_free_sparks_once() {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let token = world.token("acct_a");
    let reads = (0..8).map(|_| world.get("/v1/balance", Some(&token)));
    for read in join_all(reads).await {
        assert_eq!(read.body["available"], "10000.000");
    }
    let world = world.until("2026-12-01T00:00:01Z").await;
    let recorded = world.record_at_once("acct_a", 12, 10_000).await;
    assert_eq!(count(&recorded, 201), 10);
    assert_eq!(world.available("acct_a").await, "0.000");
    let entries = world.entries("acct_a");
    let free = entries.iter().filter(|(id, _)| id.starts_with("free#"));
    assert_eq!(free.count(), 2);
    world.sparks(&["verify", "acct_a"]).await.unwrap();
}

#[tokio::test]
async fn an_account_made_by_a_grant_has_no_free_sparks_until_it_is_given_the_plan() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    assert_eq!(world.available("acct_a").await, "1.000");
    world
        .sparks(&["grant", "acct_a", "1", "--reason", "kind", "--plan", "free"])
        .await
        .unwrap();
    assert_eq!(world.available("acct_a").await, "10002.000");
}

/// Grant A has 100 Sparks without an expiry, and 60 of them are spent. Then grant B comes with 50 that expire.
///
/// B burns first: after 50 more are spent, A has 40 and B has none.
#[tokio::test]
async fn a_grant_that_burns_before_older_ones_pays_only_for_later_debits() {
    let world = World::start().await;
    let ledger = world.ledger();
    let now = Clock::system().now();
    let ends = Some(now + jiff::SignedDuration::from_hours(24));
    let a = credit("a", Source::Pack, 100, None);
    ledger.credit(&a, &deadline().starting(now)).await.unwrap();
    world.spend("acct_a", "k1", 60).await;
    let b = credit("b", Source::Pack, 50, ends);
    ledger.credit(&b, &deadline().starting(now)).await.unwrap();
    world.spend("acct_a", "k2", 50).await;
    let account = ledger
        .holdings(&a.account, &deadline())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(left(&account.grants_left().unwrap()), [("a", 40_000)]);
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn concurrent_credits_are_all_recorded() {
    let world = World::start().await;
    let ledger = world.ledger();
    let now = Clock::system().now();
    let credits: Vec<NewCredit> = (0..8)
        .map(|number| credit(&format!("c{number}"), Source::Pack, 10, None))
        .collect();
    let deadline = &deadline().starting(now);
    let all = credits.iter().map(|new| ledger.credit(new, deadline));
    for credited in join_all(all).await {
        assert!(matches!(credited, Ok(Credited::Recorded(_))));
    }
    let account = ledger.holdings(&credits[0].account, deadline).await;
    assert_eq!(account.unwrap().unwrap().grants_left().unwrap().len(), 8);
    world.sparks(&["verify"]).await.unwrap();
}

/// A burst of debits spans the expiry of a grant. There are two clocks, five minutes apart.
#[tokio::test]
async fn a_grant_that_expires_during_a_burst_is_exact_with_either_clock() {
    let start = at("2026-11-22T12:00:00Z");
    let world = World::start_with(&[], Clock::starting_at(start)).await;
    let ledger = world.ledger();
    let ends = start + jiff::SignedDuration::from_mins(2);
    let ending = credit("ending", Source::Promo, 500, Some(ends));
    ledger
        .credit(&ending, &deadline().starting(start))
        .await
        .unwrap();
    let staying = credit("staying", Source::Pack, 500, None);
    ledger
        .credit(&staying, &deadline().starting(start))
        .await
        .unwrap();
    // This clock is before the expiry; the other, five minutes ahead, sees it in the middle of the burst.
    let ahead = start + jiff::SignedDuration::from_mins(5);
    let debits = world.record_at_once("acct_a", 20, 100);
    let deadline = &deadline().starting(ahead);
    let seen = ledger.settled_account(&ending.account, deadline);
    let (debits, seen) = tokio::join!(debits, seen);
    seen.unwrap();
    for debit in debits {
        debit.expect(StatusCode::CREATED);
    }
    let lost = world.entry("exp#ending").unwrap();
    let available = 1_000_000 - 200_000 + lost;
    assert_eq!(world.sum_of_entries("acct_a"), available);
    let account = ledger.holdings(&ending.account, deadline).await;
    let account = account.unwrap().unwrap();
    assert_eq!(
        left(&account.grants_left().unwrap()),
        [("staying", available)]
    );
    world.sparks(&["verify"]).await.unwrap();
}
