//! Processes of functions and commands: their requests in flight, and their end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The timing of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulation) struct Invocation {
    /// The time from its start to its answer.
    pub(in crate::simulation) took: Duration,
    /// The time from its start to its first commit; None if it wrote nothing.
    pub(in crate::simulation) committed_after: Option<Duration>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process, which reaches the systems until it dies; clones share it.
#[derive(Clone)]
pub(in crate::simulation) struct Process(Arc<Life>);

struct Life {
    name: &'static str,
    end: Notify,
    in_flight: AtomicU32,
    /// The start of its invocation, and the first commit of that.
    began: Mutex<Instant>,
    committed: Mutex<Option<Instant>>,
}

impl Process {
    pub(in crate::simulation) fn of(name: &'static str) -> Self {
        Self(Arc::new(Life {
            name,
            end: Notify::new(),
            in_flight: AtomicU32::new(0),
            began: Mutex::new(Instant::now()),
            committed: Mutex::default(),
        }))
    }

    /// Begins an invocation.
    pub(in crate::simulation) fn begins(&self) {
        *lock(&self.0.began) = Instant::now();
        *lock(&self.0.committed) = None;
    }

    /// Marks a committed transaction; the process gets its answer after this time.
    pub(in crate::simulation) fn commits_after(&self, back: Duration) {
        let told_at = Instant::now() + back;
        lock(&self.0.committed).get_or_insert(told_at);
    }

    /// Returns the timing of its invocation so far.
    pub(in crate::simulation) fn took(&self) -> Invocation {
        let began = *lock(&self.0.began);
        let committed = *lock(&self.0.committed);
        Invocation {
            took: began.elapsed(),
            committed_after: committed.map(|at| at.duration_since(began)),
        }
    }

    /// Returns the name of the function or command that runs in it.
    pub(in crate::simulation) fn name(&self) -> &'static str {
        self.0.name
    }

    /// Ends it.
    pub(in crate::simulation) fn end(&self) {
        self.0.end.notify_one();
    }

    /// Waits for its end.
    pub(in crate::simulation) async fn ends(&self) {
        self.0.end.notified().await;
    }

    /// Returns the number of its requests in flight.
    pub(in crate::simulation) fn in_flight(&self) -> u32 {
        self.0.in_flight.load(Ordering::Relaxed)
    }
}

/// A request in flight.
pub(in crate::simulation) struct InFlight(Process);

impl InFlight {
    pub(in crate::simulation) fn of(process: &Process) -> Self {
        process.0.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(process.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
