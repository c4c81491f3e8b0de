//! The outcome of a round of usages, which traces and meter events share.

use std::collections::{HashMap, HashSet};

use crate::delivery::{Mark, Marks, SinkSet, UsageProgress};
use crate::words::id::{AccountId, UsageId};
use crate::words::sink::PerSink;

/// The reason for which an event that is too old to be sent is parked.
pub(super) const TOO_OLD: &str =
    "not confirmed within 23 hours; `sparks reconcile` shows whether Stripe has it";

/// The outcome of each usage in a round, by its id.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) marks: PerSink<HashMap<UsageId, Mark>>,
    /// Usages that were claimed and could not be tried.
    pub(super) untried: HashSet<UsageId>,
    /// The deliveries of each usage that were to be attempted.
    pub(super) attempted: HashMap<UsageId, SinkSet>,
}

impl Outcome {
    /// Returns the marks of a usage.
    pub(super) fn marks_of(&self, id: &UsageId) -> Marks {
        let marks = self.marks.as_ref();
        marks.map(|marks| marks.get(id).cloned())
    }
}

/// Groups usages by account, in their order.
pub(super) fn by_account<'a>(
    usages: &[&'a UsageProgress],
) -> Vec<(AccountId, Vec<&'a UsageProgress>)> {
    let mut places: HashMap<&AccountId, usize> = HashMap::new();
    let mut accounts: Vec<(AccountId, Vec<&'a UsageProgress>)> = Vec::new();
    for usage in usages {
        let account = &usage.entry.account;
        let place = *places.entry(account).or_insert_with(|| {
            accounts.push((account.clone(), Vec::new()));
            accounts.len() - 1
        });
        accounts[place].1.push(usage);
    }
    accounts
}
