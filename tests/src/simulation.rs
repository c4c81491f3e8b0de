//! A simulation of the whole system in virtual time. A seed decides on the faults.
//!
//! The functions run in one thread; a simulated network connects them to the systems. A run has two halves. First apps,
//! buyers, banks, the webhook courier and the operator act, and retry if they get no answer. Meanwhile requests are refused,
//! lost, late, or answered with errors or from an older state, and processes die before and after each of them. Then
//! the faults end, and everything must be completed. The same seed gives the same run.

#![expect(
    clippy::disallowed_methods,
    reason = "callers give up while functions go on, and work after an answer is detected"
)]

mod actors;
mod auditor;
mod calls;
mod endings;
mod expectations;
mod fleet;
mod flows;
mod items;
pub mod load;
mod log;
mod network;
mod plan;
mod second_half;
mod setting;
mod shrink;

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use local::dynamodb::{Access, Tables};
use local::langfuse::Langfuse;
use local::stripe::Stripe;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry;

use actors::{buyers, operator, usages, webhook_courier};
use calls::Call;
use expectations::Expectations;
use fleet::Fleet;
pub use flows::{crashes, pairs, singles};
use log::Log;
pub use network::KINDS;
use network::Network;
use plan::Plan;
pub use plan::{Flow, Options};
use setting::Setting;
pub use shrink::shrink;

/// The duration of a meter event's request, so that two of one customer can overlap.
const SERVICE_TIME: Duration = Duration::from_millis(20);

/// The result of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// A hash of all events: two runs with the same hash were the same.
    pub trace_hash: u64,
    /// The number of faults that struck, including those left out.
    pub struck: u64,
    /// The number of requests for which a fault could be chosen.
    pub requests: u64,
    /// The names of the actors.
    pub actors: Vec<String>,
    /// The number of faults by point and kind.
    pub faults: BTreeMap<(String, &'static str), u64>,
    /// The rules that were broken.
    pub violations: Vec<String>,
    /// The last events, a line for each request.
    pub trace: Vec<String>,
}

/// Plays the run of a seed.
pub fn run(seed: u64) -> Report {
    play(&Options::of(seed))
}

/// Plays a run.
///
/// # Panics
/// Panics if the machine has no thread for it, or the template cannot be used.
pub fn play(options: &Options) -> Report {
    let setting = Setting::get();
    in_virtual_time(options.seed, "debug", |log| {
        both_halves(options, setting, log)
    })
}

/// Plays something in virtual time, with a log of this level.
fn in_virtual_time<T, F>(seed: u64, level: &str, play: impl FnOnce(Log) -> F) -> T
where
    F: Future<Output = T>,
{
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let log = Log::default();
    let lookup = |name: &str| (name == "RUST_LOG").then(|| level.to_owned());
    let writer = log.clone();
    let logs = telemetry::logs(Environment::from_lookup(&lookup), move |line| {
        writer.write(line);
    });
    let _written = tracing::subscriber::set_default(logs.expect("a filter"));
    runtime.expect("a runtime").block_on(play(log))
}

async fn both_halves(options: &Options, setting: &Setting, log: Log) -> Report {
    let world = Arc::new(World::new(options, setting, log));
    let courier = tokio::spawn(webhook_courier::run(Arc::clone(&world)));
    world.network.is_faulty(true);
    let schedule = options
        .flow
        .is_none()
        .then(|| tokio::spawn(schedule(Arc::clone(&world))));
    let (names, actors): (Vec<String>, Vec<Actor>) = world.actors(options).into_iter().unzip();
    join_all(actors).await;
    if let Some(schedule) = schedule {
        schedule.abort();
    }
    world.sit_out().await;
    world.network.is_faulty(false);
    world.complete().await;
    courier.abort();
    world.look_at_log();
    world.judge();
    Report {
        trace_hash: world.network.trace_hash(),
        struck: world.network.struck(),
        requests: world.network.requests(),
        actors: names,
        faults: world.network.faults(),
        violations: world.network.violations(),
        trace: world.network.trace(),
    }
}

/// Runs the outbox every few seconds, sometimes twice at once.
async fn schedule(world: Arc<World>) {
    loop {
        let pause = Duration::try_from(world.plan.outbox_every).unwrap_or_default();
        world.clock.sleep(pause).await;
        let times = if world.network.strikes("schedule", "twice", 6) {
            2
        } else {
            1
        };
        for _ in 0..times {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.deliver().await });
        }
    }
}

/// The systems, the functions, and the answers that the actors received.
struct World {
    plan: Plan,
    tables: Tables,
    stripe: Stripe,
    langfuse: Langfuse,
    network: Network,
    clock: Clock,
    fleet: Fleet,
    expectations: Expectations,
    log: Log,
    environment: BTreeMap<String, String>,
    webhook_secret: String,
    thin_secret: String,
    seed: u64,
}

type Actor = Pin<Box<dyn Future<Output = ()>>>;

impl World {
    fn new(options: &Options, setting: &Setting, log: Log) -> Self {
        Self::with(options, Plan::of(options), setting, log, Tables::new)
    }

    fn with(
        options: &Options,
        plan: Plan,
        setting: &Setting,
        log: Log,
        tables: impl FnOnce(Access, local::clock::Clock) -> Tables,
    ) -> Self {
        let clock = Clock::starting_at(plan.start);
        let told = clock.clone();
        let time = local::clock::Clock::told_by(move || told.now());
        let tables = tables(Access::default(), time.clone()).with_changes();
        tables
            .create_table(&setting.table)
            .expect("the template's table");
        let stripe = Stripe::of_copy(&setting.stripe, time.clone()).expect("a copy");
        let (stripe, langfuse) = (stripe.with_service_time(SERVICE_TIME), Langfuse::new(time));
        langfuse.set(plan.langfuse);
        let network = Network::new(options, &plan, (&tables, &stripe, &langfuse), &clock);
        Self {
            plan,
            tables,
            stripe,
            langfuse,
            network,
            clock,
            fleet: Fleet::default(),
            expectations: Expectations::default(),
            log,
            environment: setting.environment.clone(),
            webhook_secret: setting.webhook_secret.clone(),
            thin_secret: setting.thin_secret.clone(),
            seed: options.seed,
        }
    }

    /// Returns an actor's own random numbers, which do not depend on the other actors.
    fn random(&self, whose: &str) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.seed, whose).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }

    /// Returns all actors but the idle ones.
    fn actors(self: &Arc<Self>, options: &Options) -> Vec<(String, Actor)> {
        if let Some(flow) = options.flow {
            let actor = flows::go_through(Arc::clone(self), flow);
            return vec![(format!("{flow:?}"), Box::pin(actor))];
        }
        let mut actors: Vec<(String, Actor)> = Vec::new();
        for account in self.accounts() {
            let world = || Arc::clone(self);
            let all: [(&str, Actor); 4] = [
                ("app", Box::pin(usages::record(world(), account.clone()))),
                ("buyer", Box::pin(buyers::buy(world(), account.clone()))),
                (
                    "operator",
                    Box::pin(operator::grant(world(), account.clone())),
                ),
                ("reader", Box::pin(look(world(), account.clone()))),
            ];
            let all = all.map(|(who, actor)| (format!("{who} of {account}"), actor));
            actors.extend(
                all.into_iter()
                    .filter(|(who, _)| !options.idle.contains(who)),
            );
        }
        actors
    }

    fn accounts(&self) -> Vec<String> {
        (0..self.plan.accounts)
            .map(|number| format!("acct_{number}"))
            .collect()
    }
}

/// Reads an account now and then.
async fn look(world: Arc<World>, account: String) {
    let mut random = world.random(&format!("reader {account}"));
    for _ in 0..random.u8(0..4) {
        world.pause(&mut random, 20_000).await;
        let call = if random.bool() {
            Call::balance(&account)
        } else {
            Call::ledger(&account)
        };
        if let Some(answer) = world.insist(&call, 3).await
            && answer.status != 200
        {
            let what = format!("{account} was read: {} {}", answer.status, answer.body);
            world.network.violation(what);
        }
    }
}
