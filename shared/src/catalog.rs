//! What can be bought: packs of Sparks. Stripe's price ids are configuration, never a client's business.

use crate::sparks::Sparks;

/// A pack of Sparks that is paid once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The name a client buys it by.
    pub item: &'static str,
    /// What it holds.
    pub sparks: Sparks,
    /// What it costs, in US cents.
    pub price_cents: u32,
}

/// Every pack, the smallest first.
pub const PACKS: [Pack; 3] = [
    Pack {
        item: "pack_125k",
        sparks: Sparks::from_milli(125_000_000),
        price_cents: 500,
    },
    Pack {
        item: "pack_500k",
        sparks: Sparks::from_milli(500_000_000),
        price_cents: 2_000,
    },
    Pack {
        item: "pack_2500k",
        sparks: Sparks::from_milli(2_500_000_000),
        price_cents: 9_000,
    },
];

/// The packs of which one is enough for what is missing; the largest when none is.
pub fn packs_covering(missing: Sparks) -> Vec<&'static str> {
    let enough: Vec<_> = PACKS
        .iter()
        .filter(|pack| pack.sparks >= missing)
        .map(|pack| pack.item)
        .collect();
    if enough.is_empty() {
        PACKS.last().map(|pack| pack.item).into_iter().collect()
    } else {
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packs_that_cover_what_is_missing_are_offered() {
        for (milli, items) in [
            (1, &["pack_125k", "pack_500k", "pack_2500k"][..]),
            (125_000_001, &["pack_500k", "pack_2500k"]),
            (9_000_000_000, &["pack_2500k"]),
        ] {
            assert_eq!(packs_covering(Sparks::from_milli(milli)), items);
        }
    }
}
