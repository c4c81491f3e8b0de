//! The time limit of an invocation's attempts, and the waits between them.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::process::clock::{self, Clock};

/// The latest start of an attempt after arrival: API Gateway gives up after 30 seconds.
const LONGEST_REQUEST: Duration = Duration::from_secs(25);

/// The time kept back to mark deliveries and to respond.
pub const ANSWER_RESERVE: Duration = Duration::from_secs(1);

/// The longest wait after the first failure; each further failure at most doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest wait of all.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// The longest time that a request waits for other transactions on its account. So one busy account cannot occupy every
/// execution environment. At 80 debits a second of one account, half a second is enough.
pub(crate) const CONFLICT_BUDGET: Duration = Duration::from_secs(2);

/// The wait before a request checks a closed gate again, in milliseconds.
const AT_THE_GATE: RangeInclusive<u64> = 5..=20;

/// The decision time of some work, and the time by which it must end.
///
/// A request is decided at the time of its arrival. A run of many pieces gives each its own time, with [`Self::starting`].
#[derive(Clone, Debug)]
pub struct Deadline {
    clock: Clock,
    /// The arrival of the request, or the beginning of the work.
    start: Timestamp,
    until: Timestamp,
}

impl Deadline {
    /// The deadline of a request that arrived at `arrival`. `kept_back` is left before the invocation's `deadline`.
    ///
    /// A deadline before the arrival is ignored: `cargo lambda watch` always sends one of 1970.
    pub fn new(
        clock: &Clock,
        arrival: Timestamp,
        deadline: Option<Timestamp>,
        kept_back: Duration,
    ) -> Self {
        let end = arrival
            .saturating_add(LONGEST_REQUEST)
            .unwrap_or(Timestamp::MAX);
        let end = deadline
            .filter(|deadline| *deadline > arrival)
            .map_or(end, |deadline| deadline.min(end));
        let until = end
            .saturating_sub(kept_back)
            .unwrap_or(arrival)
            .max(arrival);
        Self {
            clock: clock.clone(),
            start: arrival,
            until,
        }
    }

    /// Runs work until the time is up; None if it takes longer.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = Option<F::Output>> + use<F> {
        self.clock.within(self.left(), work)
    }

    /// Waits with full jitter before another attempt; returns false if the time is up.
    pub async fn another(&self, failed_attempts: u32) -> bool {
        let longest = FIRST_WAIT
            .saturating_mul(1 << failed_attempts.min(10))
            .min(LONGEST_WAIT);
        let wait = longest * fastrand::u32(1..=1_000) / 1_000;
        let left = clock::until(self.until, self.clock.now());
        if left <= wait {
            return false;
        }
        self.clock.sleep(wait).await;
        true
    }

    /// Waits for a gate that is closed for some milliseconds. Returns false if the time is up.
    pub(crate) async fn at_the_gate(&self) -> bool {
        let wait = Duration::from_millis(fastrand::u64(AT_THE_GATE));
        if self.left() <= wait {
            return false;
        }
        self.clock.sleep(wait).await;
        true
    }

    /// A deadline this long from now on, to use the time that was kept back. It ignores the invocation's deadline.
    pub fn lasting(clock: &Clock, duration: Duration) -> Self {
        let start = clock.now();
        let until = start.saturating_add(duration).unwrap_or(Timestamp::MAX);
        Self {
            clock: clock.clone(),
            start,
            until,
        }
    }

    /// The same deadline, cut to `longest` from now on.
    #[must_use]
    pub fn at_most(&self, longest: Duration) -> Self {
        let cut = Self::lasting(&self.clock, longest);
        Self {
            until: cut.until.min(self.until),
            ..self.clone()
        }
    }

    /// The same deadline for work that is decided at the time `start`.
    #[must_use]
    pub fn starting(&self, start: Timestamp) -> Self {
        Self {
            start,
            ..self.clone()
        }
    }

    /// Returns the time at which the work is decided.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Returns the time of its clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the time left for one attempt.
    pub fn left(&self) -> Duration {
        clock::until(self.until, self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn work_ends_before_the_deadline_by_the_time_kept_back() {
        let arrival = at(1_000);
        for (deadline, end) in [
            (None, 1_021),
            (Some(at(1_010)), 1_006),
            (Some(at(2_000)), 1_021),
            // `cargo lambda watch` sends a deadline of 1970.
            (Some(at(600)), 1_021),
            (Some(at(1_002)), 1_000),
        ] {
            let deadline =
                Deadline::new(&Clock::system(), arrival, deadline, Duration::from_secs(4));
            assert_eq!(deadline.until, at(end), "{deadline:?}");
        }
    }

    #[test]
    fn a_cut_counts_from_now_and_never_extends_the_deadline() {
        let clock = Clock::system();
        let deadline = Deadline::new(&clock, clock.now(), None, Duration::ZERO);
        let (short, long) = (Duration::from_secs(1), Duration::from_mins(1));
        assert!(deadline.left() > Duration::from_secs(20));
        assert!(deadline.at_most(short).left() <= short);
        assert_eq!(deadline.at_most(long).until, deadline.until);
        assert!(Deadline::lasting(&clock, long).left() > Duration::from_secs(50));
        assert!(deadline.now() >= clock.now().saturating_sub(short).unwrap());
    }

    #[tokio::test]
    async fn waiting_stops_when_the_time_is_up() {
        let clock = Clock::skipping_from(at(1_000));
        let deadline = Deadline::new(&clock, clock.now(), None, Duration::ZERO);
        let deadline = deadline.at_most(Duration::from_millis(30));
        let mut attempts = 0;
        while deadline.another(attempts).await {
            attempts += 1;
        }
        assert!(clock.now() <= deadline.until);
        assert!(!deadline.at_most(Duration::ZERO).another(1_000).await);
    }
}
