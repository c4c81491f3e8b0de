//! The bodies of `POST /v1/usage`, `/v1/usage/batch` and `/v1/estimate`, and their prices.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::edge::request;
use shared::pricing::price_book::{self, Price, PricedLine};
use shared::usage::{BatchBody, Invalid, MAX_ITEMS, Usage, UsageBody};
use shared::words::meter::Line;
use shared::words::sparks::Sparks;

use crate::contract;

/// The time of a usage that names none, in seconds since 1970.
const NOW: i64 = 1_795_378_500;

/// The most that one usage can cost, in milli-Sparks: a meter takes no more digits.
const MOST_MILLI: i64 = 999_999_999_999_999;

/// A number that all prices' denominators divide.
const COMMON: u128 = 87_600_000_000_000_000;

/// Checks that an accepted body matches the contract. It keeps its meaning when written again, and is priced right.
pub fn usage_body(data: &[u8]) {
    if let Ok(body) = request::json::<UsageBody>(data) {
        let account = body.account_id.as_ref();
        assert!(account.is_none_or(|account| contract::is_account(account.as_str())));
        if let Ok(usage) = body.into_usage() {
            holds(&usage);
            if let Some(sent) = contract::plainly_read(data) {
                assert_eq!(contract::usage_breaks(&sent, false), None, "{sent}");
            }
        }
    }
    if let Ok(body) = request::json::<BatchBody>(data)
        && let Ok(items) = body.into_items()
    {
        assert!((1..=MAX_ITEMS).contains(&items.len()));
        let Some(sent) = contract::plainly_read(data) else {
            return;
        };
        let sent = sent["items"].as_array().expect("items");
        assert_eq!(sent.len(), items.len());
        for (sent, item) in sent.iter().zip(items) {
            assert_eq!(sent["idempotency_key"], *item.key);
            if let Ok((key, usage)) = item.request {
                assert_eq!(key.as_str(), item.key);
                assert_eq!(contract::usage_breaks(sent, true), None, "{sent}");
                holds(&usage);
            }
        }
    }
}

fn holds(usage: &Usage) {
    let kept = serde_json::to_value(usage).expect("JSON");
    let member = kept["member"].as_str();
    assert!(member.is_none_or(contract::is_member), "{member:?}");
    let again = written_again(&kept);
    let bytes = again.to_string().into_bytes();
    let read: Result<Usage, Invalid> = request::json::<UsageBody>(&bytes)
        .unwrap_or_else(|error| panic!("{error:?} in {again}"))
        .into_usage();
    let read = read.unwrap_or_else(|invalid| panic!("{invalid:?} in {again}"));
    assert_eq!(read.hash(), usage.hash(), "{again}");

    let lines: Vec<Line> = serde_json::from_value(kept["lines"].clone()).expect("lines");
    let occurred_at = kept["occurred_at"].as_str();
    let at = match occurred_at {
        Some(time) => time.parse().expect("a time"),
        None => Timestamp::from_second(NOW).expect("a time"),
    };
    if let Ok(price) = price_book::price(&lines, at) {
        adds_up(&price, &lines);
    }
}

/// Returns the request body of a usage.
fn written_again(kept: &Value) -> Value {
    let mut lines = kept["lines"].clone();
    for line in lines.as_array_mut().expect("lines") {
        let tokens = line["meter"] == "ai_tokens";
        if let Some(micro) = line.get("gigabyte_hours").and_then(Value::as_u64) {
            let (whole, places) = (micro / 1_000_000, micro % 1_000_000);
            line["gigabyte_hours"] = json!(format!("{whole}.{places:06}"));
        } else if tokens && line.get("input_tokens").is_none() {
            line["input_tokens"] = json!(0);
        }
    }
    let mut trace = kept["trace"].clone();
    trace.as_object_mut().expect("labels").remove("content");
    trace["input"] = kept["input"].clone();
    trace["output"] = kept["output"].clone();
    json!({
        "member_id": kept["member"],
        "occurred_at": kept["occurred_at"],
        "usage": lines,
        "trace": trace,
    })
}

/// Checks the lines and the total of a price.
///
/// The lines are those of the request and their amounts add up to the total, which is the exact sum, rounded up once.
fn adds_up(price: &Price, asked: &[Line]) {
    let lines: Vec<&Line> = price.lines.iter().map(|priced| &priced.line).collect();
    assert_eq!(lines, asked.iter().collect::<Vec<_>>());
    let amounts = price.lines.iter().map(|priced| priced.sparks);
    assert_eq!(Sparks::checked_sum(amounts), Some(price.total), "{price:?}");
    assert!((0..=MOST_MILLI).contains(&price.total.milli()), "{price:?}");

    let exact: Option<Vec<u128>> = price.lines.iter().map(plainly).collect();
    let exact = exact.expect("numbers that fit");
    let sum: u128 = exact.iter().sum();
    let total = u128::try_from(price.total.milli()).expect("a debit");
    assert_eq!(total, sum.div_ceil(COMMON), "{price:?}");
    for (priced, exact) in price.lines.iter().zip(exact) {
        let milli = u128::try_from(priced.sparks.milli()).expect("a debit");
        let floor = exact / COMMON;
        assert!(milli == floor || milli == floor + 1, "{priced:?}");
    }
    let kept = serde_json::to_value(&price.lines).expect("JSON");
    let read: Vec<PricedLine> = serde_json::from_value(kept).expect("lines");
    assert_eq!(price_book::reprice(&read).as_ref(), Some(price));
}

/// Returns the exact cost of a line in milli-Sparks, by its stored unit price. It is multiplied by the common
/// denominator.
fn plainly(priced: &PricedLine) -> Option<u128> {
    let price = serde_json::to_value(&priced.unit_price).expect("JSON");
    let number = |value: &Value| value.as_u64().map_or(0, u128::from);
    if let (Some(milli), Some(per)) = (price["milli_sparks"].as_u64(), price["per"].as_u64()) {
        let numerator = u128::from(priced.line.quantity()).checked_mul(milli.into())?;
        return numerator.checked_mul(COMMON / u128::from(per));
    }
    let (line, rates) = (
        serde_json::to_value(&priced.line).expect("JSON"),
        &price["rates"],
    );
    let classes = [
        ("input_tokens", "input"),
        ("cached_input_tokens", "cached"),
        ("cache_write_tokens", "written"),
        ("output_tokens", "output"),
        ("reasoning_tokens", "reasoning"),
    ];
    let costs = classes.map(|(class, rate)| number(&line[class]) * number(&rates[rate]));
    let charged = costs.iter().sum::<u128>() * number(&price["margin_basis_points"]);
    // Rates are millionths of a millionth of a dollar for a million tokens; a Spark is a thousand milli-Sparks.
    let denominator = number(&price["spark_pico_usd"]) * 1_000 * 10_000;
    charged.checked_mul(COMMON / denominator)
}
