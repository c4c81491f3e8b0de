//! The account's balance: each movement of money is a balance transaction.

use serde_json::{Value, json};

use crate::stripe::state::State;

/// The settlement currency of the account's balance.
pub(crate) const SETTLEMENT: &str = "usd";

/// Exchange rates, in ten-thousandths. Each is the value of a currency's smallest unit in cents of the balance.
const RATES: [(&str, i64); 3] = [("eur", 11_000), ("gbp", 12_500), ("jpy", 6_600)];

const WHOLE: i64 = 10_000;

/// The reason why money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    Refund,
    RefundFailure,
    Dispute,
    DisputeReversal,
}

impl Kind {
    /// Stripe's `type`, `reporting_category` and `description`.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Charge => ("charge", "charge", "Payment"),
            Self::Refund => ("refund", "refund", "Refund of"),
            Self::RefundFailure => ("refund_failure", "refund_failure", "Failed refund of"),
            Self::Dispute => ("adjustment", "dispute", "Chargeback withdrawal for"),
            Self::DisputeReversal => ("adjustment", "dispute_reversal", "Chargeback reversal for"),
        }
    }
}

/// Money to be moved.
pub(crate) struct Movement<'a> {
    pub(crate) kind: Kind,
    /// The charge, refund or dispute.
    pub(crate) source: &'a str,
    /// The amount in the source's currency; negative if it leaves the balance.
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    /// The amount in the balance's currency, if it is known.
    pub(crate) settled: Option<i64>,
    pub(crate) fee: i64,
}

/// The exchange rate of a currency, in ten-thousandths.
fn rate(currency: &str) -> i64 {
    let known = RATES.iter().find(|(known, _)| *known == currency);
    known.map_or(WHOLE, |(_, rate)| *rate)
}

/// A rate as a JSON number.
fn decimal(rate: i64) -> Option<Value> {
    serde_json::from_str(&format!("{}.{:04}", rate / WHOLE, rate % WHOLE)).ok()
}

/// Converts between two currencies, rounding to the nearest unit.
pub(crate) fn convert(amount: i64, from: &str, to: &str) -> i64 {
    let (from, to) = (rate(from), rate(to));
    (2 * amount * from + to * amount.signum()) / (2 * to)
}

/// The fee of a charge: 2.9 % and 30 cents, rounded to the nearest cent.
pub(crate) fn charge_fee(amount: i64) -> i64 {
    (amount * 29 + 500) / 1_000 + 30
}

/// Moves money; returns its balance transaction, or None if the settings turn them off.
pub(crate) fn move_money(state: &mut State, movement: &Movement<'_>, now: i64) -> Option<Value> {
    if !state.settings.balance_transactions {
        return None;
    }
    let (currency, fee) = (movement.currency, movement.fee);
    let settled = movement.settled;
    let amount = settled.unwrap_or_else(|| convert(movement.amount, currency, SETTLEMENT));
    let (kind, category, description) = movement.kind.words();
    let fees = (fee != 0).then(|| {
        json!({
            "amount": fee,
            "application": null,
            "currency": SETTLEMENT,
            "description": "Stripe fee",
            "type": "stripe_fee",
        })
    });
    let moved = json!({
        "id": state.next_id("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": SETTLEMENT,
        "description": format!("{description} {}", movement.source),
        "exchange_rate": (currency != SETTLEMENT).then(|| decimal(rate(currency))),
        "fee": fee,
        "fee_details": fees.into_iter().collect::<Vec<_>>(),
        "net": amount - fee,
        "reporting_category": category,
        "source": movement.source,
        "status": "available",
        "type": kind,
    });
    Some(state.keep("balance_transactions", moved))
}
