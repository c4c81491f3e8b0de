//! The network between functions and systems: what each request meets is decided by the seed.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use local::dynamodb::Tables;
use local::faults::{Fault, Faults};
use local::http::Reply;
use local::langfuse::Langfuse;
use local::stripe::Stripe;
use shared::clock::Clock;
use shared::transport::{Error, Transport};
use tokio::sync::Notify;

use super::Report;

/// One request in so many meets a fault.
const ONE_IN: u64 = 12;

/// How much of the trace is kept.
const KEPT: usize = 4000;

/// How long a request takes at most that is answered.
const LONGEST_MS: u64 = 30;

/// What a request can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// It is answered.
    Nothing,
    /// No connection came up.
    NotSent,
    /// The connection broke before the request was taken.
    Broken,
    /// It took effect, and the connection broke.
    LostReply,
    /// It took effect, and no answer came in time.
    TimedOut,
    /// It was answered with an error of the system's, without effect.
    Answered(&'static str),
    /// The process died before it.
    CrashBefore,
    /// It took effect, and the process died.
    CrashAfter,
}

/// The death of a process; clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Crash(Arc<Notify>);

impl Crash {
    /// Waits for it.
    pub(super) async fn happens(&self) {
        self.0.notified().await;
    }
}

/// The network; clones are the same one.
#[derive(Clone)]
pub(super) struct Network(Arc<Inner>);

struct Inner {
    tables: Tables,
    stripe: Stripe,
    langfuse: Langfuse,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    random: fastrand::Rng,
    faulty: bool,
    faults: BTreeMap<(String, &'static str), u64>,
    hasher: DefaultHasher,
    trace: VecDeque<String>,
    violations: Vec<String>,
}

impl Network {
    pub(super) fn new(
        seed: u64,
        tables: &Tables,
        stripe: &Stripe,
        langfuse: &Langfuse,
        clock: &Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            tables: tables.clone(),
            stripe: stripe.clone(),
            langfuse: langfuse.clone(),
            clock: clock.clone(),
            state: Mutex::new(State {
                random: fastrand::Rng::with_seed(seed),
                faulty: false,
                faults: BTreeMap::new(),
                hasher: DefaultHasher::new(),
                trace: VecDeque::new(),
                violations: Vec::new(),
            }),
        }))
    }

    /// From now on, requests meet faults.
    pub(super) fn begin(&self) {
        self.0.state().faulty = true;
    }

    /// From now on, none does.
    pub(super) fn end(&self) {
        self.0.state().faulty = false;
    }

    /// A number of the seed's.
    pub(super) fn number(&self, range: Range<u64>) -> u64 {
        self.0.state().random.u64(range)
    }

    /// Keeps what must never be.
    pub(super) fn violation(&self, what: String) {
        let mut state = self.0.state();
        if !state.violations.contains(&what) {
            state.violations.push(what);
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.0.state().violations.clone()
    }

    pub(super) fn report(&self, violations: Vec<String>) -> Report {
        let state = self.0.state();
        Report {
            trace_hash: state.hasher.finish(),
            faults: state.faults.clone(),
            violations,
            trace: state.trace.iter().cloned().collect(),
        }
    }

    /// How a process reaches the systems, until it crashes.
    pub(super) fn transport(&self, crash: &Crash) -> Transport {
        let (inner, crash) = (Arc::clone(&self.0), crash.clone());
        Transport::in_process(Arc::new(move |request, timeout| {
            let (inner, crash) = (Arc::clone(&inner), crash.clone());
            Box::pin(async move { inner.send(request, timeout, &crash).await })
        }))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
        crash: &Crash,
    ) -> Result<Response<Bytes>, Error> {
        let point = point(&request);
        // Others get on meanwhile.
        for _ in 0..self.number(0..4) {
            tokio::task::yield_now().await;
        }
        let took = Duration::from_millis(self.number(1..LONGEST_MS)).min(timeout);
        let met = if took == timeout {
            // So little time was left.
            Met::TimedOut
        } else {
            self.meets(&point)
        };
        let answer = match met {
            Met::NotSent | Met::Broken | Met::CrashBefore => None,
            Met::Answered(fault) => self.faulty(request, fault).await,
            Met::Nothing | Met::LostReply | Met::TimedOut | Met::CrashAfter => {
                self.answer(request).await
            }
        };
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.note(format!("{} {point}: {met:?}, {status}", self.clock.now()));
        self.clock.sleep(took).await;
        match met {
            Met::NotSent => Err(Error::NotSent("simulated".into())),
            Met::Broken | Met::LostReply => Err(Error::Broken("simulated".into())),
            Met::TimedOut => {
                self.clock.sleep(timeout.saturating_sub(took)).await;
                Err(Error::TimedOut)
            }
            Met::CrashBefore | Met::CrashAfter => {
                crash.0.notify_one();
                std::future::pending().await
            }
            Met::Nothing | Met::Answered(_) => {
                answer.ok_or_else(|| Error::Broken("simulated".into()))
            }
        }
    }

    fn number(&self, range: Range<u64>) -> u64 {
        self.state().random.u64(range)
    }

    /// What the next request at a point meets.
    fn meets(&self, point: &str) -> Met {
        let mut state = self.state();
        if !state.faulty || state.random.u64(0..ONE_IN) > 0 {
            return Met::Nothing;
        }
        let of_table = [
            "conflict",
            "throttle",
            "conflict+condition",
            "status:500",
            "status:503",
        ];
        let of_others = ["status:500", "status:503", "status:429"];
        let errors: &[&str] = if point.starts_with("dynamodb") {
            &of_table
        } else {
            &of_others
        };
        let (met, kind) = match state.random.u8(0..8) {
            0 => (Met::NotSent, "not_sent"),
            1 => (Met::Broken, "broken"),
            2 => (Met::LostReply, "lost_reply"),
            3 => (Met::TimedOut, "timed_out"),
            4 => (Met::CrashBefore, "crash_before"),
            5 => (Met::CrashAfter, "crash_after"),
            _ => {
                let error = errors[state.random.usize(0..errors.len())];
                (Met::Answered(error), error)
            }
        };
        *state.faults.entry((point.to_owned(), kind)).or_default() += 1;
        met
    }

    fn note(&self, line: String) {
        let mut state = self.state();
        line.hash(&mut state.hasher);
        if state.trace.len() == KEPT {
            state.trace.pop_front();
        }
        state.trace.push_back(line);
    }

    /// The system's own error, where it has one of this kind at this request; else its answer.
    async fn faulty(&self, request: Request<Bytes>, fault: &str) -> Option<Response<Bytes>> {
        let faults: &Faults = match host(&request) {
            "dynamodb" => self.tables.faults(),
            "stripe" => self.stripe.faults(),
            _ => self.langfuse.faults(),
        };
        faults.add(Fault::new("/", fault).expect("a fault"));
        let answer = self.answer(request).await;
        faults.clear();
        answer
    }

    async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let reply = match host(&request) {
            "dynamodb" => self.tables.handle(request).await,
            "stripe" => self.stripe.handle(request).await,
            _ => self.langfuse.handle(request).await,
        };
        match reply {
            Reply::Answer(answer) => Some(answer),
            Reply::HangUp => None,
        }
    }
}

fn host(request: &Request<Bytes>) -> &str {
    let host = request.uri().host().unwrap_or_default();
    host.split('.').next().unwrap_or_default()
}

/// Where a request goes, in words: ids are left out.
fn point(request: &Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target");
    let operation = target.and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let operation = operation.unwrap_or_else(|| request.uri().path());
    let known = operation
        .split('/')
        .filter(|part| !part.contains('_') || part.starts_with("meter_"));
    format!(
        "{} {} {}",
        host(request),
        request.method(),
        known.collect::<Vec<_>>().join("/")
    )
}
