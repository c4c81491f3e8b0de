//! Processes of functions and commands: what they have under way, and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// A process: it reaches the systems until it dies. Clones are the same one.
#[derive(Clone)]
pub(super) struct Process(Arc<Life>);

struct Life {
    name: &'static str,
    end: Notify,
    in_flight: AtomicU32,
}

impl Process {
    pub(super) fn of(name: &'static str) -> Self {
        Self(Arc::new(Life {
            name,
            end: Notify::new(),
            in_flight: AtomicU32::new(0),
        }))
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
