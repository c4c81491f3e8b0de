//! Costs of whole requests at the table's prices, to the last digit.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use jiff::Timestamp;
use shared::pricing::price_book::models::{self, Rates};

/// A request's exclusive counts of tokens.
struct Request {
    input: u64,
    cached_input: u64,
    output: u64,
}

impl Request {
    fn total_input(&self) -> u64 {
        self.input + self.cached_input
    }

    /// Returns the cost in atto-dollars: tokens times pico-dollars per million tokens.
    fn cost(&self, rates: &Rates) -> u128 {
        [
            (self.input, rates.input),
            (self.cached_input, rates.cached_input),
            (self.output, rates.output),
        ]
        .into_iter()
        .map(|(count, rate)| u128::from(count) * u128::from(rate.unwrap()))
        .sum()
    }
}

fn now() -> Timestamp {
    "2026-11-22T20:15:00Z".parse().unwrap()
}

/// A request of 262,960 prompt tokens, 257,955 of them cached, and 1,744 output tokens. It was reported in
/// <https://github.com/BerriAI/litellm/issues/14849> because it was charged $0.7642: the cached tokens twice.
const CACHED: Request = Request {
    input: 262_960 - 257_955,
    cached_input: 257_955,
    output: 1_744,
};

#[test]
fn cached_tokens_are_charged_once_at_the_prices_of_the_report() {
    // The report counts $1.25, $0.625 and $10 per million tokens. No price list has them; they check the arithmetic.
    let rates = Rates {
        model: "gemini-2.5-pro",
        provider: "google",
        input: Some(1_250_000_000_000),
        cached_input: Some(625_000_000_000),
        cache_write: None,
        output: Some(10_000_000_000_000),
        reasoning: None,
    };
    assert_eq!(CACHED.cost(&rates), 184_918_125_000_000_000); // $0.184918125
}

#[test]
fn cached_tokens_are_charged_once_at_the_table_s_prices() {
    // Over 200,000 input tokens, cached ones included, are $2.50, $0.25 and $15 per million tokens.
    let gemini = models::find("gemini-2.5-pro").unwrap();
    let rates = gemini.rates(now(), CACHED.total_input()).unwrap();
    assert_eq!(CACHED.cost(&rates), 103_161_250_000_000_000); // $0.10316125

    let charged_twice = Request {
        input: 262_960,
        ..CACHED
    };
    assert_eq!(charged_twice.cost(&rates), 748_048_750_000_000_000);
}

#[test]
fn cached_input_counts_towards_the_long_prompt() {
    let gemini = models::find("gemini-2.5-pro").unwrap();
    let without_cached = gemini.rates(now(), CACHED.input).unwrap();
    assert_eq!(without_cached.input, Some(1_250_000_000_000));
}

#[test]
fn a_common_request_costs_what_three_other_engines_say() {
    // 1,000 input tokens with 100 of them cached, and 200 output tokens.
    let request = Request {
        input: 900,
        cached_input: 100,
        output: 200,
    };
    let rates = models::find("gpt-5")
        .unwrap()
        .rates(now(), request.total_input())
        .unwrap();
    assert_eq!(request.cost(&rates), 3_137_500_000_000_000); // $0.0031375
}
