//! Killed functions lose nothing and do nothing twice: `kill -9` of the real binaries.
//!
//! State changes only when a request takes effect. Killing a process after each of its requests, before the response,
//! therefore covers every moment that makes a difference.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use jiff::SignedDuration;
use local::faults::{Fault, Faults};
use local::lambda::Fleet;
use shared::process::clock::Clock;
use tests::{Answer, CARD, World, session_id, tokens};

/// Rounds of kills at random moments.
const ROUNDS: usize = 20;

/// Maximum attempts of a caller until a call succeeds.
const ATTEMPTS: usize = 100;

fn systems(world: &World) -> [(&'static str, Faults); 3] {
    [
        ("dynamodb", world.stack.dynamodb.faults().clone()),
        ("stripe", world.stack.stripe.faults().clone()),
        ("langfuse", world.stack.langfuse.faults().clone()),
    ]
}

/// Kills a call after its first request to a system, then one after its second. It goes on until a call makes no
/// further request.
///
/// Each call has its own account, and is repeated after the kill until it succeeds. Returns the kills per system.
async fn killed_after_each_request<T>(
    world: &World,
    fleet: &Fleet,
    prepare: impl AsyncFn(String) -> T,
    call: impl AsyncFn(&T) -> Answer,
) -> BTreeMap<&'static str, u32> {
    let mut kills = BTreeMap::new();
    for (system, faults) in systems(world) {
        for number in 1.. {
            let prepared = prepare(format!("acct_{system}_{number}")).await;
            let late = Fault::new("/", "slow:1000").unwrap().every(number);
            faults.add(late);
            let killing = async {
                while faults.fired("/") == 0 {
                    tokio::task::yield_now().await;
                }
                fleet.kill().await;
            };
            let mut calling = Box::pin(call(&prepared));
            let came_through = tokio::select! {
                answer = &mut calling => Some(answer),
                () = killing => None,
            };
            faults.clear();
            lose_webhooks(world);
            if let Some(answer) = came_through {
                assert!(answer.status < 300, "{answer:?}");
                break;
            }
            let killed = calling.await;
            assert_eq!(killed.status, 500, "{killed:?}");
            until_answered(async || call(&prepared).await).await;
            kills.insert(system, number);
        }
    }
    kills
}

/// Repeats a call that fails with a 5xx until it succeeds.
async fn until_answered(call: impl AsyncFn() -> Answer) -> Answer {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let answer = call().await;
        if answer.status < 300 {
            return answer;
        }
        assert!(answer.status >= 500, "{answer:?}");
        last = Some(answer);
    }
    panic!("no success, last: {last:?}");
}

/// Starts a world that loses its webhooks and runs its functions as processes.
async fn in_processes() -> (World, BTreeMap<String, Fleet>) {
    let (world, fleets) = World::start().await.in_processes().await;
    lose_webhooks(&world);
    (world, fleets)
}

fn lose_webhooks(world: &World) {
    world.drop_webhooks();
}

/// Returns the number of accounts. There is one per kill, plus one per system, whose call came through.
fn accounts(kills: &BTreeMap<&str, u32>) -> usize {
    usize::try_from(kills.values().sum::<u32>() + 3).unwrap()
}

#[tokio::test]
async fn a_usage_whose_function_is_killed_after_any_request_is_charged_and_delivered_once() {
    let (world, fleets) = in_processes().await;
    let prepare = async |account: String| {
        world.grant(&account, "100").await;
        account
    };
    let call = async |account: &String| world.record(account, "k1", &tokens(10)).await;
    let kills = killed_after_each_request(&world, &fleets["record-usage"], prepare, call).await;

    assert!(kills["dynamodb"] >= 3 && kills["stripe"] >= 2, "{kills:?}");
    assert_eq!(kills["langfuse"], 1, "{kills:?}");
    assert_eq!(world.items("E#use_").len(), accounts(&kills));
    for (system, number) in kills {
        let available = world.available(&format!("acct_{system}_{number}")).await;
        assert_eq!(available, "99.000");
    }
    let world = world.drained().await;
    world.assert_delivered_once();
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn a_checkout_whose_function_is_killed_after_any_request_is_one_session_of_one_customer() {
    let (world, fleets) = in_processes().await;
    let order = world.order("pack_500k");
    let call = async |account: &String| world.checkout(account, "k1", &order).await;
    let prepare = async |account: String| account;
    let kills = killed_after_each_request(&world, &fleets["create-checkout"], prepare, call).await;

    assert!(kills["dynamodb"] >= 3 && kills["stripe"] >= 2, "{kills:?}");
    let state = world.stack.stripe.state();
    let count = |what: &str| state[what].as_array().unwrap().len();
    assert_eq!(
        (count("checkout_sessions"), count("customers")),
        (accounts(&kills), accounts(&kills))
    );
}

#[tokio::test]
async fn a_payment_whose_verification_is_killed_after_any_request_is_credited_once() {
    let (world, fleets) = in_processes().await;
    let call = async |(account, session): &(String, String)| world.verify(account, session).await;
    let prepare = async |account: String| paid(&world, account).await;
    let kills = killed_after_each_request(&world, &fleets["verify-payment"], prepare, call).await;

    assert!(kills["dynamodb"] >= 2 && kills["stripe"] >= 1, "{kills:?}");
    each_is_credited_once(&world, &kills);
}

#[tokio::test]
async fn a_payment_whose_webhook_is_killed_after_any_request_is_credited_once() {
    let (world, fleets) = in_processes().await;
    let call = async |(_, session): &(String, String)| {
        let events = world.stripe_objects("events");
        let event = events.iter().find(|event| {
            event["type"] == "checkout.session.completed"
                && event["data"]["object"]["id"] == **session
        });
        world.signed_webhook(event.unwrap()).await
    };
    let prepare = async |account: String| paid(&world, account).await;
    let kills = killed_after_each_request(&world, &fleets["stripe-webhook"], prepare, call).await;

    assert!(kills["dynamodb"] >= 2, "{kills:?}");
    each_is_credited_once(&world, &kills);
}

/// Pays for a pack; returns the account and its Checkout Session.
async fn paid(world: &World, account: String) -> (String, String) {
    let session = world.open(&account, "pack_500k").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    (account, session)
}

fn each_is_credited_once(world: &World, kills: &BTreeMap<&str, u32>) {
    let mut credited = 0;
    for (system, _) in systems(world) {
        for number in 1..=kills.get(system).unwrap_or(&0) + 1 {
            let credits = world.credits(&format!("acct_{system}_{number}"));
            assert_eq!(credits.len(), 1, "{system} {number}: {credits:?}");
            credited += 1;
        }
    }
    assert_eq!(credited, accounts(kills));
}

#[tokio::test]
async fn everything_is_charged_credited_and_delivered_once_under_random_kills() {
    let (mut calls, mut runs) = (0, 0);
    for _ in 0..ROUNDS {
        let cut_short = round().await;
        calls += cut_short.calls;
        runs += cut_short.runs;
    }
    println!("interrupted in {ROUNDS} rounds: {calls} API calls, {runs} outbox runs");
    assert!(calls > 0 && runs > 0, "no call or no outbox run was killed");
}

/// API calls and outbox runs that a round of kills interrupted.
#[derive(Clone, Copy, Default)]
struct CutShort {
    calls: usize,
    runs: usize,
}

/// Starts a world in which accounts have failed deliveries. Each account recorded its usage ten minutes earlier.
async fn with_usages_waiting(accounts: &[&str]) -> World {
    let start = Clock::system().now() - SignedDuration::from_mins(10);
    let variables = [("DELIVERY_BUDGET_MS", "300")];
    let world = World::start_with(&variables, Clock::starting_at(start)).await;
    for account in accounts {
        world.grant(account, "100").await;
        for (_, faults) in systems(&world).iter().skip(1) {
            let fault = *fastrand::choice(&["refuse", "lost_reply", "status:500"]).unwrap();
            faults.add(Fault::new("/", fault).unwrap().times(10));
        }
        world.spend(account, "before", 1).await;
        for (_, faults) in systems(&world) {
            faults.clear();
        }
    }
    world
}

/// Plays one round of random kills during usages, a purchase and outbox runs.
///
/// Usages recorded ten minutes earlier are still waiting to be delivered.
async fn round() -> CutShort {
    let accounts = ["acct_a", "acct_b", "acct_c", "acct_d"];
    let world = with_usages_waiting(&accounts).await;
    let (world, fleets) = world.in_processes().await;
    for (_, faults) in systems(&world) {
        let every = fastrand::u32(2..5);
        faults.add(Fault::new("/", "slow:40").unwrap().every(every).times(20));
    }

    let (calls, runs) = (Cell::new(0), Cell::new(0));
    let ended = Cell::new(false);
    let counted = |answer: Answer| {
        calls.set(calls.get() + usize::from(answer.status == 500));
        answer
    };
    let record = async |account: &'static str| {
        until_answered(async || counted(world.record(account, "during", &tokens(10)).await)).await;
    };
    let buy = async {
        let order = world.order("pack_500k");
        let open = async || counted(world.checkout("acct_a", "pack", &order).await);
        let session = session_id(&until_answered(open).await);
        world.pay(&session, CARD).await.expect(StatusCode::OK);
        until_answered(async || counted(world.verify("acct_a", &session).await)).await;
    };
    let deliver = async {
        for _ in 0..3 {
            let report = world.try_to_deliver().await;
            runs.set(runs.get() + usize::from(report.is_none()));
        }
    };
    let work = async {
        tokio::join!(join_all(accounts.map(record)), buy, deliver);
        ended.set(true);
    };
    let kill = async {
        let fleets: Vec<&Fleet> = fleets.values().collect();
        for _ in 0..20 {
            // The sleep waits for nothing: it picks the random moment.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..60))).await;
            if ended.get() {
                break;
            }
            fastrand::choice(&fleets).unwrap().kill().await;
        }
    };
    tokio::join!(work, kill);

    for (_, faults) in systems(&world) {
        faults.clear();
    }
    let world = world.drained().await;
    assert_eq!(world.items("E#use_").len(), 2 * accounts.len());
    world.assert_delivered_once();
    assert_eq!(
        world.credits("acct_a").len(),
        2,
        "one grant and one purchase"
    );
    world.sparks(&["verify"]).await.unwrap();
    CutShort {
        calls: calls.get(),
        runs: runs.get(),
    }
}
