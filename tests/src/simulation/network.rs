//! The network between processes and systems: what each request meets is decided by the seed.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use local::dynamodb::{Tables, Torn, Visibility};
use local::faults::{Fault, Faults};
use local::http::Reply;
use local::langfuse::Langfuse;
use local::stripe::Stripe;
use shared::process::clock::Clock;
use shared::process::transport::{Error, Transport};
use tokio::sync::Notify;

use super::auditor::Auditor;
use super::plan::{Options, Plan, RoundTrips};
use super::point::{is_stale, point, system};
use super::process::{InFlight, Process};
use super::tears;
use super::weather::{Met, Weather};

/// How much of the trace is kept.
const KEPT: usize = 6000;

/// How long a request is on its way at most, each way, when nothing is wrong.
const LONGEST_WAY_MS: u64 = 15;

/// The network; clones are the same one.
#[derive(Clone)]
pub(super) struct Network(Arc<Inner>);

struct Inner {
    tables: Tables,
    stripe: Stripe,
    langfuse: Langfuse,
    clock: Clock,
    round_trips: Option<RoundTrips>,
    state: Mutex<State>,
    stripe_stirs: Notify,
}

struct State {
    weather: Weather,
    hasher: DefaultHasher,
    trace: VecDeque<String>,
    violations: Vec<String>,
    auditor: Auditor,
}

impl Network {
    pub(super) fn new(
        options: &Options,
        plan: &Plan,
        (tables, stripe, langfuse): (&Tables, &Stripe, &Langfuse),
        clock: &Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            tables: tables.clone(),
            stripe: stripe.clone(),
            langfuse: langfuse.clone(),
            clock: clock.clone(),
            round_trips: plan.round_trips,
            state: Mutex::new(State {
                weather: Weather::new(options, plan),
                hasher: DefaultHasher::new(),
                trace: VecDeque::new(),
                violations: Vec::new(),
                auditor: Auditor::default(),
            }),
            stripe_stirs: Notify::new(),
        }))
    }

    /// From now on requests meet faults, or none does.
    pub(super) fn is_faulty(&self, faulty: bool) {
        self.0.state().weather.is_faulty(faulty);
    }

    /// From now on requests meet nothing but torn transactions, or what they did before.
    pub(super) fn only_tears(&self, only: bool) {
        self.0.state().weather.only_tears(only);
    }

    /// From now on nothing at this system is answered, or all is well there.
    pub(super) fn is_down(&self, system: &'static str, down: bool) {
        self.0.state().weather.is_down(system, down);
        self.note(&format!("{system} is {}", if down { "down" } else { "up" }));
    }

    /// Whether a fault strikes that is not one of a request, at this point.
    pub(super) fn strikes(&self, point: &str, kind: &'static str, one_in: u64) -> bool {
        self.0.state().weather.strikes(point, kind, one_in)
    }

    /// A number of the seed's, below `end`.
    pub(super) fn number(&self, end: u64) -> u64 {
        self.0.state().weather.number(end)
    }

    /// Keeps what must never be.
    pub(super) fn violation(&self, what: String) {
        self.0.violation(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.0.state().violations.clone()
    }

    /// Notes what happened, after the time at which it did.
    pub(super) fn note(&self, what: &str) {
        self.0.note(what);
    }

    /// What happened, in a number.
    pub(super) fn trace_hash(&self) -> u64 {
        self.0.state().hasher.finish()
    }

    /// What happened at last, a line for each request.
    pub(super) fn trace(&self) -> Vec<String> {
        self.0.state().trace.iter().cloned().collect()
    }

    /// How often each kind of fault came at each point.
    pub(super) fn faults(&self) -> BTreeMap<(String, &'static str), u64> {
        self.0.state().weather.fired().clone()
    }

    /// Waits until something has happened at Stripe.
    pub(super) async fn something_at_stripe(&self) {
        self.0.stripe_stirs.notified().await;
    }

    /// Something has happened at Stripe.
    pub(super) fn stir_stripe(&self) {
        self.0.stripe_stirs.notify_one();
    }

    /// How many requests there were for which a fault could be chosen.
    pub(super) fn requests(&self) -> u64 {
        self.0.state().weather.requests()
    }

    /// How many faults came, those included that were left out.
    pub(super) fn struck(&self) -> u64 {
        self.0.state().weather.struck()
    }

    /// How a process reaches the systems.
    pub(super) fn transport(&self, process: &Process) -> Transport {
        let (inner, process) = (Arc::clone(&self.0), process.clone());
        Transport::in_process(Arc::new(move |request, timeout| {
            let (inner, process) = (Arc::clone(&inner), process.clone());
            Box::pin(async move {
                let _under_way = InFlight::of(&process);
                inner.send(request, timeout, &process).await
            })
        }))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        self: &Arc<Self>,
        request: Request<Bytes>,
        timeout: Duration,
        process: &Process,
    ) -> Result<Response<Bytes>, Error> {
        let point = format!("{}: {}", process.name(), point(&request));
        let (there, back, met) = {
            let mut state = self.state();
            let mut way = || Duration::from_millis(1 + state.weather.number(LONGEST_WAY_MS));
            let drawn = (way(), way());
            let round_trips = self.round_trips.as_ref();
            let (there, back) =
                round_trips.map_or(drawn, |trips| trips.of(system(&request), &point));
            let met = state
                .weather
                .meets(&point, system(&request), is_stale(&request));
            (there, back, met)
        };
        let started = tokio::time::Instant::now();
        if met == Met::CrashBefore {
            return self.die(&point, met, process).await;
        }
        self.clock.sleep(there.min(timeout)).await;
        let effect = match met {
            Met::NotSent | Met::Broken | Met::TimedOutBefore | Met::Late => None,
            Met::Answered(fault) => self.faulty(request.clone(), fault).await,
            Met::Stale => self.stale(request.clone()).await,
            Met::Torn => self.torn(request.clone(), tears::LONGEST_MS, false).await,
            Met::Stalled => {
                self.torn(request.clone(), tears::LONGEST_RECOVERY_MS, true)
                    .await
            }
            _ => self.answer(request.clone()).await,
        };
        let status = effect.as_ref().map_or(0, |answer| answer.status().as_u16());
        if status == 200 && point.ends_with("TransactWriteItems") {
            process.commits_after(back);
        }
        self.note(&format!("{point}: {met:?}, {status}"));
        let slow = match met {
            Met::Slow => Duration::from_millis(500 + self.state().weather.number(12_000)),
            _ => Duration::ZERO,
        };
        if met == Met::Late {
            self.arrive_later(request, timeout);
        }
        let times_out = matches!(met, Met::TimedOutBefore | Met::TimedOut | Met::Late);
        let left = timeout.saturating_sub(started.elapsed());
        if times_out || back + slow >= left {
            self.clock.sleep(left).await;
            return Err(Error::TimedOut);
        }
        self.clock.sleep(back + slow).await;
        let broken = || Error::Broken("simulated".into());
        match met {
            Met::NotSent => Err(Error::NotSent("simulated".into())),
            Met::Broken | Met::LostReply => Err(broken()),
            Met::CrashAfter => self.die(&point, met, process).await,
            Met::Truncated => effect.map(truncated).ok_or_else(broken),
            Met::FailedAfter => effect.map(failed).ok_or_else(broken),
            _ => effect.ok_or_else(broken),
        }
    }

    /// The process dies at this request: nothing of it is ever awaited again.
    async fn die(
        &self,
        point: &str,
        met: Met,
        process: &Process,
    ) -> Result<Response<Bytes>, Error> {
        self.note(&format!("{point}: {met:?}"));
        process.end();
        std::future::pending().await
    }

    /// A request that takes effect when nobody waits for it any more.
    fn arrive_later(self: &Arc<Self>, request: Request<Bytes>, timeout: Duration) {
        let after = timeout + Duration::from_millis(self.state().weather.number(20_000));
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            inner.clock.sleep(after).await;
            let point = point(&request);
            let answer = inner.answer(request).await;
            let status = answer.map_or(0, |answer| answer.status().as_u16());
            inner.note(&format!("{point}: arrives late, {status}"));
        });
    }

    fn note(&self, what: &str) {
        let line = format!("{} {what}", self.clock.now().as_millisecond());
        let mut state = self.state();
        line.hash(&mut state.hasher);
        if state.trace.len() == KEPT {
            state.trace.pop_front();
        }
        state.trace.push_back(line);
    }

    /// The system's own error, where it has one of this kind at this request; else its answer.
    async fn faulty(&self, request: Request<Bytes>, fault: &str) -> Option<Response<Bytes>> {
        let faults: &Faults = match system(&request) {
            "dynamodb" => self.tables.faults(),
            "stripe" => self.stripe.faults(),
            _ => self.langfuse.faults(),
        };
        faults.add(Fault::new("/", fault).expect("a fault"));
        let answer = self.answer(request).await;
        faults.clear();
        answer
    }

    /// The answer from how the table was some commits ago.
    async fn stale(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let ago = 1 + self.state().weather.number(8);
        let ago = usize::try_from(ago).unwrap_or_default();
        self.at_tables(request, &Visibility::Stale(ago)).await
    }

    /// The answer to a transaction whose items become visible one by one, within a time that the seed draws.
    async fn torn(
        &self,
        request: Request<Bytes>,
        longest_ms: u64,
        stalled: bool,
    ) -> Option<Response<Bytes>> {
        let delays = tears::delays(&mut self.state().weather, &request, longest_ms);
        self.note(&format!("{}: torn by {delays:?}", point(&request)));
        let torn = Torn { delays, stalled };
        self.at_tables(request, &Visibility::Torn(torn)).await
    }

    /// The answer of the table, after which the auditor looks at what was committed.
    async fn at_tables(
        &self,
        request: Request<Bytes>,
        visibility: &Visibility,
    ) -> Option<Response<Bytes>> {
        let reply = self.tables.handle_with(request, visibility).await;
        self.audit();
        match reply {
            Reply::Answer(answer) => Some(answer),
            Reply::HangUp => None,
        }
    }

    fn violation(&self, what: String) {
        self.note(&format!("VIOLATION {what}"));
        let mut state = self.state();
        if !state.violations.contains(&what) {
            state.violations.push(what);
        }
    }

    /// Looks at what has been committed since.
    fn audit(&self) {
        let mut wrong = Vec::new();
        for commit in self.tables.changes() {
            wrong.extend(self.state().auditor.see(&commit));
        }
        for wrong in wrong {
            self.violation(wrong);
        }
    }

    /// Looks at an event for the meter before it is taken.
    fn look_at_event(&self, request: &Request<Bytes>) {
        if request.uri().path() != "/v1/billing/meter_events" {
            return;
        }
        let form = form_urlencoded::parse(request.body()).find(|(name, _)| name == "identifier");
        let identifier = form
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        let now_ms = self.clock.now().as_millisecond();
        let wrong = self.state().auditor.is_sent(&identifier, now_ms);
        if let Some(wrong) = wrong {
            self.violation(wrong);
        }
    }

    async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let reply = match system(&request) {
            "dynamodb" => return self.at_tables(request, &Visibility::Now).await,
            "stripe" => {
                self.look_at_event(&request);
                let reads = request.method() == http::Method::GET;
                let reply = self.stripe.handle(request).await;
                if !reads {
                    self.stripe_stirs.notify_one();
                }
                reply
            }
            _ => self.langfuse.handle(request).await,
        };
        match reply {
            Reply::Answer(answer) => Some(answer),
            Reply::HangUp => None,
        }
    }
}

/// An answer of which only the first half came through.
fn truncated(answer: Response<Bytes>) -> Response<Bytes> {
    answer.map(|body| body.slice(..body.len() / 2))
}

/// An effect of which the system says that it failed.
///
/// It says so at the door: what is stored under an idempotency key is the effect.
fn failed(_effect: Response<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(b"{}"));
    *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
