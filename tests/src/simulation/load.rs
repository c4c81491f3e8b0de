//! Load on accounts, in virtual time: the production code over a table whose transactions conflict.
//!
//! The only failures are those that load itself causes: transactions that conflict on an item, partitions without
//! throughput, environments that are all busy. The same load gives the same run.

mod report;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use local::dynamodb::{Pace, Tables};
use serde_json::Value;

use super::World;
use super::calls::{Answer, Call};
use super::in_virtual_time;
use super::log::Log;
use super::plan::{Options, Plan, RoundTrips};
use super::setting::Setting;
use report::Requests;
pub use report::{Report, Served};

/// The most environments of a function: Lambda's usual quota. A request beyond it is shed with a 503.
pub const MOST_ENVIRONMENTS: usize = 1_000;

/// The time that a new environment takes to start.
const COLD_START: Duration = Duration::from_millis(120);

/// The round trips of the functions' requests, without the time that a transaction takes.
const ROUND_TRIPS: RoundTrips = RoundTrips {
    transaction: Duration::from_millis(4),
    plain: Duration::from_millis(5),
    provider: Duration::from_millis(100),
};

/// The Sparks granted to each account.
const SPARKS: &str = "1000000000";

/// The busy account.
pub const BUSY: &str = "acct_busy";
/// The account beside the busy one.
pub const BESIDE: &str = "acct_beside";

/// The most retries of a refused request after the load.
const ATTEMPTS: u32 = 20;

/// Load on two accounts: single usages, each with its own key.
#[derive(Clone, Debug)]
pub struct Load {
    /// Usages a second of the busy account, at random times.
    pub busy: u32,
    /// Usages a second of the account beside it, evenly spaced.
    pub beside: u32,
    /// The duration of the load.
    pub lasts: Duration,
    /// True if usages name a member, and so have one more roll-up.
    pub member: bool,
    /// The pace of the table.
    pub pace: Pace,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// Plays a load.
pub fn play(load: &Load) -> Report {
    let setting = Setting::get();
    in_virtual_time(load.seed, "warn", |log| bear(load, setting, log))
}

async fn bear(load: &Load, setting: &Setting, log: Log) -> Report {
    let options = Options::of(load.seed);
    let plan = Plan {
        cold_start: COLD_START,
        round_trips: Some(ROUND_TRIPS),
        ..Plan::quiet(&options)
    };
    let world = World::with(&options, plan, setting, log, |access, clock| {
        Tables::new(access, clock).with_pace(load.pace.clone())
    });
    let world = Arc::new(world);
    for account in [BUSY, BESIDE] {
        let granted = world
            .sparks(&["grant", account, SPARKS, "--reason", "load"])
            .await;
        granted.expect("a grant");
        // The first usage creates the customer, and starts an environment.
        let first = world.record(account, "first", load.member).await;
        assert_eq!(first.status(), Some(201), "{first:?}");
    }
    let before = world.tables.consumed();
    let busy = send_at_random(&world, load);
    let beside = send_evenly(&world, load);
    let (busy, beside) = tokio::join!(busy, beside);
    let consumed = world.tables.consumed();
    let mut report = Report::new(&before, &consumed, world.most_at_work());
    for (account, requests) in [(BUSY, busy), (BESIDE, beside)] {
        let again = again(&world, account, load.member, &requests).await;
        report.add(account, &requests, again);
    }
    report.count_usages(&world.items());
    report.violations = world.network.violations();
    report
}

/// Sends the busy account's usages at random times, and waits until all are answered.
#[expect(
    clippy::float_arithmetic,
    reason = "a random time between two requests is not money"
)]
async fn send_at_random(world: &Arc<World>, load: &Load) -> Requests {
    let mut random = world.random("arrivals");
    let mut at = Duration::ZERO;
    let mut arrivals = Vec::new();
    let mut pause =
        || Duration::try_from_secs_f64(-(1.0 - random.f64()).ln() / f64::from(load.busy));
    // At a rate of zero the first pause is longer than any duration.
    while let Ok(pause) = pause() {
        at += pause;
        if at >= load.lasts {
            break;
        }
        arrivals.push(at);
    }
    send(world, BUSY, load.member, arrivals).await
}

/// Sends the other account's usages at even intervals.
async fn send_evenly(world: &Arc<World>, load: &Load) -> Requests {
    let seconds = u32::try_from(load.lasts.as_secs()).unwrap_or(u32::MAX);
    let each = Duration::from_secs(1) / load.beside.max(1);
    let arrivals = (0..load.beside * seconds).map(|number| each * number);
    send(world, BESIDE, load.member, arrivals.collect()).await
}

async fn send(
    world: &Arc<World>,
    account: &'static str,
    member: bool,
    arrivals: Vec<Duration>,
) -> Requests {
    let sent = arrivals.into_iter().enumerate().map(|(number, at)| {
        let world = Arc::clone(world);
        tokio::spawn(async move {
            world.clock.sleep(at).await;
            let key = format!("usage_{number}");
            let outcome = world.record(account, &key, member).await;
            (key, outcome)
        })
    });
    let sent: Vec<_> = sent.collect();
    let answered = join_all(sent).await;
    answered
        .into_iter()
        .map(|one| one.expect("an answer"))
        .collect()
}

/// Retries refused requests under the same keys; returns how many succeed.
async fn again(world: &Arc<World>, account: &str, member: bool, requests: &Requests) -> usize {
    let mut succeeded = 0;
    for (key, _) in requests.iter().filter(|(_, outcome)| outcome.is_refused()) {
        for _ in 0..ATTEMPTS {
            let outcome = world.record(account, key, member).await;
            if outcome.status() == Some(201) {
                succeeded += 1;
                break;
            }
            world.clock.sleep(Duration::from_secs(1)).await;
        }
    }
    succeeded
}

/// The outcome of a request.
#[derive(Clone, Debug)]
enum Outcome {
    /// API Gateway refused it, because all environments were busy.
    Shed,
    /// There was no answer in time.
    Unanswered,
    Answered {
        answer: Answer,
        /// The time from the handler's start to its answer.
        took: Duration,
        /// The time from the handler's start to its commit, if it wrote anything.
        committed_after: Option<Duration>,
    },
}

impl Outcome {
    pub(super) fn status(&self) -> Option<u64> {
        match self {
            Self::Answered { answer, .. } => Some(answer.status),
            Self::Shed | Self::Unanswered => None,
        }
    }

    /// Returns whether a retry may succeed.
    pub(super) fn is_refused(&self) -> bool {
        match self {
            Self::Answered { answer, .. } => !answer.is_final(),
            Self::Shed | Self::Unanswered => true,
        }
    }
}

impl World {
    /// Records a usage once, without a retry.
    async fn record(self: &Arc<Self>, account: &str, key: &str, member: bool) -> Outcome {
        if self.at_work() >= MOST_ENVIRONMENTS {
            return Outcome::Shed;
        }
        let call = Call::usage(account, key, &usage(member));
        match self.call_once(&call).await {
            Some((answer, invocation)) => Outcome::Answered {
                answer,
                took: invocation.took,
                committed_after: invocation.committed_after,
            },
            None => Outcome::Unanswered,
        }
    }
}

fn usage(member: bool) -> Value {
    let mut usage = crate::tokens(10);
    if member {
        usage["member_id"] = "member_1".into();
    }
    usage
}
