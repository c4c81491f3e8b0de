//! A circuit breaker per provider: after repeated failures, calls are skipped for a while.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use jiff::Timestamp;

/// The number of failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 3;

/// The time that an open circuit stays open, in milliseconds.
const OPEN_MS: i64 = 30_000;

/// The health of a provider, as far as this execution environment knows.
///
/// Counters only guide effort, never money: a lost race costs one call more or less.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    failures: AtomicU32,
    open_until_ms: AtomicI64,
}

impl Circuit {
    /// Returns whether calls are skipped for now.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        now.as_millisecond() < self.open_until_ms.load(Ordering::Relaxed)
    }

    /// Records a response, whatever its contents.
    pub(crate) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Records a timeout, a broken connection or a server error.
    pub(crate) fn failed(&self, now: Timestamp) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_TO_OPEN {
            self.open(now);
        }
    }

    /// Skips the provider from now on for 30 seconds.
    pub(crate) fn open(&self, now: Timestamp) {
        self.failures.store(0, Ordering::Relaxed);
        self.open_until_ms.store(
            now.as_millisecond().saturating_add(OPEN_MS),
            Ordering::Relaxed,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn three_failures_in_a_row_open_the_circuit_for_thirty_seconds() {
        let circuit = Circuit::default();
        circuit.failed(at(0));
        circuit.failed(at(0));
        assert!(!circuit.is_open(at(0)));
        circuit.failed(at(0));
        assert!(circuit.is_open(at(29)));
        assert!(!circuit.is_open(at(30)));
    }

    #[test]
    fn a_success_resets_the_count_of_failures() {
        let circuit = Circuit::default();
        circuit.failed(at(0));
        circuit.failed(at(0));
        circuit.succeeded();
        circuit.failed(at(0));
        assert!(!circuit.is_open(at(0)));
    }
}
