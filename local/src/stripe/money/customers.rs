//! Balances of customers. An amount below zero is a credit, which the next invoice uses when it is finalized.
//! <https://docs.stripe.com/billing/customer/balance>

use serde_json::{Value, json};

use crate::stripe::objects::Invoice;
use crate::stripe::state::State;
use crate::stripe::wire::Result;
use crate::stripe::wire::json::{number, text};

/// A change of a balance.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) amount: i64,
    /// Stripe's `type`.
    pub(crate) kind: &'static str,
    pub(crate) currency: String,
    pub(crate) invoice: Option<String>,
    pub(crate) description: Option<String>,
}

impl Change {
    /// Returns the change by an invoice or its credit note: a credit is below zero.
    pub(crate) fn of(invoice: &Invoice, kind: &'static str, amount: i64) -> Self {
        Self {
            amount,
            kind,
            currency: invoice.currency.clone(),
            invoice: Some(invoice.id.clone()),
            description: None,
        }
    }
}

/// Returns the balance of a customer; zero without a customer.
pub(crate) fn balance(state: &State, customer: Option<&str>) -> i64 {
    let customer = customer.and_then(|id| state.objects.get("customers", id));
    customer.map_or(0, |customer| number(customer, "balance"))
}

/// Returns whether automatic tax knows the customer's location.
pub(crate) fn is_located(state: &State, id: Option<&str>) -> bool {
    let customer = id.and_then(|id| state.objects.get("customers", id));
    customer.is_none_or(|customer| customer["_location"] != "missing")
}

/// Returns the last four digits of a customer's card, if it has one.
pub(crate) fn last4(customer: &Value) -> Option<&str> {
    Some(text(customer, "_last4")).filter(|last4| !last4.is_empty())
}

/// Changes the balance of a customer, and emits its event. Drafts show the current balance.
pub(crate) fn change_balance(state: &mut State, id: &str, change: &Change, now: i64) -> Result {
    let mut customer = state.customer("id", id)?.clone();
    let balance = number(&customer, "balance") + change.amount;
    customer["balance"] = balance.into();
    let updated = state.keep("customers", customer);
    let invoices = state.invoices.values_mut();
    let drafts =
        invoices.filter(|one| one.status == "draft" && one.customer.as_deref() == Some(id));
    for draft in drafts {
        draft.starting_balance = balance;
    }
    let transaction = json!({
        "id": state.next_id("cbtxn_"),
        "object": "customer_balance_transaction",
        "amount": change.amount,
        "checkout_session": null,
        "created": now,
        "credit_note": null,
        "currency": change.currency,
        "customer": id,
        "customer_account": null,
        "description": change.description,
        "ending_balance": balance,
        "invoice": change.invoice,
        "livemode": false,
        "metadata": {},
        "type": change.kind,
    });
    let made = state.keep("customer_balance_transactions", transaction);
    state.emit("customer.updated", &updated, now);
    Ok(made)
}
