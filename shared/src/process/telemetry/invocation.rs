//! The current invocation: its counts and notes become its one line.
//!
//! It is local to the task, so all code awaited in the task finds it, and it is not passed down. Outside of an
//! invocation, such as in the operator's command, nothing is counted and nothing is written.

mod line;

use std::cell::RefCell;

use http::StatusCode;
use jiff::Timestamp;
use lambda_http::Context;

use super::lines::{self, Lines};
use super::metric::{Metric, Step};
use super::trace_context::TraceContext;
use crate::process::clock::Clock;
use crate::words::id::AccountId;

tokio::task_local! {
    static CURRENT: RefCell<Invocation>;
}

/// A function of a deployment, whose invocations are logged.
#[derive(Clone, Debug)]
pub struct Function {
    pub(super) name: &'static str,
    pub(super) stage: String,
    clock: Clock,
}

impl Function {
    /// A function by its name, of the deployment `stage`.
    pub fn new(name: &'static str, stage: &str, clock: &Clock) -> Self {
        Self {
            name,
            stage: stage.to_owned(),
            clock: clock.clone(),
        }
    }
}

/// The call that started an invocation.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The request id, which the response carries, too.
    pub request_id: String,
    /// The method and the template of the path, such as `POST /v1/checkout/{session_id}/verify`.
    pub route_key: Option<String>,
    /// The traces that it is part of.
    pub trace: TraceContext,
}

impl Call {
    /// A call by a schedule.
    pub fn scheduled(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            route_key: None,
            trace: TraceContext::new(context.xray_trace_id.as_deref(), None),
        }
    }

    /// The method, and the template of the path.
    pub(super) fn route(&self) -> Option<(&str, &str)> {
        self.route_key.as_deref()?.split_once(' ')
    }
}

/// The record of an invocation. Its line is written on drop, so an invocation that panics or is cancelled has its line,
/// too.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) function: Function,
    pub(super) call: Call,
    pub(super) began: Timestamp,
    pub(super) account: Account,
    pub(super) answer: Option<Answer>,
    pub(super) metrics: Vec<(Metric, i64)>,
    pub(super) completed: bool,
    keeper: Option<Lines>,
}

/// The account that an invocation is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Account {
    #[default]
    Unknown,
    One(AccountId),
    Several,
}

/// The response to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) code: Option<&'static str>,
    pub(super) replayed: bool,
}

impl Account {
    pub(super) const fn one(&self) -> Option<&AccountId> {
        match self {
            Self::One(account) => Some(account),
            Self::Unknown | Self::Several => None,
        }
    }
}

impl Invocation {
    fn count(&mut self, metric: Metric, amount: i64) {
        let counted = self.metrics.iter_mut().find(|(known, _)| *known == metric);
        match counted {
            Some((_, before)) => *before = metric.together(*before, amount),
            None => self.metrics.push((metric, amount)),
        }
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let line = line::of(self, self.function.clock.now());
        lines::write(line, self.keeper.as_ref());
    }
}

/// Runs the work of an invocation, and writes its line at the end.
pub fn invocation<T>(
    function: &Function,
    call: Call,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    // Boxed: wrapped unboxed, it would take its size twice.
    let work = Box::pin(work);
    let whole = async {
        let outcome = work.await;
        note(|invocation| invocation.completed = true);
        outcome
    };
    async {
        let invocation = Invocation {
            function: function.clone(),
            call,
            began: function.clock.now(),
            account: Account::Unknown,
            answer: None,
            metrics: Vec::new(),
            completed: false,
            keeper: Lines::keeper(),
        };
        CURRENT.scope(RefCell::new(invocation), whole).await
    }
}

/// Adds an amount to a metric of the invocation; for ages, keeps the highest.
pub fn count(metric: Metric, amount: i64) {
    note(|invocation| invocation.count(metric, amount));
}

/// Notes the account that the invocation is about. If there are several, the line names none.
pub fn account(account: &AccountId) {
    note(|invocation| match invocation.account.one() {
        Some(known) if known != account => invocation.account = Account::Several,
        None if invocation.account == Account::Unknown => {
            invocation.account = Account::One(account.clone());
        }
        _ => {}
    });
}

/// Notes the response's status, its problem code, and whether it is a replay.
pub(crate) fn answered(status: StatusCode, code: Option<&'static str>, replayed: bool) {
    let answer = Answer {
        status,
        code,
        replayed,
    };
    note(|invocation| invocation.answer = Some(answer));
}

/// Awaits a step, and adds its duration.
pub fn step<T>(step: Step, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let work = Box::pin(work);
    async move {
        let began = now();
        let done = work.await;
        took(step, began);
        done
    }
}

/// Runs a step that does not wait, and adds its duration.
pub fn timed<T>(step: Step, work: impl FnOnce() -> T) -> T {
    let began = now();
    let done = work();
    took(step, began);
    done
}

/// Returns the caller's `traceparent`, to pass on to providers.
pub(crate) fn traceparent() -> Option<String> {
    let own = |invocation: &RefCell<Invocation>| {
        let invocation = invocation.borrow();
        invocation.call.trace.traceparent().map(str::to_owned)
    };
    CURRENT.try_with(own).ok().flatten()
}

/// Returns the id of the current request.
pub(super) fn request_id() -> Option<String> {
    // The code that logs may hold the borrow.
    let id = |invocation: &RefCell<Invocation>| {
        let invocation = invocation.try_borrow().ok()?;
        Some(invocation.call.request_id.clone())
    };
    CURRENT.try_with(id).ok().flatten()
}

fn now() -> Option<Timestamp> {
    let clock = |invocation: &RefCell<Invocation>| invocation.borrow().function.clock.now();
    CURRENT.try_with(clock).ok()
}

fn took(step: Step, began: Option<Timestamp>) {
    if let (Some(began), Some(ended)) = (began, now()) {
        let took_ms = ended.as_millisecond() - began.as_millisecond();
        count(Metric::StepDurationMs(step), took_ms.max(0));
    }
}

fn note(what: impl FnOnce(&mut Invocation)) {
    // Outside of an invocation, the note is dropped.
    let _ = CURRENT.try_with(|invocation| what(&mut invocation.borrow_mut()));
}

#[cfg(test)]
mod tests;
