//! The network between processes and systems; the seed decides on the faults of each request.

mod fault_plan;
mod point;
mod tears;

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

use super::auditor::commits::Auditor;
use super::fleet::process::{InFlight, Process};
use super::plan::{Options, Plan, RoundTrips};
pub use fault_plan::KINDS;
use fault_plan::{Fate, FaultPlan};
use point::{is_stale, point, system};

/// The most lines of the trace that are kept.
const KEPT: usize = 6000;

/// The longest way of a request in one direction, without a fault.
const LONGEST_WAY_MS: u64 = 15;

/// The network; clones share it.
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
    faults: FaultPlan,
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
                faults: FaultPlan::new(options, plan),
                hasher: DefaultHasher::new(),
                trace: VecDeque::new(),
                violations: Vec::new(),
                auditor: Auditor::default(),
            }),
            stripe_stirs: Notify::new(),
        }))
    }

    /// Turns the faults of requests on or off.
    pub(super) fn is_faulty(&self, faulty: bool) {
        self.0.state().faults.is_faulty(faulty);
    }

    /// Limits faults to torn transactions, or lifts that limit.
    pub(super) fn only_tears(&self, only: bool) {
        self.0.state().faults.only_tears(only);
    }

    /// Takes a system down, or up again.
    pub(super) fn is_down(&self, system: &'static str, down: bool) {
        self.0.state().faults.is_down(system, down);
        self.note(&format!("{system} is {}", if down { "down" } else { "up" }));
    }

    /// Returns whether a fault strikes at this point that is not one of a request.
    pub(super) fn strikes(&self, point: &str, kind: &'static str, one_in: u64) -> bool {
        self.0.state().faults.strikes(point, kind, one_in)
    }

    /// Draws a number below `end` from the seed.
    pub(super) fn number(&self, end: u64) -> u64 {
        self.0.state().faults.number(end)
    }

    /// Adds a broken rule.
    pub(super) fn violation(&self, what: String) {
        self.0.violation(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.0.state().violations.clone()
    }

    /// Adds an event to the trace, with its time.
    pub(super) fn note(&self, what: &str) {
        self.0.note(what);
    }

    /// Returns a hash of all events.
    pub(super) fn trace_hash(&self) -> u64 {
        self.0.state().hasher.finish()
    }

    /// Returns the last events, a line for each request.
    pub(super) fn trace(&self) -> Vec<String> {
        self.0.state().trace.iter().cloned().collect()
    }

    /// Returns the number of faults by point and kind.
    pub(super) fn faults(&self) -> BTreeMap<(String, &'static str), u64> {
        self.0.state().faults.fired().clone()
    }

    /// Waits until something changes at Stripe.
    pub(super) async fn something_at_stripe(&self) {
        self.0.stripe_stirs.notified().await;
    }

    /// Reports a change at Stripe.
    pub(super) fn stir_stripe(&self) {
        self.0.stripe_stirs.notify_one();
    }

    /// Returns the number of requests for which a fault could be chosen.
    pub(super) fn requests(&self) -> u64 {
        self.0.state().faults.requests()
    }

    /// Returns the number of faults that struck, including those left out.
    pub(super) fn struck(&self) -> u64 {
        self.0.state().faults.struck()
    }

    /// Returns a process's transport to the systems.
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
        let (there, back, fate) = {
            let mut state = self.state();
            let mut way = || Duration::from_millis(1 + state.faults.number(LONGEST_WAY_MS));
            let drawn = (way(), way());
            let round_trips = self.round_trips.as_ref();
            let (there, back) =
                round_trips.map_or(drawn, |trips| trips.of(system(&request), &point));
            let fate = state
                .faults
                .meets(&point, system(&request), is_stale(&request));
            (there, back, fate)
        };
        let started = tokio::time::Instant::now();
        if fate == Fate::CrashBefore {
            return self.die(&point, fate, process).await;
        }
        self.clock.sleep(there.min(timeout)).await;
        let effect = match fate {
            Fate::NotSent | Fate::Broken | Fate::TimedOutBefore | Fate::Late => None,
            Fate::Answered(fault) => self.faulty(request.clone(), fault).await,
            Fate::Stale => self.stale(request.clone()).await,
            Fate::Torn => self.torn(request.clone(), tears::LONGEST_MS, false).await,
            Fate::Stalled => {
                self.torn(request.clone(), tears::LONGEST_RECOVERY_MS, true)
                    .await
            }
            _ => self.answer(request.clone()).await,
        };
        let status = effect.as_ref().map_or(0, |answer| answer.status().as_u16());
        if status == 200 && point.ends_with("TransactWriteItems") {
            process.commits_after(back);
        }
        self.note(&format!("{point}: {fate:?}, {status}"));
        let slow = match fate {
            Fate::Slow => Duration::from_millis(500 + self.state().faults.number(12_000)),
            _ => Duration::ZERO,
        };
        if fate == Fate::Late {
            self.arrive_later(request, timeout);
        }
        let times_out = matches!(fate, Fate::TimedOutBefore | Fate::TimedOut | Fate::Late);
        let left = timeout.saturating_sub(started.elapsed());
        if times_out || back + slow >= left {
            self.clock.sleep(left).await;
            return Err(Error::TimedOut);
        }
        self.clock.sleep(back + slow).await;
        let broken = || Error::Broken("simulated".into());
        match fate {
            Fate::NotSent => Err(Error::NotSent("simulated".into())),
            Fate::Broken | Fate::LostReply => Err(broken()),
            Fate::CrashAfter => self.die(&point, fate, process).await,
            Fate::Truncated => effect.map(truncated).ok_or_else(broken),
            Fate::FailedAfter => effect.map(failed).ok_or_else(broken),
            _ => effect.ok_or_else(broken),
        }
    }

    /// Ends the process at this request, which never returns.
    async fn die(
        &self,
        point: &str,
        fate: Fate,
        process: &Process,
    ) -> Result<Response<Bytes>, Error> {
        self.note(&format!("{point}: {fate:?}"));
        process.end();
        std::future::pending().await
    }

    /// Lets a request take effect after its caller has given up.
    fn arrive_later(self: &Arc<Self>, request: Request<Bytes>, timeout: Duration) {
        let after = timeout + Duration::from_millis(self.state().faults.number(20_000));
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

    /// Returns the system's own error of this kind if it has one for this request. Otherwise returns its answer.
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

    /// Returns the answer from the table's state some commits ago.
    async fn stale(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let ago = 1 + self.state().faults.number(8);
        let ago = usize::try_from(ago).unwrap_or_default();
        self.at_tables(request, &Visibility::Stale(ago)).await
    }

    /// Returns the answer to a transaction whose items become visible one by one.
    ///
    /// The seed draws the delays, up to `longest_ms`.
    async fn torn(
        &self,
        request: Request<Bytes>,
        longest_ms: u64,
        stalled: bool,
    ) -> Option<Response<Bytes>> {
        let delays = tears::delays(&mut self.state().faults, &request, longest_ms);
        self.note(&format!("{}: torn by {delays:?}", point(&request)));
        let torn = Torn { delays, stalled };
        self.at_tables(request, &Visibility::Torn(torn)).await
    }

    /// Returns the table's answer, after the auditor has checked the new commits.
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

    /// Audits the commits since the last call.
    fn audit(&self) {
        let mut wrong = Vec::new();
        for commit in self.tables.changes() {
            wrong.extend(self.state().auditor.see(&commit));
        }
        for wrong in wrong {
            self.violation(wrong);
        }
    }

    /// Audits an event for the meter before Stripe receives it.
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

/// Cuts off the second half of an answer.
fn truncated(answer: Response<Bytes>) -> Response<Bytes> {
    answer.map(|body| body.slice(..body.len() / 2))
}

/// Replaces the answer of a request that took effect by an error.
///
/// Only the answer is replaced: Stripe stores the effect under an idempotency key.
fn failed(_effect: Response<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(b"{}"));
    *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
