//! Tests of the rates, of known vectors and of the laws of pricing.

use proptest::prelude::*;

use super::*;
use crate::words::meter::GigabyteHours;

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn tokens(input: u64, cached: u64, written: u64, output: u64, reasoning: u64) -> Tokens {
    Tokens {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: written,
        output_tokens: output,
        reasoning_tokens: reasoning,
    }
}

fn ai(model: Option<&str>, tokens: Tokens) -> Line {
    Line::AiTokens {
        model: model.map(str::to_owned),
        tokens,
    }
}

fn storage(gigabyte_hours: &str) -> Line {
    Line::Storage {
        gigabyte_hours: GigabyteHours::parse(gigabyte_hours).unwrap(),
    }
}

#[test]
fn the_default_rates_are_the_published_ones() {
    for (line, sparks) in [
        (ai(None, tokens(1_000, 0, 0, 0, 0)), "100.000"),
        (ai(None, tokens(200, 200, 200, 200, 200)), "100.000"),
        (ai(None, tokens(10, 0, 0, 0, 0)), "1.000"),
        (
            Line::Compute {
                milliseconds: 60_000,
            },
            "50.000",
        ),
        (Line::Compute { milliseconds: 1 }, "0.001"),
        (storage("730"), "500.000"),
        (storage("0.000001"), "0.001"),
        (storage("0"), "0.000"),
    ] {
        assert_eq!(
            price(std::slice::from_ref(&line), noon())
                .unwrap()
                .total
                .to_string(),
            sparks,
            "{line:?}"
        );
    }
}

#[test]
fn the_worked_example_costs_137_172_sparks() {
    let lines = [
        ai(Some("gpt-5"), tokens(1_200, 200, 0, 300, 0)),
        Line::Compute {
            milliseconds: 1_500,
        },
        storage("0.25"),
    ];
    let price = price(&lines, noon()).unwrap();
    assert_eq!(price.total.to_string(), "137.172");
    let shares: Vec<String> = price
        .lines
        .iter()
        .map(|line| line.sparks.to_string())
        .collect();
    assert_eq!(shares, ["135.750", "1.250", "0.172"]);
    assert_eq!(
        price.lines[0].provider_cost().unwrap().to_string(),
        "0.004525"
    );
    assert_eq!(price.lines[1].provider_cost(), None);
}

/// <https://github.com/BerriAI/litellm/issues/14849>: 262,960 tokens went in, of which 257,955 were cached.
/// Counting the cached ones twice turned $0.185 into $0.764.
#[test]
fn cached_tokens_are_not_charged_twice() {
    let used = tokens(5_005, 257_955, 0, 1_744, 0);
    let rates = TokenRates {
        input: Some(1_250_000_000_000),
        cached: Some(625_000_000_000),
        output: Some(10_000_000_000_000),
        ..TokenRates::default()
    };
    assert_eq!(
        AttoUsd(rates.cost(&used).unwrap()).to_string(),
        "0.184918125"
    );

    // At the model's own prices, above 200,000 tokens: $2.50, $0.25 and $15 per million.
    let price = price(&[ai(Some("gemini-2.5-pro"), used)], noon()).unwrap();
    assert_eq!(
        price.lines[0].provider_cost().unwrap().to_string(),
        "0.10316125"
    );
}

#[test]
fn an_unknown_model_is_an_error_and_never_free() {
    for name in ["gpt-unheard-of", "", "gpt-5\u{0}", "ｇｐｔ-5"] {
        let lines = [
            Line::Compute { milliseconds: 1 },
            ai(Some(name), tokens(1, 0, 0, 0, 0)),
        ];
        assert_eq!(
            price(&lines, noon()),
            Err(Error::UnknownModel { line: 1 }),
            "{name:?}"
        );
    }
}

#[test]
fn a_token_class_without_a_price_is_an_error_and_never_free() {
    let input_only = models::Rates {
        model: "input-only",
        provider: "test",
        input: Some(1),
        cached_input: None,
        cache_write: None,
        output: None,
        reasoning: None,
    };
    let refused = |used| TokenRates::for_tokens(&input_only, &used).unwrap_err();
    assert_eq!(refused(tokens(1, 0, 0, 1, 0)), "output_tokens");
    assert_eq!(refused(tokens(1, 0, 0, 0, 1)), "reasoning_tokens");
    let as_input = TokenRates::for_tokens(&input_only, &tokens(1, 1, 1, 0, 0)).unwrap();
    assert_eq!((as_input.cached, as_input.written), (Some(1), Some(1)));
}

#[test]
fn reasoning_is_priced_as_output_unless_priced_itself() {
    let as_output = price(&[ai(Some("gpt-5"), tokens(0, 0, 0, 0, 1_000))], noon()).unwrap();
    let output = price(&[ai(Some("gpt-5"), tokens(0, 0, 0, 1_000, 0))], noon()).unwrap();
    assert_eq!(as_output.total, output.total);
}

#[test]
fn a_total_that_no_meter_event_can_carry_is_refused() {
    let lines = vec![ai(None, tokens(1_000_000_000_000, 0, 0, 0, 0)); 10];
    assert_eq!(
        price(&lines, noon()).map(|price| price.total),
        Err(Error::TooMuch)
    );
    let of = |milli_sparks| {
        let rate = FlatRate {
            milli_sparks,
            per: 1,
        };
        let line = ai(None, tokens(1, 0, 0, 0, 0));
        share_out(vec![(line, UnitPrice::Flat(rate))]).map(|price| price.total.milli())
    };
    assert_eq!(of(999_999_999_999_999), Some(999_999_999_999_999));
    assert_eq!(of(1_000_000_000_000_000), None);
}

#[test]
fn a_change_of_the_rates_needs_a_new_date() {
    let rates = [TOKEN_RATE, COMPUTE_RATE, STORAGE_RATE].map(|rate| (rate.milli_sparks, rate.per));
    let known = (
        "2026-11-22",
        [(100_000, 1_000), (50_000, 60_000), (500_000, 730_000_000)],
        40_000_000,
        12_000,
    );
    let spark = SPARK_RATES;
    assert_eq!(
        (
            RATES_OF,
            rates,
            spark.spark_pico_usd,
            spark.margin_basis_points
        ),
        known
    );
}

#[test]
fn a_priced_line_is_stored_with_its_unit_prices_and_read_back() {
    let lines = [
        ai(Some("gpt-5"), tokens(1_200, 200, 0, 300, 7)),
        ai(None, tokens(5, 0, 0, 0, 0)),
        Line::Compute {
            milliseconds: 1_500,
        },
        storage("0.25"),
    ];
    let priced = price(&lines, noon()).unwrap().lines;
    let text = serde_json::to_string(&priced).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<PricedLine>>(&text).unwrap(),
        priced
    );
    insta::assert_snapshot!(serde_json::to_string(&priced[0]).unwrap());
}

#[test]
fn repricing_fails_if_a_unit_price_does_not_fit_its_line() {
    let priced = |line: &Line| price(std::slice::from_ref(line), noon()).unwrap().lines;
    let model = priced(&ai(Some("gpt-5"), tokens(1, 0, 0, 0, 0)));
    let mut compute = priced(&Line::Compute { milliseconds: 1 });
    compute[0].unit_price = model[0].unit_price.clone();
    assert_eq!(reprice(&compute), None);

    // No output was counted, so no price of output was stored.
    let mut more = model;
    more[0].line = ai(Some("gpt-5"), tokens(1, 0, 0, 1, 0));
    assert_eq!(reprice(&more), None);

    let rate = |milli_sparks, per| UnitPrice::Flat(FlatRate { milli_sparks, per });
    for impossible in [rate(1, 0), rate(u64::MAX, 1)] {
        let mut spoilt = priced(&ai(None, tokens(1, 0, 0, 0, 0)));
        spoilt[0].line = ai(None, tokens(u64::MAX, 1, 0, 0, 0));
        spoilt[0].unit_price = impossible;
        assert_eq!(reprice(&spoilt), None);
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    let count = 0_u64..2_000_000;
    let tokens = (
        count.clone(),
        count.clone(),
        count.clone(),
        count.clone(),
        count.clone(),
    )
        .prop_map(|(a, b, c, d, e)| tokens(a, b, c, d, e));
    prop_oneof![
        (
            prop::option::of(prop_oneof![
                Just("gpt-5"),
                Just("claude-sonnet-4-5"),
                Just("gpt-4o")
            ]),
            tokens
        )
            .prop_map(|(model, tokens)| ai(model, tokens)),
        count
            .clone()
            .prop_map(|milliseconds| Line::Compute { milliseconds }),
        count.prop_map(|micro| storage(&decimal::print(micro.into(), 6))),
    ]
}

proptest! {
    #[test]
    fn line_amounts_always_add_up_to_the_total(lines in prop::collection::vec(any_line(), 1..20)) {
        let price = price(&lines, noon()).unwrap();
        let sum = Sparks::checked_sum(price.lines.iter().map(|line| line.sparks)).unwrap();
        prop_assert_eq!(sum, price.total);
    }

    #[test]
    fn stored_unit_prices_reproduce_the_price(
        lines in prop::collection::vec(any_line(), 1..20), wrong in any::<i64>(),
    ) {
        let price = price(&lines, noon()).unwrap();
        let stored = serde_json::to_string(&price.lines).unwrap();
        let mut stored: Vec<PricedLine> = serde_json::from_str(&stored).unwrap();
        for line in &mut stored {
            line.sparks = Sparks::from_milli(wrong);
        }
        prop_assert_eq!(reprice(&stored), Some(price));
    }

    #[test]
    fn splitting_a_usage_never_makes_it_cheaper_and_costs_less_than_a_milli_spark_a_line(
        lines in prop::collection::vec(any_line(), 1..20),
    ) {
        let together = price(&lines, noon()).unwrap().total.milli();
        let apart: i64 = lines.iter().map(|line| price(std::slice::from_ref(line), noon()).unwrap().total.milli()).sum();
        prop_assert!(together <= apart);
        prop_assert!(apart - together < i64::try_from(lines.len()).unwrap());
    }
}
