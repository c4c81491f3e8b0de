//! The form of the generated price table.

use std::ops::Range;

use jiff::civil::Date;

use super::pattern::Rule;

/// A provider of the table.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) id: &'static str,
    /// The rule for names of this provider's models.
    pub(super) rule: Rule,
    /// The providers whose models are tried when none of its own accepts the name.
    pub(super) fallbacks: &'static [&'static str],
    pub(super) listings: &'static [Listing],
}

/// A model as the table lists it.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) id: &'static str,
    pub(super) rule: Rule,
    /// The last one whose conditions hold is in force.
    pub(super) prices: &'static [Price],
}

/// A row of prices, in pico-dollars per million tokens, with its conditions.
#[derive(Debug)]
pub(super) struct Price {
    /// The first day, in UTC.
    pub(super) from: Date,
    /// The seconds of each UTC day.
    pub(super) during: Range<u32>,
    /// The number of input tokens, of all kinds, that a request must exceed.
    pub(super) above: Option<u64>,
    pub(super) input: Option<u64>,
    pub(super) cached_input: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

/// The defaults of a row: always in force, and no prices.
pub(super) const NONE: Price = Price {
    from: Date::MIN,
    during: 0..SECONDS_PER_DAY,
    above: None,
    input: None,
    cached_input: None,
    cache_write: None,
    output: None,
    reasoning: None,
};

const SECONDS_PER_DAY: u32 = 24 * 60 * 60;
