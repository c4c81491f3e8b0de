//! The models of full quarters, remembered by each environment.
//!
//! A roll-up counts 40 models separately. Without this memory, each usage of a further model would be refused once
//! before it counts as `other`: two transactions instead of one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::super::entry::UsageEntry;
use super::super::rollup::{self, KnownModels};

/// The most roll-ups that are remembered: a few kilobytes each.
const MAX_REMEMBERED: usize = 100;

/// The models of roll-ups that had no room for another one.
#[derive(Debug, Default)]
pub(in super::super) struct FullRollups(Mutex<KnownModels>);

impl FullRollups {
    /// Returns the remembered models of the roll-ups that usages are added to.
    pub(super) fn of<'a>(&self, usages: impl Iterator<Item = &'a UsageEntry>) -> KnownModels {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return HashMap::new();
        }
        let keys = usages.flat_map(rollup::keys);
        keys.filter_map(|key| Some((key.clone(), known.get(&key)?.clone())))
            .collect()
    }

    /// Remembers the models of a roll-up that had no room. Models are never removed from a roll-up, so this stays true.
    pub(super) fn remember(&self, learnt: &KnownModels) {
        if learnt.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, models) in learnt {
            if known.len() >= MAX_REMEMBERED && !known.contains_key(key) {
                known.clear();
            }
            known.insert(key.clone(), models.clone());
        }
    }
}
