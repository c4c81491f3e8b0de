//! The measurements of a load: commit times, refusals, and the capacity that the table consumed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use local::dynamodb::Consumed;
use serde_json::Value;

use super::Outcome;
use crate::simulation::items::text;

/// Requests by their keys, with their outcomes.
pub(super) type Requests = Vec<(String, Outcome)>;

/// The result of a load.
#[derive(Debug)]
pub struct Report {
    /// The results of each account.
    pub served: BTreeMap<&'static str, Served>,
    /// The most invocations that were in flight at once.
    pub most_in_flight: usize,
    /// The capacity that the table consumed during the load.
    pub consumed: Consumed,
    /// The rules that were broken.
    pub violations: Vec<String>,
}

/// The results of one account.
#[derive(Debug, Default)]
pub struct Served {
    /// The times from a handler's start to its commit or 503, in ascending order.
    pub commits: Vec<Duration>,
    /// Requests that were recorded.
    pub recorded: usize,
    /// Requests that were answered with a 503.
    pub busy: usize,
    /// Answers of 503 without a `Retry-After`.
    pub without_retry_after: usize,
    /// Requests without a free environment.
    pub shed: usize,
    /// Requests with another answer, or with none.
    pub otherwise: usize,
    /// Refused requests that did not succeed under the same key after the load.
    pub lost: usize,
    /// Entries in the ledger, the first one included.
    pub entries: usize,
}

impl Report {
    pub(super) fn new(before: &Consumed, after: &Consumed, most_in_flight: usize) -> Self {
        let consumed = Consumed {
            write_units: after.write_units - before.write_units,
            read_half_units: after.read_half_units - before.read_half_units,
            transactions: after.transactions - before.transactions,
            conflicts: after.conflicts - before.conflicts,
            throttled: after.throttled - before.throttled,
        };
        Self {
            served: BTreeMap::new(),
            most_in_flight,
            consumed,
            violations: Vec::new(),
        }
    }

    /// Adds an account's requests; `again` of the refused ones succeeded later.
    pub(super) fn add(&mut self, account: &'static str, requests: &Requests, again: usize) {
        let mut served = Served::default();
        let mut refused = 0;
        for (_, outcome) in requests {
            refused += usize::from(outcome.is_refused());
            served.see(outcome);
        }
        served.lost = refused - again;
        served.commits.sort_unstable();
        self.served.insert(account, served);
    }

    /// Counts the usages in the table.
    pub(super) fn count_usages(&mut self, items: &[Value]) {
        let usages = items.iter().filter(|item| text(item, "kind") == "usage");
        for usage in usages {
            if let Some(served) = self.served.get_mut(text(usage, "account")) {
                served.entries += 1;
            }
        }
    }
}

impl Served {
    fn see(&mut self, outcome: &Outcome) {
        let Outcome::Answered {
            answer,
            took,
            committed_after,
        } = outcome
        else {
            match outcome {
                Outcome::Shed => self.shed += 1,
                _ => self.otherwise += 1,
            }
            return;
        };
        match answer.status {
            201 => self.recorded += 1,
            503 => {
                self.busy += 1;
                self.without_retry_after += usize::from(answer.retry_after.is_none());
            }
            _ => self.otherwise += 1,
        }
        self.commits.push(committed_after.unwrap_or(*took));
    }

    /// Returns a percentile of the commit times.
    pub fn at(&self, percent: usize) -> Duration {
        let place = self.commits.len() * percent / 100;
        let last = self.commits.len().saturating_sub(1);
        let time = self.commits.get(place.min(last));
        time.copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (account, served) in &self.served {
            writeln!(
                f,
                "{account}: {} recorded, commit p50 {:?} p99 {:?}, 503 {} ({} without Retry-After), shed {}, \
                 otherwise {}, lost {}",
                served.recorded,
                served.at(50),
                served.at(99),
                served.busy,
                served.without_retry_after,
                served.shed,
                served.otherwise,
                served.lost,
            )?;
        }
        let Consumed {
            write_units,
            read_half_units,
            transactions,
            conflicts,
            throttled,
        } = self.consumed;
        writeln!(
            f,
            "at most {} in flight; {transactions} transactions, {conflicts} conflicts, {throttled} throttled, \
             {write_units} write units, {} read units; {} violations",
            self.most_in_flight,
            read_half_units / 2,
            self.violations.len(),
        )
    }
}
