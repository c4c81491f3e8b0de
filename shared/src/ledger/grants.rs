//! Grants of one account, and the order in which debits and debts burn them. Pure.
//!
//! A debit only raises the account's cumulative `debited`. The next change of the grants, or read of the balance,
//! attributes the debits since the last settlement: they take from the grants in burn order. So a debit is O(1), and
//! the attribution is exact, because the order cannot change in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::entry_id::EntryId;
use crate::words::sparks::Sparks;

/// The source of Sparks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The free plan's monthly Sparks.
    Free,
    /// A promotion.
    Promo,
    /// A paid plan's Sparks.
    Plan,
    /// A bought pack.
    Pack,
    /// Granted by an operator.
    Manual,
}

impl Source {
    pub(crate) const ALL: [Self; 5] = [
        Self::Free,
        Self::Promo,
        Self::Plan,
        Self::Pack,
        Self::Manual,
    ];

    /// The name in the table and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Promo => "promo",
            Self::Plan => "plan",
            Self::Pack => "pack",
            Self::Manual => "manual",
        }
    }

    /// Returns the source with a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    /// Lower burns first; packs and manual grants have the same priority.
    const fn priority(self) -> u8 {
        match self {
            Self::Free => 0,
            Self::Promo => 1,
            Self::Plan => 2,
            Self::Pack | Self::Manual => 3,
        }
    }
}

/// Sparks that came in and are not spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The id of the credit entry that made it.
    pub id: EntryId,
    /// The source of its Sparks.
    pub source: Source,
    /// The Sparks left at the last settlement.
    pub remaining: Sparks,
    /// Time of the credit.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub granted_at: Timestamp,
    /// Expiry of what is left of it.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The purchase whose Sparks these are, if they were clawed back and then restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<EntryId>,
}

impl Grant {
    /// Priority, then earliest expiry (none is last), then oldest, then id.
    fn burn_order(&self) -> (u8, bool, Option<Timestamp>, Timestamp, &EntryId) {
        (
            self.source.priority(),
            self.expires_at.is_none(),
            self.expires_at,
            self.granted_at,
            &self.id,
        )
    }
}

/// Takes `debits` from the grants in burn order, and drops spent grants.
///
/// An amount that no grant covers is not taken: it is the account's debt. None if an amount does not fit.
pub(crate) fn burn(grants: &mut Vec<Grant>, debits: Sparks) -> Option<()> {
    burn_some(grants, debits, |_| true).map(drop)
}

/// Claws back Sparks of one purchase.
///
/// It takes from the purchase's own grant, then from grants that restored a part of it, then from the others in burn
/// order. None if an amount does not fit.
pub(crate) fn take_back(grants: &mut Vec<Grant>, purchase: &EntryId, amount: Sparks) -> Option<()> {
    let left = burn_some(grants, amount, |grant| grant.id == *purchase)?;
    let left = burn_some(grants, left, |grant| {
        grant.restores.as_ref() == Some(purchase)
    })?;
    burn(grants, left)
}

/// Takes an amount out of the grant with an id. None if an amount does not fit.
pub(crate) fn take_out(grants: &mut Vec<Grant>, id: &EntryId, amount: Sparks) -> Option<()> {
    burn_some(grants, amount, |grant| grant.id == *id).map(drop)
}

/// Takes from some of the grants in burn order. Returns the amount that they do not cover.
///
/// None if an amount does not fit, which only a damaged item can cause.
fn burn_some(
    grants: &mut Vec<Grant>,
    amount: Sparks,
    taken_from: impl Fn(&Grant) -> bool,
) -> Option<Sparks> {
    grants.sort_by(|a, b| a.burn_order().cmp(&b.burn_order()));
    let mut left = amount;
    for grant in grants.iter_mut().filter(|grant| taken_from(grant)) {
        let taken = grant.remaining.min(left);
        grant.remaining = grant.remaining.checked_sub(taken)?;
        left = left.checked_sub(taken)?;
    }
    grants.retain(|grant| grant.remaining > Sparks::ZERO);
    Some(left)
}

/// Returns the time of the first expiry.
pub(crate) fn first_expiry(grants: &[Grant]) -> Option<Timestamp> {
    grants.iter().filter_map(|grant| grant.expires_at).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grant(
        id: &str,
        source: Source,
        milli: i64,
        granted_at: i64,
        expires_at: Option<i64>,
    ) -> Grant {
        let at = |second| Timestamp::from_second(second).unwrap();
        Grant {
            id: id.parse().unwrap(),
            source,
            remaining: Sparks::from_milli(milli),
            granted_at: at(granted_at),
            expires_at: expires_at.map(at),
            restores: None,
        }
    }

    #[test]
    fn grants_burn_by_priority_then_expiry_then_age_then_id() {
        let mut grants = vec![
            grant("pack-b", Source::Pack, 1, 5, None),
            grant("pack-a", Source::Pack, 1, 5, None),
            grant("manual-old", Source::Manual, 1, 1, None),
            grant("pack-ends", Source::Pack, 1, 9, Some(90)),
            grant("plan", Source::Plan, 1, 9, Some(99)),
            grant("promo", Source::Promo, 1, 9, None),
            grant("free", Source::Free, 1, 9, Some(99)),
        ];
        let mut burnt = Vec::new();
        while !grants.is_empty() {
            let before = grants.clone();
            burn(&mut grants, Sparks::from_milli(1)).unwrap();
            burnt.extend(
                before
                    .into_iter()
                    .filter(|grant| !grants.contains(grant))
                    .map(|grant| grant.id.to_string()),
            );
        }
        assert_eq!(
            burnt,
            [
                "free",
                "promo",
                "plan",
                "pack-ends",
                "manual-old",
                "pack-a",
                "pack-b"
            ]
        );
    }

    #[test]
    fn an_amount_that_does_not_fit_is_not_dropped() {
        let mut grants = vec![grant("damaged", Source::Pack, i64::MIN, 0, None)];
        assert_eq!(burn(&mut grants, Sparks::from_milli(1)), None);
    }

    proptest! {
        #[test]
        fn burning_takes_exactly_the_debits_while_they_are_covered(
            amounts in prop::collection::vec(1_i64..1_000, 0..10), debits in 0_i64..8_000,
        ) {
            let total: i64 = amounts.iter().sum();
            let mut grants: Vec<_> = amounts
                .iter()
                .enumerate()
                .map(|(index, milli)| grant(&index.to_string(), Source::Pack, *milli, 0, None))
                .collect();
            burn(&mut grants, Sparks::from_milli(debits)).unwrap();
            let left: i64 = grants.iter().map(|grant| grant.remaining.milli()).sum();
            prop_assert_eq!(left, (total - debits).max(0));
        }

        #[test]
        fn burning_in_two_steps_is_burning_at_once(
            amounts in prop::collection::vec(1_i64..1_000, 0..10), first in 0_i64..4_000, second in 0_i64..4_000,
        ) {
            let grants: Vec<_> = amounts
                .iter()
                .enumerate()
                .map(|(index, milli)| grant(&index.to_string(), Source::Plan, *milli, 0, None))
                .collect();
            let (mut stepwise, mut at_once) = (grants.clone(), grants);
            burn(&mut stepwise, Sparks::from_milli(first)).unwrap();
            burn(&mut stepwise, Sparks::from_milli(second)).unwrap();
            burn(&mut at_once, Sparks::from_milli(first + second)).unwrap();
            prop_assert_eq!(stepwise, at_once);
        }
    }
}
