//! Expansion: replaces ids in a response by whole objects.

use serde_json::Value;

use super::balance_transactions::BalanceTransaction;
use super::credit_notes::CreditNote;
use super::customers::Customer;
use super::disputes::Dispute;
use super::error::Error;
use super::invoices::Invoice;
use super::payment_intents::PaymentIntent;
use super::refunds::Refund;
use super::state::State;

/// The fields of each object that can be expanded here.
const EXPANDABLE: [(&str, &[&str]); 8] = [
    // A refund of a credit note has no `object` of its own.
    ("", &["refund"]),
    ("balance_transaction", &["source"]),
    (
        "charge",
        &["balance_transaction", "customer", "payment_intent"],
    ),
    ("credit_note", &["customer", "invoice"]),
    ("dispute", &["charge", "payment_intent"]),
    ("payment_intent", &["customer", "latest_charge"]),
    ("radar.early_fraud_warning", &["charge", "payment_intent"]),
    (
        "refund",
        &[
            "balance_transaction",
            "charge",
            "customer",
            "payment_intent",
        ],
    ),
];

/// Expands the fields of a response, each named by a path such as `latest_charge.balance_transaction`.
pub(super) fn expand(state: &State, found: &mut Value, paths: &[String]) -> Result<(), Error> {
    for path in paths {
        if !put(state, found, path) {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

/// Expands one path below `value`; returns false if it cannot be expanded.
fn put(state: &State, value: &mut Value, path: &str) -> bool {
    if let Some(values) = value.as_array_mut() {
        return values.iter_mut().all(|one| put(state, one, path));
    }
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    let object = value["object"].as_str().unwrap_or_default();
    let inner = [("list", "data"), ("credit_note", "refunds")].contains(&(object, field));
    let known = EXPANDABLE
        .iter()
        .any(|(name, fields)| *name == object && fields.contains(&field));
    let Some(next) = value.get_mut(field).filter(|_| inner || known) else {
        return false;
    };
    if let Some(whole) = next.as_str().and_then(|id| state.whole(id)) {
        *next = whole;
    }
    rest.is_empty() || next.is_null() || put(state, next, rest)
}

impl State {
    /// Returns the object of an id, by the id's prefix.
    fn whole(&self, id: &str) -> Option<Value> {
        let (prefix, _) = id.split_once('_')?;
        match prefix {
            "ch" => self.charged(id).map(|payment| self.charge_json(payment)),
            "cus" => self.customers.get(id).map(Customer::to_json),
            "cn" => self.credit_notes.get(id).map(CreditNote::to_json),
            "dp" => self.disputes.get(id).map(Dispute::to_json),
            "in" => self.invoices.get(id).map(Invoice::to_json),
            "pi" => self.payment_intents.get(id).map(PaymentIntent::to_json),
            "re" => self.refunds.get(id).map(Refund::to_json),
            "txn" => self
                .balance_transactions
                .get(id)
                .map(BalanceTransaction::to_json),
            _ => None,
        }
    }
}
