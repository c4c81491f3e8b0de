//! The functions, each in processes that live across invocations until they die, as in Lambda.

pub(super) mod process;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use lambda_http::{Context, LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry::Lines;

use super::World;
use crate::functions::invoke;
use process::{Invocation, Process};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Function {
    RecordUsage,
    CreateCheckout,
    VerifyPayment,
    CreatePortal,
    StripeWebhook,
    ReadAccount,
    DeliverOutbox,
}

impl Function {
    const fn name(self) -> &'static str {
        match self {
            Self::RecordUsage => "record-usage",
            Self::CreateCheckout => "create-checkout",
            Self::VerifyPayment => "verify-payment",
            Self::CreatePortal => "create-portal",
            Self::StripeWebhook => "stripe-webhook",
            Self::ReadAccount => "read-account",
            Self::DeliverOutbox => "deliver-outbox",
        }
    }

    /// Returns the function's timeout, as the template sets it.
    const fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::ReadAccount => 10,
            Self::DeliverOutbox => 55,
            _ => 29,
        })
    }
}

/// One function's state in a process.
enum App {
    RecordUsage(record_usage::App),
    CreateCheckout(create_checkout::App),
    VerifyPayment(verify_payment::App),
    CreatePortal(create_portal::App),
    StripeWebhook(stripe_webhook::App),
    ReadAccount(read_account::App),
    DeliverOutbox(deliver_outbox::App),
}

/// A process of a function, with its own clock.
struct Warm {
    app: App,
    process: Process,
    clock: Clock,
}

/// The processes that wait for an invocation, and the number of invocations in flight.
#[derive(Default)]
pub(super) struct Fleet {
    idle: Mutex<BTreeMap<Function, Vec<Warm>>>,
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
}

impl World {
    /// Returns the number of invocations in flight.
    pub(super) fn at_work(&self) -> usize {
        self.fleet.at_work.load(Ordering::Relaxed)
    }

    /// Returns the most invocations that were in flight at once.
    pub(super) fn most_at_work(&self) -> usize {
        self.fleet.most_at_work.load(Ordering::Relaxed)
    }

    /// Invokes a function; returns None if its process died or timed out.
    pub(super) async fn invoke(&self, function: Function, event: Value) -> Option<Value> {
        Some(self.invoke_timed(function, event).await?.0)
    }

    /// Invokes a function; returns its timing, too.
    pub(super) async fn invoke_timed(
        &self,
        function: Function,
        event: Value,
    ) -> Option<(Value, Invocation)> {
        let before = self.fleet.at_work.fetch_add(1, Ordering::Relaxed);
        self.fleet
            .most_at_work
            .fetch_max(before + 1, Ordering::Relaxed);
        let answer = self.invoke_one(function, event).await;
        self.fleet.at_work.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    async fn invoke_one(&self, function: Function, event: Value) -> Option<(Value, Invocation)> {
        let name = function.name();
        let warm = if let Some(warm) = self.idle(function) {
            warm
        } else {
            if !self.plan.cold_start.is_zero() {
                self.clock.sleep(self.plan.cold_start).await;
            }
            self.start(function)
        };
        warm.process.begins();
        let (timeout, now) = (function.timeout(), warm.clock.now());
        let deadline = now + SignedDuration::try_from(timeout).expect("a timeout of seconds");
        let mut context = Context::default();
        context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or_default();
        let killed_after = if self.network.strikes(name, "killed", 60) {
            Duration::from_millis(self.network.number(3_000))
        } else {
            Duration::MAX
        };
        let lines = Lines::default();
        let work = lines.keep(warm.app.answer(event, context));
        let answer = tokio::select! {
            biased;
            () = warm.process.ends() => Err("died"),
            answer = work => Ok(answer),
            () = tokio::time::sleep(killed_after) => Err("was killed"),
            () = self.clock.sleep(timeout) => Err("has not answered before its deadline"),
        };
        self.look_through(name, &lines);
        match answer {
            Ok(answer) => {
                if warm.process.in_flight() > 0 {
                    let still = format!("{name} goes on after its answer");
                    self.network.violation(still);
                }
                self.look_at_text(name, &answer.to_string());
                let took = warm.process.took();
                self.keep_warm(function, warm);
                Some((answer, took))
            }
            Err(end) => {
                self.network.note(&format!("{name} {end}"));
                if end.contains("deadline") {
                    self.network.violation(format!("{name} {end}"));
                }
                None
            }
        }
    }

    /// Takes a process that waits for an invocation, if there is one.
    fn idle(&self, function: Function) -> Option<Warm> {
        let retired = self.network.strikes(function.name(), "cold_start", 10);
        let mut idle = self
            .fleet
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let idle = idle.entry(function).or_default();
        if retired {
            idle.clear();
        }
        idle.pop()
    }

    fn keep_warm(&self, function: Function, warm: Warm) {
        let mut idle = self
            .fleet
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.entry(function).or_default().push(warm);
    }

    fn start(&self, function: Function) -> Warm {
        let process = Process::of(function.name());
        let transport = self.network.transport(&process);
        let mut clock = self.clock.clone();
        let longest = self.plan.skew_ms;
        if longest > 0 && self.network.strikes(function.name(), "skewed", 2) {
            let skew = self.network.number(2 * longest);
            let skew = i64::try_from(skew).unwrap_or_default()
                - i64::try_from(longest).unwrap_or_default();
            clock = Clock::starting_at(clock.now() + SignedDuration::from_millis(skew));
        }
        let lookup = |name: &str| self.environment.get(name).cloned();
        let environment = Environment::from_lookup(&lookup);
        macro_rules! app {
            ($kind:ident, $function:ident) => {{
                let app = $function::App::new(Setup {
                    environment,
                    transport: &transport,
                    clock: &clock,
                });
                let app = app.expect("configured");
                // Only in some runs: the text is long, and the same each time.
                if self.seed.is_multiple_of(16) {
                    self.look_at_text("Debug", &format!("{app:?}"));
                }
                App::$kind(app)
            }};
        }
        let app = match function {
            Function::RecordUsage => app!(RecordUsage, record_usage),
            Function::CreateCheckout => app!(CreateCheckout, create_checkout),
            Function::VerifyPayment => app!(VerifyPayment, verify_payment),
            Function::CreatePortal => app!(CreatePortal, create_portal),
            Function::StripeWebhook => app!(StripeWebhook, stripe_webhook),
            Function::ReadAccount => app!(ReadAccount, read_account),
            Function::DeliverOutbox => app!(DeliverOutbox, deliver_outbox),
        };
        Warm {
            app,
            process,
            clock,
        }
    }
}

impl App {
    /// Handles an event, through the same adapter as in Lambda.
    async fn answer(&self, event: Value, context: Context) -> Value {
        macro_rules! http {
            ($function:ident, $app:expr) => {
                invoke(
                    service_fn(|request| $function::handle($app, request)),
                    event,
                    context,
                )
                .await
            };
        }
        match self {
            Self::RecordUsage(app) => http!(record_usage, app),
            Self::CreateCheckout(app) => http!(create_checkout, app),
            Self::VerifyPayment(app) => http!(verify_payment, app),
            Self::CreatePortal(app) => http!(create_portal, app),
            Self::StripeWebhook(app) => http!(stripe_webhook, app),
            Self::ReadAccount(app) => http!(read_account, app),
            Self::DeliverOutbox(app) => {
                let event = LambdaEvent::new(event, context);
                match deliver_outbox::handle(app, event).await {
                    Ok(report) => json!(report),
                    Err(error) => json!({ "errorMessage": error.to_string() }),
                }
            }
        }
    }
}
