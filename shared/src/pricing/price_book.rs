//! The price book, and the exact arithmetic from quantities to Sparks.
//!
//! A usage's lines are summed as exact fractions and rounded **up once**, to a milli-Spark. The amounts
//! printed for the lines add up to that total: each is rounded down, and the milli-Sparks left over go to
//! the lines with the largest remainders, ties to the earlier line.
//!
//! Costs at a model's provider are counted in atto-dollars (10⁻¹⁸ USD), Spark prices in the same unit, so
//! that a price per million tokens times a count of tokens is a whole number.

mod exact;
mod listing;
pub mod models;
mod pattern;
mod table;

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::decimal;
use crate::words::meter::{Line, Meter, Tokens};
use crate::words::sparks::Sparks;
use exact::Fraction;

/// The day the rates below were last changed; part of the price version.
const RATES_OF: &str = "2026-11-22";

/// The largest total: Stripe accepts meter values of at most 15 significant digits.
/// <https://docs.stripe.com/changelog/dahlia/2026-04-22/billing-meter-event-values-validation>
const MAX_TOTAL_MILLI: u128 = 999_999_999_999_999;

const ATTO_PER_PICO: u128 = 1_000_000;

/// The price of a Spark, and the margin on provider costs.
const SPARK_RATES: SparkRates = SparkRates {
    spark_pico_usd: 40_000_000,
    margin_basis_points: 12_000,
};
/// 1,000 tokens of no named model cost 100 Sparks.
const TOKEN_RATE: FlatRate = FlatRate {
    milli_sparks: 100_000,
    per: 1_000,
};
/// One minute of computing costs 50 Sparks.
const COMPUTE_RATE: FlatRate = FlatRate {
    milli_sparks: 50_000,
    per: 60_000,
};
/// One gigabyte-month (730 hours) costs 500 Sparks.
const STORAGE_RATE: FlatRate = FlatRate {
    milli_sparks: 500_000,
    per: 730_000_000,
};

static VERSION: LazyLock<String> = LazyLock::new(|| format!("{RATES_OF}.{}", models::DIGEST));

/// The version of the prices in this build. Any change of a rate or a model price changes it.
pub fn version() -> &'static str {
    &VERSION
}

/// The price of a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The total, rounded up once.
    pub total: Sparks,
    /// The lines, in order; their amounts add up to the total.
    pub lines: Vec<PricedLine>,
}

/// One line with its price and the unit prices that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// The meter and the quantity.
    #[serde(flatten)]
    pub line: Line,
    /// The line's share of the total.
    pub sparks: Sparks,
    /// The prices it was charged at.
    pub unit_price: UnitPrice,
}

impl PricedLine {
    /// Returns the line's cost at the model's provider; None for flat rates.
    pub fn provider_cost(&self) -> Option<AttoUsd> {
        let (UnitPrice::Model { rates, .. }, Line::AiTokens { tokens, .. }) =
            (&self.unit_price, &self.line)
        else {
            return None;
        };
        rates.cost(tokens).map(AttoUsd)
    }

    /// Returns the model's name in the price table, never the caller's text. None for flat rates.
    pub fn model_id(&self) -> Option<&str> {
        match &self.unit_price {
            UnitPrice::Model { model, .. } => Some(model),
            UnitPrice::Flat(_) => None,
        }
    }
}

/// A sum of money in atto-dollars, 10⁻¹⁸ USD. It prints as an exact decimal of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttoUsd(pub u128);

impl std::fmt::Display for AttoUsd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&decimal::print(self.0, 18))
    }
}

/// Returns the selling price of an amount of Sparks; zero if it is negative.
pub fn value_of(sparks: Sparks) -> AttoUsd {
    let milli = u128::from(sparks.milli().max(0).unsigned_abs());
    AttoUsd(milli * u128::from(SPARK_RATES.spark_pico_usd) * (ATTO_PER_PICO / 1_000))
}

/// Returns each meter's flat rate. That is the Sparks, and the quantity they pay for in the meter's smallest unit.
pub fn flat_rates() -> [(Meter, Sparks, u64); 3] {
    Meter::ALL.map(|meter| {
        let rate = match meter {
            Meter::AiTokens => TOKEN_RATE,
            Meter::Compute => COMPUTE_RATE,
            Meter::Storage => STORAGE_RATE,
        };
        let milli = i64::try_from(rate.milli_sparks).unwrap_or(i64::MAX);
        (meter, Sparks::from_milli(milli), rate.per)
    })
}

/// The price by which a line's quantity becomes Sparks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UnitPrice {
    /// A fixed number of Sparks for a fixed quantity.
    Flat(FlatRate),
    /// The provider's prices for a model, with the margin, at the price of a Spark.
    Model {
        /// The model's name in the price table.
        model: String,
        /// The provider's prices.
        rates: TokenRates,
        /// The price of a Spark, and the margin.
        #[serde(flatten)]
        sparks: SparkRates,
    },
}

/// A price in Sparks: `milli_sparks` for `per` of the meter's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatRate {
    milli_sparks: u64,
    per: u64,
}

/// The price of a Spark in pico-dollars, and the margin on provider costs. A margin of 10,000 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkRates {
    spark_pico_usd: u64,
    margin_basis_points: u64,
}

/// A provider's prices in pico-dollars per million tokens. Reasoning follows output unless priced itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRates {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
}

/// A usage without a price.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The model is not in the price book, or had no price at that time.
    #[error("line {line} names a model without a price")]
    UnknownModel {
        /// The line's position, from 0.
        line: usize,
    },
    /// The model has no price for a class of tokens the line counts.
    #[error("line {line} counts {class}, for which its model has no price")]
    UnpricedTokens {
        /// The line's position, from 0.
        line: usize,
        /// The field that has no price.
        class: &'static str,
    },
    /// The total is more than Stripe's meter accepts.
    #[error("the total is over {MAX_TOTAL_MILLI} milli-Sparks")]
    TooMuch,
}

/// Prices lines at the rates in force at a time.
///
/// ```
/// use shared::pricing::price_book;
/// use shared::words::meter::{Line, Tokens};
/// let tokens = Tokens { input_tokens: 1_000, ..Tokens::default() };
/// let price = price_book::price(&[Line::AiTokens { model: None, tokens }], jiff::Timestamp::UNIX_EPOCH)?;
/// assert_eq!(price.total.to_string(), "100.000");
/// # Ok::<(), price_book::Error>(())
/// ```
pub fn price(lines: &[Line], at: Timestamp) -> Result<Price, Error> {
    let mut priced = Vec::with_capacity(lines.len());
    for (position, line) in lines.iter().enumerate() {
        priced.push((line.clone(), unit_price(line, at, position)?));
    }
    share_out(priced).ok_or(Error::TooMuch)
}

/// Prices lines again at the unit prices stored with them, independent of the current rates.
///
/// None if a unit price does not fit its line, or on overflow.
pub fn reprice(lines: &[PricedLine]) -> Option<Price> {
    let lines = lines.iter();
    share_out(
        lines
            .map(|stored| (stored.line.clone(), stored.unit_price.clone()))
            .collect(),
    )
}

/// Rounds the sum of the lines' exact prices up once. Gives each line its share.
fn share_out(lines: Vec<(Line, UnitPrice)>) -> Option<Price> {
    let exact_prices = lines.iter();
    let exact_prices: Option<Vec<Fraction>> = exact_prices
        .map(|(line, unit_price)| unit_price.apply(line))
        .collect();
    let (total, shares) = exact::round_up_once(&exact_prices?)?;
    if total > MAX_TOTAL_MILLI {
        return None;
    }
    let sparks = |milli: u128| i64::try_from(milli).ok().map(Sparks::from_milli);
    let lines = lines.into_iter().zip(shares);
    let lines: Option<Vec<PricedLine>> = lines
        .map(|((line, unit_price), share)| {
            Some(PricedLine {
                line,
                sparks: sparks(share)?,
                unit_price,
            })
        })
        .collect();
    Some(Price {
        total: sparks(total)?,
        lines: lines?,
    })
}

/// Returns the unit price in force for a line at a time.
fn unit_price(line: &Line, at: Timestamp, position: usize) -> Result<UnitPrice, Error> {
    let (name, tokens) = match line {
        Line::Compute { .. } => return Ok(UnitPrice::Flat(COMPUTE_RATE)),
        Line::Storage { .. } => return Ok(UnitPrice::Flat(STORAGE_RATE)),
        Line::AiTokens { model: None, .. } => return Ok(UnitPrice::Flat(TOKEN_RATE)),
        Line::AiTokens {
            model: Some(name),
            tokens,
        } => (name, tokens),
    };
    let rates = models::find(name)
        .and_then(|model| model.rates(at, tokens.total_input()))
        .ok_or(Error::UnknownModel { line: position })?;
    let rates_used =
        TokenRates::for_tokens(&rates, tokens).map_err(|class| Error::UnpricedTokens {
            line: position,
            class,
        })?;
    Ok(UnitPrice::Model {
        model: rates.model.to_owned(),
        rates: rates_used,
        sparks: SPARK_RATES,
    })
}

impl UnitPrice {
    /// Returns the exact price of a line in milli-Sparks. None if it is of another meter, or on overflow.
    fn apply(&self, line: &Line) -> Option<Fraction> {
        match (self, line) {
            (Self::Model { rates, sparks, .. }, Line::AiTokens { tokens, .. }) => {
                let charged = rates
                    .cost(tokens)?
                    .checked_mul(sparks.margin_basis_points.into())?;
                // One milli-Spark costs a thousandth of a Spark; 10,000 basis points are the cost itself.
                let milli_spark =
                    u128::from(sparks.spark_pico_usd).checked_mul(ATTO_PER_PICO / 1_000)?;
                Fraction::new(charged, milli_spark.checked_mul(10_000)?)
            }
            (Self::Flat(rate), line) => {
                let numerator =
                    u128::from(line.quantity()).checked_mul(rate.milli_sparks.into())?;
                Fraction::new(numerator, rate.per.into())
            }
            (Self::Model { .. }, _) => None,
        }
    }
}

impl TokenRates {
    /// Keeps the prices of the classes in use. Fails with the first class that has no price.
    fn for_tokens(rates: &models::Rates, tokens: &Tokens) -> Result<Self, &'static str> {
        let used = |count: u64, rate: Option<u64>, class: &'static str| match (count, rate) {
            (0, _) => Ok(None),
            (_, Some(rate)) => Ok(Some(rate)),
            (_, None) => Err(class),
        };
        // Without a price of their own, cached and written tokens are ordinary input.
        let cached = rates.cached_input.or(rates.input);
        let written = rates.cache_write.or(rates.input);
        let reasoning = rates.reasoning.or(rates.output);
        Ok(Self {
            input: used(tokens.input_tokens, rates.input, "input_tokens")?,
            cached: used(tokens.cached_input_tokens, cached, "cached_input_tokens")?,
            written: used(tokens.cache_write_tokens, written, "cache_write_tokens")?,
            output: used(tokens.output_tokens, rates.output, "output_tokens")?,
            reasoning: used(tokens.reasoning_tokens, reasoning, "reasoning_tokens")?,
        })
    }

    /// Each class with its count and price, in the order input, cached, written, output, reasoning.
    fn classes(&self, tokens: &Tokens) -> [(u64, Option<u64>); 5] {
        [
            (tokens.input_tokens, self.input),
            (tokens.cached_input_tokens, self.cached),
            (tokens.cache_write_tokens, self.written),
            (tokens.output_tokens, self.output),
            (tokens.reasoning_tokens, self.reasoning),
        ]
    }

    /// Returns the provider's price of these tokens in atto-dollars. None if a class in use has no price.
    fn cost(&self, tokens: &Tokens) -> Option<u128> {
        self.costs(tokens)
            .into_iter()
            .try_fold(0_u128, |sum, cost| sum.checked_add(cost?))
    }

    /// The provider's price of each class: input, cached, written, output, reasoning.
    pub fn costs(&self, tokens: &Tokens) -> [Option<u128>; 5] {
        self.classes(tokens)
            .map(|(count, rate)| match (count, rate) {
                (0, _) => Some(0),
                (count, rate) => u128::from(count).checked_mul(rate?.into()),
            })
    }
}

#[cfg(test)]
mod tests;
