//! The items on sale and their terms. Stripe's price ids are configuration; clients never handle them.

mod listing;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::pricing::price_id::PriceId;
use crate::words::money::{Currency, Money};
use crate::words::sparks::Sparks;

pub use listing::{Listing, listing};

/// The version of the catalogue. An order keeps the terms it was made at, so a change affects only new orders.
pub const VERSION: &str = "2026-11-22";

/// The currency of every price.
pub const CURRENCY: Currency = Currency::USD;

/// The largest quantity of one pack in an order.
pub const MAX_QUANTITY: u32 = 100;

/// The kind of an offer: paid once, or every month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sparks that are paid once.
    Pack,
    /// Sparks that are granted, and paid, every month.
    Plan,
}

/// An item on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The name by which a client orders it.
    pub item: &'static str,
    /// The name shown to people.
    pub name: &'static str,
    /// Paid once, or every month.
    pub kind: Kind,
    /// The Sparks it grants; for a plan, each month.
    pub sparks: Sparks,
    /// The price in US cents; for a plan, each month.
    pub price_cents: u32,
}

const fn offer(
    item: &'static str,
    name: &'static str,
    kind: Kind,
    thousand_sparks: i64,
    price_cents: u32,
) -> Offer {
    Offer {
        item,
        name,
        kind,
        sparks: Sparks::from_milli(thousand_sparks * 1_000_000),
        price_cents,
    }
}

/// All items on sale, packs first and the smallest first.
pub const OFFERS: [Offer; 4] = [
    offer("pack_125k", "125,000 Sparks", Kind::Pack, 125, 500),
    offer("pack_500k", "500,000 Sparks", Kind::Pack, 500, 2_000),
    offer("pack_2500k", "2,500,000 Sparks", Kind::Pack, 2_500, 9_000),
    offer(
        "plus",
        "Plus: 500,000 Sparks a month",
        Kind::Plan,
        500,
        2_000,
    ),
];

/// The Sparks that the free plan grants each calendar month (UTC).
pub const FREE_PLAN_SPARKS: Sparks = Sparks::from_milli(10_000_000);

/// The Stripe price id of each item.
pub type PriceIds = BTreeMap<String, PriceId>;

/// The terms at which a deployment grants plans.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The deployment.
    pub stage: String,
    /// The Stripe price ids.
    pub price_ids: PriceIds,
    /// The time after its period in which a plan's Sparks can still be used.
    pub grace: SignedDuration,
}

/// The terms of an order. They never change, even if the catalogue does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// The item.
    pub item: String,
    /// Paid once, or every month.
    pub kind: Kind,
    /// The quantity.
    pub quantity: u32,
    /// The Sparks of the whole quantity; for a plan, each month.
    pub sparks: Sparks,
    /// The price of the whole quantity before discounts and taxes.
    #[serde(flatten)]
    pub price: Money,
    /// The Stripe price id of one unit.
    pub price_id: PriceId,
    /// The version of the catalogue.
    pub catalog_version: String,
}

/// An order that cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The item is not for sale.
    #[error("the item is not for sale")]
    UnknownItem,
    /// The quantity is zero, or too large for one order.
    #[error("the quantity must be from 1 to {0}")]
    Quantity(u32),
}

/// Orders `quantity` of an item.
pub fn order(item: &str, quantity: u32, price_ids: &PriceIds) -> Result<OrderTerms, Error> {
    let offer = OFFERS.iter().find(|offer| offer.item == item);
    let (offer, price_id) = offer.zip(price_ids.get(item)).ok_or(Error::UnknownItem)?;
    let most = match offer.kind {
        Kind::Pack => MAX_QUANTITY,
        Kind::Plan => 1,
    };
    if !(1..=most).contains(&quantity) {
        return Err(Error::Quantity(most));
    }
    let sparks = offer.sparks.milli().checked_mul(quantity.into());
    let price = Money::new(offer.price_cents.into(), CURRENCY).checked_mul(quantity);
    let (sparks, price) = sparks.zip(price).ok_or(Error::Quantity(most))?;
    Ok(OrderTerms {
        item: item.to_owned(),
        kind: offer.kind,
        quantity,
        sparks: Sparks::from_milli(sparks),
        price,
        price_id: price_id.clone(),
        catalog_version: VERSION.to_owned(),
    })
}

/// Returns an order of the plan with this Stripe price id. None if no plan has it.
pub fn plan_of_price(price_id: &PriceId, price_ids: &PriceIds) -> Option<OrderTerms> {
    let plans = OFFERS.iter().filter(|offer| offer.kind == Kind::Plan);
    let mut plans = plans.filter(|plan| price_ids.get(plan.item).is_some_and(|id| id == price_id));
    order(plans.next()?.item, 1, price_ids).ok()
}

/// Returns each pack that covers the missing Sparks; the largest one if none does.
pub fn packs_covering(required: Sparks, available: Sparks) -> Vec<&'static str> {
    let missing = required.checked_sub(available);
    let packs = || OFFERS.iter().filter(|offer| offer.kind == Kind::Pack);
    let enough: Vec<_> = packs()
        .filter(|pack| missing.is_some_and(|missing| pack.sparks >= missing))
        .map(|pack| pack.item)
        .collect();
    if enough.is_empty() {
        packs()
            .next_back()
            .map(|pack| pack.item)
            .into_iter()
            .collect()
    } else {
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price_ids() -> PriceIds {
        OFFERS
            .iter()
            .map(|offer| {
                (
                    offer.item.to_owned(),
                    format!("price_{}", offer.item).as_str().into(),
                )
            })
            .collect()
    }

    #[test]
    fn only_packs_that_cover_the_missing_sparks_are_offered() {
        for (milli, items) in [
            (1, &["pack_125k", "pack_500k", "pack_2500k"][..]),
            (125_000_001, &["pack_500k", "pack_2500k"]),
            (9_000_000_000, &["pack_2500k"]),
            (i64::MAX, &["pack_2500k"]),
        ] {
            let (required, available) = (Sparks::from_milli(milli), Sparks::ZERO);
            assert_eq!(packs_covering(required, available), items);
        }
    }

    #[test]
    fn an_order_has_the_catalogues_terms() {
        for (item, quantity, sparks, amount) in [
            ("pack_125k", 1, "125000.000", 500),
            ("pack_500k", 3, "1500000.000", 6_000),
            ("pack_2500k", 100, "250000000.000", 900_000),
            ("plus", 1, "500000.000", 2_000),
        ] {
            let order = order(item, quantity, &price_ids()).unwrap();
            assert_eq!(
                (order.sparks.to_string().as_str(), order.price),
                (sparks, Money::new(amount, CURRENCY))
            );
            assert_eq!(order.price_id.as_str(), format!("price_{item}"));
        }
    }

    #[test]
    fn unknown_items_and_wrong_quantities_cannot_be_ordered() {
        for (item, quantity, error) in [
            ("pack_1", 1, Error::UnknownItem),
            ("free", 1, Error::UnknownItem),
            ("", 1, Error::UnknownItem),
            ("pack_500k", 0, Error::Quantity(100)),
            ("pack_500k", 101, Error::Quantity(100)),
            ("plus", 2, Error::Quantity(1)),
            ("plus", 0, Error::Quantity(1)),
        ] {
            assert_eq!(
                order(item, quantity, &price_ids()),
                Err(error),
                "{item} {quantity}"
            );
        }
        assert_eq!(order("plus", 1, &PriceIds::new()), Err(Error::UnknownItem));
    }
}
