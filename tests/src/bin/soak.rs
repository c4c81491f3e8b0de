//! `make soak`: records many usages while a twentieth of all requests fails. It also finds the rate that holds.
//!
//! The functions run as in Lambda, in processes of their own; table, fakes, gateway and callers are this process. The
//! printed rates depend on the machine; the sums must be exact on every machine.

#![expect(clippy::print_stdout, reason = "what a command is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "callers do not wait for each other"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::future::join_all;
use local::faults::Fault;
use local::lambda::Fleet;
use serde_json::{Value, json};
use tests::World;
use tests::model::print;

/// The number of usages in a batch.
const TOGETHER: usize = 45;

/// The Sparks granted to each account.
const GRANTED: i64 = 10_000_000;

/// The number of callers, each with one call in flight.
const CALLERS: usize = 4;

/// The most attempts of a call.
const ATTEMPTS: u32 = 100;

/// One request in this many fails, at each system.
const ONE_IN: u32 = 20;

/// The number of times that memory is printed.
const LOOKS: usize = 20;

/// The time for which a rate is kept up.
const KEPT_UP: Duration = Duration::from_secs(5);

/// The acceptable latency at the 99th percentile.
const PATIENCE: Duration = Duration::from_millis(250);

/// Records many usages while requests fail, and finds the rate that holds without faults.
#[derive(Parser)]
struct Arguments {
    /// Number of usages.
    #[arg(long, default_value_t = 200_000)]
    usages: usize,
    /// Number of accounts.
    #[arg(long, default_value_t = 50)]
    accounts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let world = World::start().await;
    let (world, fleets) = world.in_processes().await;
    let world = Arc::new(world);
    for account in 0..arguments.accounts {
        world.grant(&name(account), &GRANTED.to_string()).await;
        world.grant(&format!("rate_{account}"), "10000").await;
    }
    find_rate(&world, arguments.accounts).await;
    let spent = soak(&world, &fleets["record-usage"], &arguments).await;
    let Some(world) = Arc::into_inner(world) else {
        println!("a caller is still running");
        return ExitCode::FAILURE;
    };
    judge(&world, &arguments, &spent).await
}

fn name(account: usize) -> String {
    format!("acct_{account}")
}

fn body(tokens: usize) -> Value {
    json!({"usage": [{"meter": "ai_tokens", "input_tokens": tokens}]})
}

/// Raises the rate of single usages until the answers come too late.
async fn find_rate(world: &Arc<World>, accounts: usize) {
    let mut number = 0;
    for rate in [25, 50, 100, 150, 200, 300, 400, 600, 800, 1_200] {
        let late = at_rate(world, accounts, rate, &mut number).await;
        if late > PATIENCE {
            break;
        }
    }
}

/// Keeps up a rate, whatever the outcome of the calls; returns the 99th percentile.
///
/// A call's latency counts from the time at which it was due.
async fn at_rate(world: &Arc<World>, accounts: usize, rate: u32, number: &mut usize) -> Duration {
    let (began, pause) = (Instant::now(), Duration::from_secs(1) / rate);
    let mut calls = Vec::new();
    let mut due = began;
    while due < began + KEPT_UP {
        tokio::time::sleep_until(due.into()).await;
        let (world, key) = (Arc::clone(world), format!("rate{number}"));
        let account = format!("rate_{}", *number % accounts);
        *number += 1;
        calls.push(tokio::spawn(async move {
            let answer = world.record(&account, &key, &body(1)).await;
            (answer.status == 201, due.elapsed())
        }));
        due += pause;
    }
    let calls = join_all(calls).await;
    let took = began.elapsed();
    let calls: Vec<(bool, Duration)> = calls.into_iter().filter_map(Result::ok).collect();
    let recorded = calls.iter().filter(|(recorded, _)| *recorded).count();
    let mut times: Vec<Duration> = calls.iter().map(|(_, time)| *time).collect();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{rate:>5} usages a second: {recorded} of {} recorded in {took:.1?}, p50 {:.1?}, p99 {:.1?}",
        calls.len(),
        at(50),
        at(99)
    );
    at(99)
}

/// Makes one request in twenty fail at each system. It gets a 500, a lost reply or a refused connection.
fn make_worse(world: &World) {
    let systems = [
        world.stack.dynamodb.faults(),
        world.stack.stripe.faults(),
        world.stack.langfuse.faults(),
    ];
    for faults in systems {
        for fault in ["status:500", "lost_reply", "refuse"] {
            let fault = Fault::new("/", fault).expect("a fault");
            faults.add(fault.every(3 * ONE_IN).times(u32::MAX));
        }
    }
}

/// Runs the callers until all usages are recorded; returns each account's spending in milli-Sparks.
async fn soak(world: &Arc<World>, fleet: &Fleet, arguments: &Arguments) -> BTreeMap<String, i64> {
    make_worse(world);
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let units = arguments.usages.div_ceil(TOGETHER);
    let (usages, accounts) = (arguments.usages, arguments.accounts);
    let callers = (0..CALLERS).map(|_| {
        let (world, fleet, next) = (Arc::clone(world), fleet.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut spent = Vec::new();
            loop {
                let unit = next.fetch_add(1, Ordering::Relaxed);
                if unit >= units {
                    return spent;
                }
                let first = unit * TOGETHER;
                let count = TOGETHER.min(usages - first);
                let account = name(unit % accounts);
                spent.push((
                    account.clone(),
                    record(&world, &account, first, count).await,
                ));
                if unit.is_multiple_of(units.div_ceil(LOOKS)) {
                    println!(
                        "{first:>8} usages after {:.0?}: {}",
                        began.elapsed(),
                        memory(&fleet)
                    );
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut spent: BTreeMap<String, i64> = BTreeMap::new();
    for caller in join_all(callers).await {
        for (account, milli) in caller.expect("a caller does not panic") {
            *spent.entry(account).or_default() += milli;
        }
    }
    println!(
        "{usages:>8} usages after {:.0?}: {}",
        began.elapsed(),
        memory(fleet)
    );
    for faults in [
        world.stack.dynamodb.faults(),
        world.stack.stripe.faults(),
        world.stack.langfuse.faults(),
    ] {
        println!("{} requests went wrong", faults.fired("/"));
        faults.clear();
    }
    spent
}

/// Retries usages until each is recorded, a tenth of them one by one. Returns their cost in milli-Sparks.
async fn record(world: &World, account: &str, first: usize, count: usize) -> i64 {
    let numbers = first..first + count;
    let tokens = |number: usize| 1 + number % 97;
    if (first / TOGETHER).is_multiple_of(10) {
        for number in numbers.clone() {
            let (key, body) = (format!("k{number}"), body(tokens(number)));
            let mut attempts = 1;
            while world.record(account, &key, &body).await.status != 201 {
                attempts += 1;
                assert!(attempts < ATTEMPTS, "{key} is never recorded");
            }
        }
    } else {
        let items = numbers.clone().map(|number| {
            let mut item = body(tokens(number));
            item["idempotency_key"] = format!("k{number}").into();
            item
        });
        let items: Vec<Value> = items.collect();
        for attempt in 1.. {
            assert!(
                attempt < ATTEMPTS,
                "the batch from {first} on is never recorded"
            );
            let answer = world.record_batch(account, &items).await;
            let results = answer.body["results"].as_array();
            if results.is_some_and(|results| results.iter().all(|result| result["status"] == 201)) {
                break;
            }
        }
    }
    let milli = numbers.map(|number| i64::try_from(tokens(number) * 100).expect("little is used"));
    milli.sum()
}

/// Returns the memory of each process of a function.
fn memory(fleet: &Fleet) -> String {
    let held = fleet.lambdas().into_iter().filter_map(|lambda| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", lambda.process_id()?));
        let status = status.ok()?;
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Some(held?.trim().to_owned())
    });
    held.collect::<Vec<String>>().join(", ")
}

/// Delivers everything, and compares the result with the usages recorded.
async fn judge(world: &World, arguments: &Arguments, spent: &BTreeMap<String, i64>) -> ExitCode {
    let began = Instant::now();
    while world.pending() > 0 && began.elapsed() < Duration::from_mins(30) {
        world.try_to_deliver().await;
        let (waiting, passed) = (world.pending(), began.elapsed());
        println!("{waiting:>8} usages wait after {passed:.0?} without faults");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    world.assert_delivered_once();
    let mut used: BTreeMap<String, (usize, i64)> = BTreeMap::new();
    for entry in world.items("E#use_") {
        let account = entry["account"]["S"].as_str().unwrap_or_default();
        let amount = entry["amount"]["N"].as_str().unwrap_or_default();
        let used = used.entry(account.to_owned()).or_default();
        used.0 += 1;
        used.1 -= amount.parse::<i64>().expect("an amount");
    }
    let mut wrong = 0;
    for (account, milli) in spent {
        let left = print(GRANTED * 1_000 - milli);
        let told = world.available(account).await;
        let booked = used.get(account).map_or(0, |used| used.1);
        if told != left || booked != *milli {
            println!("{account} spent {milli}: {booked} are booked, {told} are left");
            wrong += 1;
        }
    }
    let count: usize = spent
        .keys()
        .filter_map(|account| used.get(account))
        .map(|used| used.0)
        .sum();
    println!(
        "{count} usages of {} accounts, each delivered once: {wrong} wrong sums",
        spent.len()
    );
    if wrong == 0 && count == arguments.usages {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
