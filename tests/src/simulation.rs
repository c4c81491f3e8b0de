//! Everything that can go wrong, over and over, in virtual time: the functions in one thread, and between them and the
//! systems a network that a seed decides on.
//!
//! A run has two halves. First clients record usage, and repeat what was not answered, while requests are refused, lost,
//! answered late or with errors, and processes die before and after each of them. Then nothing goes wrong any more, and
//! everything must come to its end. The same seed is the same run.

mod books;
mod network;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Context, LambdaEvent, service_fn};
use local::dynamodb::{Access, Tables};
use local::langfuse::Langfuse;
use local::stack::TABLE;
use local::stripe::{API_VERSION, SECRET_KEY, Stripe};
use local::template::Template;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::config::Environment;
use shared::telemetry::Lines;
use shared::transport::Transport;

use crate::invoke;
use books::Books;
use network::{Crash, Network};

/// How many accounts there are, and how many usages each records.
const ACCOUNTS: usize = 3;
const USAGES: usize = 6;

/// How often a client repeats what was not answered while everything goes wrong.
const ATTEMPTS: usize = 6;

/// How often the outbox runs.
const EVERY: SignedDuration = SignedDuration::from_secs(20);

/// How many runs of the outbox, an hour apart, everything needs at most to come to its end.
const LAST_RUNS: usize = 12;

/// What a client was told of a usage.
enum Outcome {
    /// It was charged, with this receipt.
    Charged(Value),
    /// There were too few Sparks.
    Refused,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What happened, in a number: two runs with the same one were the same.
    pub trace_hash: u64,
    /// How often each kind of fault came at each point.
    pub faults: BTreeMap<(String, &'static str), u64>,
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// What happened at last, a line for each request.
    pub trace: Vec<String>,
}

/// Plays the run of a seed.
///
/// # Panics
/// When the machine has no thread for it, or the template cannot be used.
pub fn run(seed: u64) -> Report {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(play(seed))
}

async fn play(seed: u64) -> Report {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    let clock = Clock::skipping_from(start);
    let world = World::new(seed, clock.clone());
    world.make_meter().await;
    world.network.begin();
    let clients = (0..ACCOUNTS).map(|number| client(&world, number));
    let done = Cell::new(false);
    let clients = async {
        let answered = join_all(clients).await;
        done.set(true);
        answered
    };
    let (answered, ()) = tokio::join!(clients, schedule(&world, &done));
    world.network.end();
    let mut books = Books::default();
    for (account, key, tokens, receipt) in answered.into_iter().flatten() {
        let receipt = match receipt {
            Some(receipt) => Some(receipt),
            // Whoever was never answered asks until there is an answer.
            None => world.record(&account, &key, tokens).await,
        };
        books.expect(&account, &key, tokens, receipt);
    }
    for _ in 0..LAST_RUNS {
        if !books::any_pending(&world.tables) {
            break;
        }
        clock.sleep(Duration::from_hours(1)).await;
        world.deliver().await;
        world.check();
    }
    let mut violations = world.network.violations();
    violations.extend(books.settle(&world.tables, &world.stripe, &world.langfuse));
    world.network.report(violations)
}

fn account(number: usize) -> String {
    format!("acct_{number}")
}

/// Records usages one after the other, each until it is answered or the patience is over.
async fn client(world: &World, number: usize) -> Vec<(String, String, u64, Option<Outcome>)> {
    let account = account(number);
    let mut answered = Vec::new();
    for usage in 0..USAGES {
        let (key, tokens) = (
            format!("k{usage}"),
            10 * (1 + world.network.number(0..5_000)),
        );
        let mut receipt = None;
        for _ in 0..ATTEMPTS {
            receipt = world.record(&account, &key, tokens).await;
            world.check();
            if receipt.is_some() {
                break;
            }
            let pause = world.network.number(1..2_000);
            world.clock.sleep(Duration::from_millis(pause)).await;
        }
        answered.push((account.clone(), key, tokens, receipt));
    }
    answered
}

/// Runs the outbox twice at once, each time that some seconds have passed, until the clients are done.
async fn schedule(world: &World, done: &Cell<bool>) {
    let mut next = world.clock.now() + EVERY;
    while !done.get() {
        if world.clock.now() < next {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::join!(world.deliver(), world.deliver());
        world.check();
        next = world.clock.now() + EVERY;
    }
}

/// The systems, and how functions reach them.
struct World {
    tables: Tables,
    stripe: Stripe,
    langfuse: Langfuse,
    network: Network,
    clock: Clock,
    environment: BTreeMap<String, String>,
}

impl World {
    fn new(seed: u64, clock: Clock) -> Self {
        let told = clock.clone();
        let time = local::clock::Clock::told_by(move || told.now());
        let template = Template::of_the_project(&Template::local_parameters());
        let template = template.expect("the template");
        let tables = Tables::open(None, Access::default()).expect("tables in memory");
        let made = tables.create_table(template.table_definition(TABLE));
        made.expect("the template's table");
        let (stripe, langfuse) = (
            Stripe::new(time.clone()).with_service_time(Duration::ZERO),
            Langfuse::new(time),
        );
        let network = Network::new(seed, &tables, &stripe, &langfuse, &clock);
        let environment = [
            ("TABLE_NAME", TABLE),
            ("STAGE", "local"),
            ("STRIPE_API_BASE", "https://stripe.local"),
            ("STRIPE_SECRET_KEY", "sk_test_local"),
            (
                "STRIPE_PRICE_IDS",
                "pack_125k=p1,pack_500k=p2,pack_2500k=p3,plus=p4",
            ),
            ("LANGFUSE_HOST", "https://langfuse.local"),
            ("LANGFUSE_PUBLIC_KEY", "pk-lf-local"),
            ("LANGFUSE_SECRET_KEY", "sk-lf-local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.local"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            tables,
            stripe,
            langfuse,
            network,
            clock,
            environment: environment.into(),
        }
    }

    /// A process of a function, which lives until it crashes.
    fn process<T>(&self, new: impl FnOnce(Environment<'_>, &Transport, Clock) -> T) -> (T, Crash) {
        let crash = Crash::default();
        let transport = self.network.transport(&crash);
        let lookup = |name: &str| self.environment.get(name).cloned();
        let app = new(
            Environment::from_lookup(&lookup),
            &transport,
            self.clock.clone(),
        );
        (app, crash)
    }

    /// Records a usage; answers what came of it, or nothing when that is not known.
    async fn record(&self, account: &str, key: &str, tokens: u64) -> Option<Outcome> {
        let (app, crash) = self.process(|environment, transport, clock| {
            record_usage::App::new(environment, transport, clock).expect("configured")
        });
        let event = json!({
            "version": "2.0", "routeKey": "POST /v1/usage", "rawPath": "/v1/usage", "rawQueryString": "",
            "headers": {"content-type": "application/json", "idempotency-key": key},
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "stage": "$default", "requestId": "r",
                "domainName": "local", "domainPrefix": "local", "time": "22/Nov/2026:12:00:00 +0000",
                "timeEpoch": 1_795_348_800_000_i64, "routeKey": "POST /v1/usage",
                "http": {"method": "POST", "path": "/v1/usage", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "authorizer": {"jwt": {"claims": {"sub": account}, "scopes": null}},
            },
            "isBase64Encoded": false,
            "body": json!({"usage": [{"meter": "ai_tokens", "input_tokens": tokens}]}).to_string(),
        });
        let handler = service_fn(|request| record_usage::handle(&app, request));
        let lines = Lines::default();
        let work = lines.keep(invoke(handler, event));
        let answer = work.unless(&crash).await?;
        let body = answer["body"].as_str().unwrap_or_default();
        match answer["statusCode"].as_u64() {
            Some(200 | 201) => Some(Outcome::Charged(serde_json::from_str(body).ok()?)),
            Some(402) => Some(Outcome::Refused),
            Some(503 | 500 | 429) => None,
            _ => {
                self.network.violation(format!("{account} {key}: {answer}"));
                None
            }
        }
    }

    /// Runs the outbox once.
    async fn deliver(&self) {
        let (app, crash) = self.process(|environment, transport, clock| {
            deliver_outbox::App::new(environment, transport, clock).expect("configured")
        });
        let event = LambdaEvent::new(json!({}), Context::default());
        let lines = Lines::default();
        let work = lines.keep(deliver_outbox::handle(&app, event));
        // A run that fails is told of by its error, and the next one goes on.
        let _failed = work.unless(&crash).await;
    }

    /// Makes the meter that usage goes to, as `sparks stripe-setup` does.
    async fn make_meter(&self) {
        let form = "display_name=Sparks&event_name=sparks_used&default_aggregation[formula]=sum\
                    &customer_mapping[type]=by_id&customer_mapping[event_payload_key]=stripe_customer_id\
                    &value_settings[event_payload_key]=value";
        let request = http::Request::post("https://stripe.local/v1/billing/meters")
            .header("authorization", format!("Bearer {SECRET_KEY}"))
            .header("stripe-version", API_VERSION)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", "meter")
            .body(form.into());
        let transport = self.network.transport(&Crash::default());
        let made = transport
            .send(request.expect("a request"), Duration::from_secs(3))
            .await;
        let made = made.expect("an answer");
        assert_eq!(made.status(), 200, "{made:?}");
    }

    /// Looks whether what must always hold holds now.
    fn check(&self) {
        for wrong in books::wrong_now(&self.tables) {
            self.network.violation(wrong);
        }
    }
}

/// Work that ends when its process does.
trait Mortal: Future + Sized {
    async fn unless(self, crash: &Crash) -> Option<Self::Output> {
        tokio::select! {
            biased;
            () = crash.happens() => None,
            done = self => Some(done),
        }
    }
}

impl<F: Future> Mortal for F {}
