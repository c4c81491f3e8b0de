//! Balance transactions: `/v1/balance_transactions`, each movement of money in the account's balance.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

/// The settlement currency of the account's balance.
pub(super) const SETTLEMENT: &str = "usd";

/// Exchange rates: the value of a currency's smallest unit in cents of the balance, in ten-thousandths.
const RATES: [(&str, i64); 3] = [("eur", 11_000), ("gbp", 12_500), ("jpy", 6_600)];

const WHOLE: i64 = 10_000;

/// The reason why money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
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
pub(super) struct Movement<'a> {
    pub(super) kind: Kind,
    /// The charge, refund or dispute.
    pub(super) source: &'a str,
    /// The amount in the source's currency; negative if it leaves the balance.
    pub(super) amount: i64,
    pub(super) currency: &'a str,
    /// The amount in the balance's currency, if it is known.
    pub(super) settled: Option<i64>,
    pub(super) fee: i64,
}

/// A movement of money, in the currency of the balance.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct BalanceTransaction {
    pub(super) id: String,
    pub(super) amount: i64,
    fee: i64,
    kind: Kind,
    source: String,
    /// The exchange rate in ten-thousandths, if the source has another currency.
    rate: Option<i64>,
    created: i64,
}

impl BalanceTransaction {
    /// Stripe's `balance_transaction`.
    pub(super) fn to_json(&self) -> Value {
        let (kind, category, description) = self.kind.words();
        let fees = (self.fee != 0).then(|| {
            json!({
                "amount": self.fee,
                "application": null,
                "currency": SETTLEMENT,
                "description": "Stripe fee",
                "type": "stripe_fee",
            })
        });
        json!({
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.created,
            "balance_type": "payments",
            "created": self.created,
            "currency": SETTLEMENT,
            "description": format!("{description} {}", self.source),
            "exchange_rate": self.rate.and_then(decimal),
            "fee": self.fee,
            "fee_details": fees.into_iter().collect::<Vec<_>>(),
            "net": self.amount - self.fee,
            "reporting_category": category,
            "source": self.source,
            "status": "available",
            "type": kind,
        })
    }
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
pub(super) fn convert(amount: i64, from: &str, to: &str) -> i64 {
    let (from, to) = (rate(from), rate(to));
    (2 * amount * from + to * amount.signum()) / (2 * to)
}

/// The fee of a charge: 2.9 % and 30 cents, rounded to the nearest cent.
pub(super) fn charge_fee(amount: i64) -> i64 {
    (amount * 29 + 500) / 1_000 + 30
}

impl State {
    /// Moves money; returns its balance transaction, or None if the settings turn them off.
    pub(super) fn move_money(
        &mut self,
        movement: &Movement<'_>,
        now: i64,
    ) -> Option<BalanceTransaction> {
        if !self.settings.balance_transactions {
            return None;
        }
        let (amount, currency) = (movement.amount, movement.currency);
        let settled = movement.settled;
        let moved = BalanceTransaction {
            id: self.next_id("txn_"),
            amount: settled.unwrap_or_else(|| convert(amount, currency, SETTLEMENT)),
            fee: movement.fee,
            kind: movement.kind,
            source: movement.source.to_owned(),
            rate: (currency != SETTLEMENT).then(|| rate(currency)),
            created: now,
        };
        self.balance_transactions
            .insert(moved.id.clone(), moved.clone());
        Some(moved)
    }
}

/// `GET /v1/balance_transactions`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let source = form.text("source", 255)?;
    let kind = form.text("type", 100)?;
    let currency = form.text("currency", 3)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.balance_transactions.values().rev();
    let matching = all.filter(|one| {
        source.as_ref().is_none_or(|source| one.source == *source)
            && kind.as_ref().is_none_or(|kind| one.kind.words().0 == kind)
            && currency.as_ref().is_none_or(|asked| asked == SETTLEMENT)
            && created.holds(one.created)
    });
    let found = matching.map(BalanceTransaction::to_json).collect();
    page.of("/v1/balance_transactions", found)
}

/// `GET /v1/balance_transactions/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let known = state.balance_transactions.get(id);
    let known = known.ok_or_else(|| Error::no_such("balance transaction", "id", id))?;
    Ok(known.to_json())
}
