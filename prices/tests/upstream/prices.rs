//! A request costs the same in the table as in the source's engine. That holds on both sides of every limit.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::SystemTime;

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use shared::pricing::price_book::models::{self, Rates};

use crate::{MODELS, NAMES};

/// A name for each model that a name leads to, by the model's id.
static NAMED: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let found = NAMES
        .iter()
        .filter_map(|name| Some((models::find(name)?.id(), *name)));
    found.collect()
});

/// Exclusive counts: input, cached input, cache write, output, reasoning.
type Tokens = [u32; 5];

/// Returns the cost of a request by the table, in atto-dollars.
fn ours(rates: &Rates, [input, cached, written, output, reasoning]: Tokens) -> u128 {
    [
        (input, rates.input),
        (cached, rates.cached_input.or(rates.input)),
        (written, rates.cache_write.or(rates.input)),
        (output, rates.output),
        (reasoning, rates.reasoning.or(rates.output)),
    ]
    .into_iter()
    .map(|(count, rate)| u128::from(count) * u128::from(rate.unwrap_or(0)))
    .sum()
}

/// Returns the cost of a request by the source's engine, in nano-dollars.
fn theirs(name: &str, at: Timestamp, [input, cached, written, output, reasoning]: Tokens) -> u128 {
    let key = |key: &'static str| UsageKey::from_static(key);
    let usage = Usage::from([
        (key("input_tokens"), f64::from(input + cached + written)),
        (key("cache_read_tokens"), f64::from(cached)),
        (key("cache_write_tokens"), f64::from(written)),
        (key("output_tokens"), f64::from(output + reasoning)),
        (key("output_reasoning_tokens"), f64::from(reasoning)),
    ]);
    let at = SystemTime::from(at);
    let request = PriceRequest::new(name, &usage).with_timestamp(at);
    let price = Calculator::bundled().calculate(&request);
    let price = price.unwrap_or_else(|_| {
        let (provider, name) = name.split_once('/').unwrap();
        let request = PriceRequest::new(name, &usage).with_timestamp(at);
        let request = request.with_provider_id(provider);
        Calculator::bundled().calculate(&request).unwrap()
    });
    format!("{:.9}", price.total_price)
        .replace('.', "")
        .parse()
        .unwrap()
}

/// Compares one request; the engine's floats may be off by one nano-dollar.
fn agrees(name: &str, at: Timestamp, tokens: Tokens) -> Result<(), String> {
    let total = tokens[..3].iter().map(|count| u64::from(*count)).sum();
    let rates = models::find(name).unwrap().rates(at, total);
    let ours = rates.map_or(0, |rates| ours(&rates, tokens)) / 1_000_000_000;
    let theirs = theirs(name, at, tokens);
    if ours.abs_diff(theirs) <= 1 {
        return Ok(());
    }
    Err(format!(
        "{name} at {at} with {tokens:?}: {ours} by the table, {theirs} by the engine"
    ))
}

/// Returns the times at which a model's price may change, and the times just before.
fn times(id: &str) -> Vec<Timestamp> {
    let today: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let mut times = vec!["2023-01-01T00:00:00Z".parse().unwrap(), today];
    for row in &MODELS[id].rows {
        let from = row
            .from
            .map(|date| date.to_zoned(TimeZone::UTC).unwrap().timestamp());
        let hours = row.during.into_iter().flat_map(|(start, end)| [start, end]);
        let hours = hours.map(|second| today + i64::from(second).seconds());
        for limit in from.into_iter().chain(hours) {
            times.extend([limit - 1.nanosecond(), limit]);
        }
    }
    times
}

/// Returns the numbers of input tokens at which a model's price may change. Also returns the one below and the one
/// above each.
fn totals(id: &str) -> Vec<u32> {
    let mut totals = vec![1_000];
    for start in MODELS[id].rows.iter().filter_map(|row| row.above) {
        let start = u32::try_from(start).unwrap();
        totals.extend([start - 1, start, start + 1]);
    }
    totals
}

#[test]
fn every_model_costs_what_the_engine_says_around_every_limit() {
    for (id, name) in NAMED.iter() {
        for at in times(id) {
            for total in totals(id) {
                for tokens in [
                    [total, 0, 0, 0, 0],
                    [0, total, 0, 70_001, 0],
                    [0, 0, total, 0, 70_001],
                    [total - 900, 700, 200, 300, 50],
                ] {
                    agrees(name, at, tokens).unwrap();
                }
            }
        }
    }
}

#[test]
fn most_models_have_a_name_and_a_price() {
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let priced = NAMED
        .values()
        .filter(|name| models::find(name).unwrap().rates(now, 0).is_some());
    assert!(NAMED.len() > 430, "{} of {}", NAMED.len(), MODELS.len());
    assert!(priced.count() > 400);
}

#[test]
fn a_long_prompt_makes_every_token_dearer_from_the_next_token_on() {
    let gemini = models::find("gemini-2.5-pro").unwrap();
    let at = "2026-11-22T20:15:00Z".parse().unwrap();
    let prices = |total| {
        let rates = gemini.rates(at, total).unwrap();
        [
            rates.input,
            rates.cached_input,
            rates.cache_write,
            rates.output,
            rates.reasoning,
        ]
    };
    let short = [
        Some(1_250_000_000_000),
        Some(125_000_000_000),
        None,
        Some(10_000_000_000_000),
        None,
    ];
    let long = [
        Some(2_500_000_000_000),
        Some(250_000_000_000),
        None,
        Some(15_000_000_000_000),
        None,
    ];
    assert_eq!(prices(199_999), short);
    assert_eq!(prices(200_000), short);
    assert_eq!(prices(200_001), long);
    assert_eq!(prices(u64::MAX), long);
}

#[test]
fn a_new_price_holds_from_midnight_on() {
    // DeepSeek's dearer hours come on top of its dated prices; none of them is at midnight.
    let flash = models::find("deepseek-v4-flash").unwrap();
    let input = |at: &str| flash.rates(at.parse().unwrap(), 0).unwrap().input;
    assert_eq!(
        input("2026-08-16T23:59:59.999999999Z"),
        Some(140_000_000_000)
    );
    assert_eq!(input("2026-08-17T00:00:00Z"), Some(220_000_000_000));
    assert_eq!(
        input("2026-09-09T23:59:59.999999999Z"),
        Some(220_000_000_000)
    );
    assert_eq!(input("2026-09-10T00:00:00Z"), Some(150_000_000_000));
    assert_eq!(
        input("2026-11-22T00:59:59.999999999Z"),
        Some(150_000_000_000)
    );
    assert_eq!(input("2026-11-22T01:00:00Z"), Some(300_000_000_000));
    assert_eq!(input("2026-11-22T04:00:00Z"), Some(150_000_000_000));
}

#[test]
fn the_engine_charges_a_class_without_price_as_its_wider_class() {
    let at = "2026-11-22T00:00:00Z".parse().unwrap();
    // Voyage sells plain input alone.
    let voyage = models::find("voyage-3").unwrap().rates(at, 0).unwrap();
    assert_eq!(
        (voyage.cached_input, voyage.cache_write, voyage.output),
        (None, None, None)
    );
    let million = 1_000_000;
    let plain = theirs("voyage-3", at, [million, 0, 0, 0, 0]);
    assert_eq!(
        theirs("voyage-3", at, [0, million, 0, 0, 0]),
        plain,
        "cached as input"
    );
    assert_eq!(
        theirs("voyage-3", at, [0, 0, million, 0, 0]),
        plain,
        "written as input"
    );
    assert_eq!(
        theirs("voyage-3", at, [0, 0, 0, million, 0]),
        0,
        "output is free"
    );
    let output = theirs("gpt-5", at, [0, 0, 0, million, 0]);
    assert_eq!(
        theirs("gpt-5", at, [0, 0, 0, 0, million]),
        output,
        "reasoning as output"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_request_costs_what_the_engine_says(
        model in any::<prop::sample::Index>(),
        second in 1_700_000_000_i64..1_900_000_000,
        tokens in prop::array::uniform5(0..300_000_u32),
    ) {
        let named: Vec<_> = NAMED.values().collect();
        let at = Timestamp::from_second(second).unwrap();
        prop_assert_eq!(agrees(named[model.index(named.len())], at, tokens), Ok(()));
    }
}
