//! Replays the changes of an account's grants from the entries that booked them. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ledger::grants::{self, Grant};
use crate::ledger::holdings::Holdings;
use crate::table::item::{self, Item, Malformed};
use crate::words::entry_id::EntryId;
use crate::words::sparks::Sparks;

/// The entries that changed the grants of one account.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<Change>);

/// An entry that changed the grants, with its place among the debits.
#[derive(Debug)]
struct Change {
    version: i64,
    settled: Sparks,
    id: EntryId,
    effect: Effect,
}

/// The effect of an entry on the grants. The variants are in the order in which one settlement books them.
#[derive(Debug)]
pub(super) enum Effect {
    /// The rest of a grant expired.
    Expired { grant: EntryId, left: Sparks },
    /// The free Sparks of a month came in.
    GrantedFree(Grant),
    /// Other Sparks came in, or were restored.
    Granted(Grant),
    /// A refund, a dispute or a credit note took Sparks of a purchase.
    TakenBack { purchase: EntryId, taken: Sparks },
    /// The operator took a grant back. That is all that was left, or at most the correction's amount if other credits
    /// joined the grant.
    TakenOut {
        grant: EntryId,
        at_most: Sparks,
        taken: Sparks,
    },
}

impl Effect {
    const fn order(&self) -> u8 {
        match self {
            Self::Expired { .. } => 0,
            Self::GrantedFree(_) => 1,
            Self::Granted(_) | Self::TakenBack { .. } | Self::TakenOut { .. } => 2,
        }
    }
}

impl Changes {
    /// Adds an entry with its effect.
    pub(super) fn add(&mut self, entry: &Item, effect: Effect) -> Result<(), Malformed> {
        self.0.push(Change {
            version: item::read_number(entry, "grants_version")?,
            settled: item::read_amount(entry, "settled")?,
            id: item::read_parsed(entry, "id")?,
            effect,
        });
        Ok(())
    }

    /// Returns the version of the grants after the last change; 0 without one.
    pub(super) fn last_version(&self) -> i64 {
        let versions = self.0.iter().map(|change| change.version);
        versions.max().unwrap_or(0)
    }

    /// Compares what is left of each grant with the replay of all changes.
    pub(super) fn compare(&mut self, found: &Holdings) -> Result<(), String> {
        let mut replayed = self.replayed(found.account.created_at)?;
        let late = || "the entries settle more debits than the account".to_owned();
        attribute(&mut replayed, found.account.settled).ok_or_else(late)?;
        let left = |grants: &[Grant]| -> BTreeMap<EntryId, Sparks> {
            let grants = grants.iter();
            grants
                .map(|grant| (grant.id.clone(), grant.remaining))
                .collect()
        };
        if left(&replayed.grants) != left(&found.grants) {
            return Err("the remaining grants differ from the entries".to_owned());
        }
        Ok(())
    }

    /// Replays all changes of the grants.
    pub(super) fn replayed(&mut self, created_at: Timestamp) -> Result<Holdings, String> {
        self.0
            .sort_by_key(|change| (change.version, change.effect.order()));
        let mut replayed = Holdings::new(false, created_at);
        for change in &self.0 {
            let id = &change.id;
            attribute(&mut replayed, change.settled)
                .ok_or_else(|| format!("`{id}` settles fewer debits than an earlier change"))?;
            match &change.effect {
                Effect::Expired { grant, left } => {
                    let place = replayed.grants.iter().position(|known| known.id == *grant);
                    let known = place.map(|place| replayed.grants.swap_remove(place));
                    if known.is_none_or(|known| known.remaining != *left) {
                        return Err(format!("`{id}` does not expire what was left of its grant"));
                    }
                    replayed.account.available = replayed
                        .account
                        .available
                        .checked_sub(*left)
                        .ok_or_else(|| format!("`{id}` is out of range"))?;
                }
                Effect::GrantedFree(grant) | Effect::Granted(grant) => replayed
                    .credit(grant.clone())
                    .ok_or_else(|| format!("`{id}` is out of range"))?,
                Effect::TakenBack { purchase, taken } => replayed
                    .take_back(purchase, *taken)
                    .ok_or_else(|| format!("`{id}` is out of range"))?,
                Effect::TakenOut {
                    grant,
                    at_most,
                    taken,
                } => {
                    if replayed.take_out(grant, *at_most) != Some(*taken) {
                        return Err(format!("`{id}` does not take what was left of its grant"));
                    }
                }
            }
        }
        Ok(replayed)
    }
}

/// Attributes the debits up to a settlement.
fn attribute(holdings: &mut Holdings, settled: Sparks) -> Option<()> {
    let account = &mut holdings.account;
    let debits = settled.checked_sub(account.settled)?;
    if debits < Sparks::ZERO {
        return None;
    }
    grants::burn(&mut holdings.grants, debits)?;
    account.available = account.available.checked_sub(debits)?;
    account.settled = settled;
    account.debited = settled;
    Some(())
}
