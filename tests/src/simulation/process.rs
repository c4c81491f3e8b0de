//! Processes of functions and commands: what they have under way, and their end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an invocation took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    /// From its beginning to its answer.
    pub(super) took: Duration,
    /// From its beginning to its first commit; nothing where it wrote nothing.
    pub(super) committed_after: Option<Duration>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process: it reaches the systems until it dies. Clones are the same one.
#[derive(Clone)]
pub(super) struct Process(Arc<Life>);

struct Life {
    name: &'static str,
    end: Notify,
    in_flight: AtomicU32,
    /// When its invocation began, and when that committed first.
    began: Mutex<Instant>,
    committed: Mutex<Option<Instant>>,
}

impl Process {
    pub(super) fn of(name: &'static str) -> Self {
        Self(Arc::new(Life {
            name,
            end: Notify::new(),
            in_flight: AtomicU32::new(0),
            began: Mutex::new(Instant::now()),
            committed: Mutex::default(),
        }))
    }

    /// Begins an invocation.
    pub(super) fn begins(&self) {
        *lock(&self.0.began) = Instant::now();
        *lock(&self.0.committed) = None;
    }

    /// A transaction was committed, and the process is told after this time.
    pub(super) fn commits_after(&self, back: Duration) {
        let told_at = Instant::now() + back;
        lock(&self.0.committed).get_or_insert(told_at);
    }

    /// How long its invocation has taken, and how long it took to its first commit.
    pub(super) fn took(&self) -> Invocation {
        let began = *lock(&self.0.began);
        let committed = *lock(&self.0.committed);
        Invocation {
            took: began.elapsed(),
            committed_after: committed.map(|at| at.duration_since(began)),
        }
    }

    /// What runs in it.
    pub(super) fn name(&self) -> &'static str {
        self.0.name
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.0.end.notify_one();
    }

    /// Waits for its end.
    pub(super) async fn ends(&self) {
        self.0.end.notified().await;
    }

    /// How many of its requests are under way.
    pub(super) fn in_flight(&self) -> u32 {
        self.0.in_flight.load(Ordering::Relaxed)
    }
}

/// A request that is under way.
pub(super) struct InFlight(Process);

impl InFlight {
    pub(super) fn of(process: &Process) -> Self {
        process.0.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(process.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
