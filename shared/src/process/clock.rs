//! The clock: the only place that reads the time or waits. `main` passes it down as a value.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

/// A source of time and of waits.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Runs at tokio's pace from a chosen start. With tokio's time paused, a wait costs nothing.
    Started {
        at: Timestamp,
        since: tokio::time::Instant,
    },
    /// Frozen; a sleep advances it instantly.
    Skipping(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that reads `at` now, and goes on from there.
    pub fn starting_at(at: Timestamp) -> Self {
        Self(Source::Started {
            at,
            since: tokio::time::Instant::now(),
        })
    }

    /// A clock that starts at `at`; each sleep advances it instantly. Its clones share the time.
    pub fn skipping_from(at: Timestamp) -> Self {
        Self(Source::Skipping(Arc::new(AtomicI64::new(
            at.as_millisecond(),
        ))))
    }

    /// The time, in whole milliseconds: the precision of everything that is stored or sent.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Source::System => Timestamp::now(),
            Source::Started { at, since } => {
                let passed =
                    SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX);
                at.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
            Source::Skipping(at_ms) => {
                Timestamp::from_millisecond(at_ms.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
            }
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Sleeps.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Source::Skipping(at_ms) => {
                let skipped = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                at_ms.fetch_add(skipped, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            _ => tokio::time::sleep(duration).await,
        }
    }

    /// Runs work within a time limit; None if it takes longer. On a skipping clock, waits take no time, and work is not
    /// cut.
    pub fn within<F: Future>(
        &self,
        limit: Duration,
        work: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let limit = match &self.0 {
            Source::Skipping(_) => Duration::MAX,
            _ => limit,
        };
        // Not an async block, which would hold the work twice.
        tokio::time::timeout(limit, work).map(Result::ok)
    }
}

/// Returns the time from `now` until `then`; zero if `then` has passed.
pub fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Formats a time as the API prints it: RFC 3339 in UTC with milliseconds.
pub fn wire(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Parses an RFC 3339 time with any offset; None for every other format.
/// <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>
///
/// ```
/// use shared::process::clock;
/// assert!(clock::read("2026-11-22T21:15:00.5+01:00").is_some());
/// for text in ["2026-11-22", "2026-11-22 20:15:00Z", "20261122T201500Z", "2026-11-22T20:15:00Z[Europe/Paris]", "2026-11-22T20:15:00+24:00"] {
///     assert_eq!(clock::read(text), None, "{text}");
/// }
/// ```
pub fn read(text: &str) -> Option<Timestamp> {
    let (time, rest) = text.split_at_checked("2026-11-22T20:15:00".len())?;
    let places = rest.strip_prefix('.');
    let zone = places.map_or(rest, |places| {
        places.trim_start_matches(|place: char| place.is_ascii_digit())
    });
    let complete = places.is_none_or(|places| places.len() > zone.len());
    let has_zone = zone.eq_ignore_ascii_case("z")
        || ["+00:00", "-00:00"]
            .iter()
            .any(|form| has_form(zone, form) && zone[1..3] < *"24");
    if complete && has_zone && has_form(time, "0000-00-00T00:00:00") {
        text.parse().ok()
    } else {
        None
    }
}

/// Returns whether a text has this form, in which `0` stands for any digit.
fn has_form(text: &str, form: &str) -> bool {
    let alike = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte.eq_ignore_ascii_case(&form),
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(alike)
}
