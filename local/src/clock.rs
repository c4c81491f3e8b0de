//! The clock of the fakes, which a test may move forward.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that runs by itself and can be moved forward by hand.
///
/// Clones share their skips: moving one moves all.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    skipped_seconds: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Source {
    System,
    Started(Timestamp, Instant),
    Told(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Started(..) => "Started",
            Self::Told(_) => "Told",
        })
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self {
            source: Source::System,
            skipped_seconds: Arc::default(),
        }
    }

    /// Returns a clock that reads `at` now and runs with tokio's clock. A test may have paused that.
    pub fn starting_at(at: Timestamp) -> Self {
        Self {
            source: Source::Started(at, Instant::now()),
            skipped_seconds: Arc::default(),
        }
    }

    /// Returns a clock that reads the time from `now`. It is for a simulation with a time of its own.
    pub fn told_by(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            source: Source::Told(Arc::new(now)),
            skipped_seconds: Arc::default(),
        }
    }

    /// Returns the time, all skips included.
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the fakes")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.source {
            Source::System => Timestamp::now(),
            Source::Told(now) => now(),
            Source::Started(at, since) => {
                let passed = SignedDuration::try_from(since.elapsed());
                at.saturating_add(passed.unwrap_or(SignedDuration::MAX))
                    .unwrap_or(Timestamp::MAX)
            }
        };
        let skipped = SignedDuration::from_secs(self.skipped_seconds.load(Ordering::Relaxed));
        now.saturating_add(skipped).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward by `seconds`.
    pub fn skip(&self, seconds: i64) {
        self.skipped_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}
