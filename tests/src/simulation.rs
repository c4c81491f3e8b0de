//! Everything that can go wrong, over and over, in virtual time: the functions in one thread, and between them and the
//! systems a network that a seed decides on.
//!
//! A run has two halves. First apps, buyers, banks, the postman and the operator do what they do, and do it again where
//! they were not answered, while requests are refused, lost, late, answered with errors or from an older state, and
//! processes die before and after each of them. Then nothing goes wrong any more, and everything must come to its end.
//! The same seed is the same run.

#![expect(
    clippy::disallowed_methods,
    reason = "callers give up while functions go on; what goes on after an answer is looked for"
)]

mod auditor;
mod banks;
mod books;
mod buyers;
mod calls;
mod endings;
mod fleet;
mod flows;
mod items;
pub mod load;
mod log;
mod network;
mod operator;
mod plan;
mod point;
mod postman;
mod process;
mod purchases;
mod renewals;
mod reversals;
mod secrets;
mod setting;
mod shrink;
mod tears;
mod usages;
mod verdict;
mod weather;

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use local::dynamodb::{Access, Tables};
use local::langfuse::Langfuse;
use local::stripe::Stripe;
use serde_json::json;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry;

use books::Books;
use calls::Call;
use fleet::{Fleet, Function};
pub use flows::{Flow, crashes, pairs, singles};
use log::Log;
use network::Network;
pub use plan::Options;
use plan::{Plan, Webhooks};
use setting::Setting;
pub use shrink::shrink;
use verdict::Waiting;
pub use weather::KINDS;

/// How often the outbox is run at most until nothing waits.
const DRAINS: u32 = 10;

/// How long a meter event takes, so that two of one customer can overlap.
const SERVICE_TIME: Duration = Duration::from_millis(20);

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What happened, in a number: two runs with the same one were the same.
    pub trace_hash: u64,
    /// How many faults came, those included that were left out.
    pub struck: u64,
    /// How many requests there were for which a fault could be chosen.
    pub requests: u64,
    /// Who did something.
    pub actors: Vec<String>,
    /// How often each kind of fault came at each point.
    pub faults: BTreeMap<(String, &'static str), u64>,
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// What happened at last, a line for each request.
    pub trace: Vec<String>,
}

/// Plays the run of a seed.
pub fn run(seed: u64) -> Report {
    play(&Options::of(seed))
}

/// Plays a run.
///
/// # Panics
/// When the machine has no thread for it, or the template cannot be used.
pub fn play(options: &Options) -> Report {
    let setting = Setting::get();
    in_virtual_time(options.seed, "debug", |log| {
        both_halves(options, setting, log)
    })
}

/// Plays something whose time is not the machine's, with a log of this level.
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
    let postman = tokio::spawn(postman::walk(Arc::clone(&world)));
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
    world.come_to_an_end().await;
    postman.abort();
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

/// Runs the outbox each time that some seconds have passed, now and then twice at once.
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

/// The systems, the functions, and what everybody was told.
struct World {
    plan: Plan,
    tables: Tables,
    stripe: Stripe,
    langfuse: Langfuse,
    network: Network,
    clock: Clock,
    fleet: Fleet,
    books: Books,
    log: Log,
    environment: BTreeMap<String, String>,
    webhook_secret: String,
    thin_secret: String,
    seed: u64,
}

type Actor = Pin<Box<dyn Future<Output = ()>>>;

impl World {
    fn new(options: &Options, setting: &Setting, log: Log) -> Self {
        Self::with(options, Plan::of(options), setting, log, Tables::modelled)
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
        let tables = tables(Access::default(), time.clone());
        tables
            .create_table(setting.table.clone())
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
            books: Books::default(),
            log,
            environment: setting.environment.clone(),
            webhook_secret: setting.webhook_secret.clone(),
            thin_secret: setting.thin_secret.clone(),
            seed: options.seed,
        }
    }

    /// Numbers that are somebody's own, whatever the others do.
    fn random(&self, whose: &str) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.seed, whose).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }

    /// Everybody who does something, but for those who are idle.
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

    /// A system that is away for long, and what the others do meanwhile.
    async fn sit_out(self: &Arc<Self>) {
        let Some(outage) = self.plan.outage else {
            return;
        };
        self.network.is_down(outage.system, true);
        for account in self.accounts() {
            let (key, usage) = (
                "outage",
                books::Usage {
                    tokens: 7,
                    ..Default::default()
                },
            );
            self.books.begins(&account, key, &usage);
            usages::record_one(self, &account, key, &usage, 3).await;
        }
        let parts = 4;
        for _ in 0..parts {
            let part = outage.lasts / parts;
            self.clock
                .sleep(Duration::try_from(part).unwrap_or_default())
                .await;
            self.deliver().await;
        }
        self.network.is_down(outage.system, false);
    }

    /// Asks until everybody is answered, and lets time pass until nothing waits any more.
    async fn come_to_an_end(self: &Arc<Self>) {
        while self.at_work() > 0 {
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        for (account, key, usage) in self.books.asked() {
            usages::record_one(self, &account, &key, &usage, 20).await;
        }
        for order in self.books.all_orders() {
            buyers::open(self, &order.account, &order.key, order.item, 20).await;
        }
        // What the postman has on its way arrives within minutes.
        self.clock.sleep(Duration::from_mins(10)).await;
        for _ in 0..DRAINS {
            let redelivered = self.redeliver().await;
            let hours = match self.waiting() {
                Waiting::Nothing if !redelivered => break,
                // What was put off is due after minutes, and an order that nobody paid after a day.
                Waiting::Orders => 25,
                Waiting::Nothing | Waiting::Usages => 1,
            };
            self.clock.sleep(Duration::from_hours(hours)).await;
            self.deliver_twice().await;
        }
        self.clear_parked().await;
        if self.plan.has_aftermath {
            self.renew_plans().await;
            self.take_purchase_back().await;
        }
        self.end_plans(SignedDuration::MAX).await;
        self.look_at_backs().await;
        for account in self.accounts() {
            self.balances(&account).await;
        }
        if let Err(wrong) = self.sparks(&["verify"]).await {
            self.network.violation(format!("sparks verify: {wrong}"));
        }
    }

    /// Lets money that went back come to its end though no webhook came.
    async fn look_at_backs(&self) {
        let Webhooks::Lack(lost) = self.plan.webhooks else {
            return;
        };
        // The outbox looks daily at disputes that are not decided, and weekly at refunds that may fail.
        for hours in [25, 8 * 24] {
            self.clock.sleep(Duration::from_hours(hours)).await;
            self.deliver().await;
        }
        // Reversals without any webhook are found by the operator.
        let never_heard = ["charge.dispute.", "refund.", "credit_note."];
        if lost.iter().any(|lost| never_heard.contains(lost)) {
            self.reconcile_backs().await;
        }
    }

    /// What an account is told that it has is the sum of its entries.
    async fn balances(self: &Arc<Self>, account: &str) {
        let answer = self.insist(&Call::balance(account), 20).await;
        let answer = answer.map(|answer| answer.body).unwrap_or_default();
        let entries = self.items();
        let own = entries.iter().filter(|item| {
            items::text(item, "sk") == "E" && items::text(item, "account") == account
        });
        let sum: i64 = own.map(|entry| items::number(entry, "amount")).sum();
        if books::milli(&answer["available"]) != sum {
            let what = format!("{account} has {sum}, and is told {answer}");
            self.network.violation(what);
        }
    }

    /// What failed for good is compared with the providers, put back, and delivered.
    async fn clear_parked(self: &Arc<Self>) {
        if !self.any_parked() {
            return;
        }
        let day = SignedDuration::from_hours(23);
        if self.plan.outage.is_none_or(|outage| outage.lasts < day) {
            self.network.violation("something is parked".to_owned());
        }
        self.clock.sleep(Duration::from_hours(50)).await;
        if self.seed.is_multiple_of(2) {
            // Before anybody has asked Stripe what it has.
            self.redrive().await;
        }
        let mut day = self.plan.start.to_zoned(jiff::tz::TimeZone::UTC).date();
        for _ in 0..4 {
            // It fails where it finds something, and that is what it is for.
            let _found = self.sparks(&["reconcile", "--day", &day.to_string()]).await;
            day = day.tomorrow().expect("a day after");
        }
        self.redrive().await;
        for _ in 0..4 {
            self.clock.sleep(Duration::from_hours(1)).await;
            self.deliver().await;
        }
    }

    async fn redrive(&self) {
        let redriven = self.sparks(&["outbox", "redrive", "--all"]).await;
        self.network.note(&format!("redriven: {redriven:?}"));
    }

    /// Runs the outbox, and in some runs twice at once: a schedule comes at least once.
    async fn deliver_twice(&self) {
        if self.seed.is_multiple_of(8) {
            tokio::join!(self.deliver(), self.deliver());
        } else {
            self.deliver().await;
        }
    }

    /// Runs the outbox once.
    async fn deliver(&self) {
        // A run that fails is told of by its error, and the next one goes on.
        self.invoke(Function::DeliverOutbox, json!({})).await;
    }
}

/// Looks at an account now and then.
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
