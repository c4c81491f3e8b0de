//! Plans the next transaction: the usages to charge, and the outcomes of the others. Pure.

use std::collections::{HashMap, HashSet};

use super::super::entry::UsageEntry;
use super::super::rollup;
use super::{Charge, Charged, Facts};
use crate::table::key::Key;
use crate::words::id::UsageId;
use crate::words::sparks::Sparks;

/// DynamoDB accepts at most 100 actions in a transaction.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const MAX_ACTIONS: usize = 100;

/// The plan of one transaction.
pub(super) struct Plan {
    /// The positions that are charged.
    pub(super) charged: Vec<usize>,
    /// The outcomes of all positions up to `end`, once the transaction has committed.
    pub(super) outcomes: Vec<(usize, Charged)>,
    /// The total that is debited.
    pub(super) sum: Sparks,
    /// The balance must be below this; otherwise one of the refusals would be wrong.
    pub(super) ceiling: Option<Sparks>,
    /// The first position that is left for another transaction.
    pub(super) end: usize,
}

impl Plan {
    /// Plans the usages from `start` on, one after another, with what is known so far.
    ///
    /// While the balance is unknown, every new usage counts as affordable. So does every usage that may or may not
    /// exist. None if an amount does not fit.
    pub(super) fn make(charges: &[&mut Charge], start: usize, facts: &Facts) -> Option<Self> {
        let mut plan = Self {
            charged: Vec::new(),
            outcomes: Vec::new(),
            sum: Sparks::ZERO,
            ceiling: None,
            end: charges.len(),
        };
        // This request's own entries, recorded or planned.
        let mut own: HashMap<&UsageId, &UsageEntry> = charges[..start]
            .iter()
            .filter(|charge| charge.outcome == Some(Charged::Recorded))
            .map(|charge| (&charge.entry.id, &charge.entry))
            .collect();
        let mut rollups: HashSet<Key> = HashSet::new();
        for (position, charge) in charges.iter().enumerate().skip(start) {
            let usage = &charge.entry;
            let earlier = facts
                .stored
                .get(&usage.id)
                .or_else(|| own.get(&usage.id).copied());
            if let Some(earlier) = earlier {
                plan.outcomes.push((position, repeated(usage, earlier)));
                continue;
            }
            let sum = plan.sum.checked_add(usage.sparks)?;
            // Only a usage that certainly does not exist can lack funds: any other may be a replay.
            let new = facts.missing.contains(&usage.id);
            if let Some(available) = facts.available.filter(|available| new && sum > *available) {
                plan.ceiling = Some(plan.ceiling.map_or(sum, |ceiling| ceiling.min(sum)));
                let available = available.checked_sub(plan.sum)?;
                plan.outcomes
                    .push((position, Charged::InsufficientSparks { available }));
                continue;
            }
            let mut with_usage = rollups.clone();
            with_usage.extend(rollup::keys(usage));
            if 1 + plan.charged.len() + 1 + with_usage.len() > MAX_ACTIONS {
                plan.end = position;
                break;
            }
            rollups = with_usage;
            plan.sum = sum;
            plan.charged.push(position);
            plan.outcomes.push((position, Charged::Recorded));
            own.insert(&usage.id, usage);
        }
        Some(plan)
    }
}

/// Returns the outcome of a usage whose id existed before.
pub(super) fn repeated(usage: &UsageEntry, earlier: &UsageEntry) -> Charged {
    if usage.request_hash == earlier.request_hash {
        Charged::Replayed(Box::new(earlier.clone()))
    } else {
        Charged::Reused
    }
}
