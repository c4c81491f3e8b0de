//! The catalogue as an app shows it: packs, plans and the rates of usage.

use serde::Serialize;

use super::{CURRENCY, FREE_PLAN_SPARKS, Kind, MAX_QUANTITY, OFFERS, Offer, VERSION};
use crate::pricing::price_book;
use crate::words::decimal;
use crate::words::meter::{GigabyteHours, Meter};
use crate::words::money::Currency;
use crate::words::sparks::Sparks;

/// The packs, the plans and the rates of usage.
#[derive(Debug, Serialize)]
pub struct Listing {
    version: &'static str,
    currency: Currency,
    packs: Vec<Pack>,
    plans: Vec<Plan>,
    /// The price of one Spark, in US dollars.
    spark_usd: String,
    rates: Vec<Rate>,
    price_version: &'static str,
}

/// Sparks that are paid once.
#[derive(Debug, Serialize)]
struct Pack {
    item: &'static str,
    name: &'static str,
    sparks: Sparks,
    price_cents: u32,
    max_quantity: u32,
}

/// Sparks that are granted each month.
#[derive(Debug, Serialize)]
struct Plan {
    item: &'static str,
    name: &'static str,
    sparks: Sparks,
    price_cents: u32,
    interval: &'static str,
    /// False for the free plan, which is not bought.
    for_sale: bool,
}

/// The rate of one meter for usage that names no model.
#[derive(Debug, Serialize)]
struct Rate {
    meter: Meter,
    sparks: Sparks,
    per: String,
    unit: &'static str,
}

/// Lists the catalogue of this build.
pub fn listing() -> Listing {
    let packs = OFFERS.iter().filter(|offer| offer.kind == Kind::Pack);
    let plans = OFFERS.iter().filter(|offer| offer.kind == Kind::Plan);
    let free = Plan {
        item: "free",
        name: "Free",
        sparks: FREE_PLAN_SPARKS,
        price_cents: 0,
        interval: "month",
        for_sale: false,
    };
    Listing {
        version: VERSION,
        currency: CURRENCY,
        packs: packs.map(Pack::of).collect(),
        plans: [free].into_iter().chain(plans.map(Plan::of)).collect(),
        spark_usd: price_book::value_of(Sparks::from_milli(1_000)).to_string(),
        rates: price_book::flat_rates().map(Rate::of).into(),
        price_version: price_book::version(),
    }
}

impl Pack {
    const fn of(offer: &Offer) -> Self {
        Self {
            item: offer.item,
            name: offer.name,
            sparks: offer.sparks,
            price_cents: offer.price_cents,
            max_quantity: MAX_QUANTITY,
        }
    }
}

impl Plan {
    const fn of(offer: &Offer) -> Self {
        Self {
            item: offer.item,
            name: offer.name,
            sparks: offer.sparks,
            price_cents: offer.price_cents,
            interval: "month",
            for_sale: true,
        }
    }
}

impl Rate {
    fn of((meter, sparks, per): (Meter, Sparks, u64)) -> Self {
        let (places, unit) = match meter {
            Meter::AiTokens => (0, "token"),
            Meter::Compute => (0, "millisecond"),
            Meter::Storage => (GigabyteHours::PLACES, "gigabyte_hour"),
        };
        Self {
            meter,
            sparks,
            per: decimal::print(per.into(), places),
            unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_lists_the_spark_price_and_usage_rates() {
        let listing = serde_json::to_value(listing()).unwrap();
        assert_eq!(listing["spark_usd"], "0.00004");
        let rates: Vec<String> = listing["rates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rate| format!("{} for {} {}", rate["sparks"], rate["per"], rate["unit"]))
            .collect();
        assert_eq!(
            rates,
            [
                r#""100.000" for "1000" "token""#,
                r#""50.000" for "60000" "millisecond""#,
                r#""500.000" for "730" "gigabyte_hour""#,
            ]
        );
    }
}
