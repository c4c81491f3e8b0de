//! Balances of customers: `/v1/customers/{id}/balance_transactions`.
//!
//! An amount below zero is a credit, which is applied to the next invoice when it is finalized.
//! <https://docs.stripe.com/billing/customer/balance>

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::existing;
use crate::stripe::error::Error;
use crate::stripe::form::Form;
use crate::stripe::invoices::Invoice;
use crate::stripe::list::Page;
use crate::stripe::state::State;

/// A stored change of a balance.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Transaction {
    id: String,
    customer: String,
    change: Change,
    ending_balance: i64,
    created: i64,
}

/// A change of a balance.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(in crate::stripe) struct Change {
    pub(in crate::stripe) amount: i64,
    /// Stripe's `type`.
    pub(in crate::stripe) kind: std::borrow::Cow<'static, str>,
    pub(in crate::stripe) currency: String,
    pub(in crate::stripe) invoice: Option<String>,
    pub(in crate::stripe) description: Option<String>,
}

impl Change {
    /// Returns the change by a credit note: a credit when it is issued, or a debit when it is voided.
    pub(in crate::stripe) fn of_credit_note(amount: i64, invoice: &Invoice) -> Self {
        Self {
            amount,
            kind: "credit_note".into(),
            currency: invoice.currency.clone(),
            invoice: Some(invoice.id.clone()),
            description: None,
        }
    }
}

impl Transaction {
    /// Stripe's `customer_balance_transaction`.
    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "customer_balance_transaction",
            "amount": self.change.amount,
            "checkout_session": null,
            "created": self.created,
            "credit_note": null,
            "currency": self.change.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.change.description,
            "ending_balance": self.ending_balance,
            "invoice": self.change.invoice,
            "livemode": false,
            "metadata": {},
            "type": self.change.kind,
        })
    }
}

impl State {
    /// Returns the balance of a customer; zero without a customer.
    pub(in crate::stripe) fn balance(&self, customer: Option<&str>) -> i64 {
        let customer = customer.and_then(|id| self.customers.get(id));
        customer.map_or(0, |customer| customer.balance)
    }
}

/// Changes the balance of a customer, and emits its event. Drafts show the current balance.
pub(in crate::stripe) fn change_balance(
    state: &mut State,
    id: &str,
    change: Change,
    now: i64,
) -> Result<Value, Error> {
    let customer = existing(state, id)?;
    customer.balance += change.amount;
    let balance = customer.balance;
    let updated = customer.to_json();
    let drafts = state
        .invoices
        .values_mut()
        .filter(|invoice| invoice.status == "draft" && invoice.customer.as_deref() == Some(id));
    for draft in drafts {
        draft.starting_balance = balance;
    }
    let transaction = Transaction {
        id: state.next_id("cbtxn_"),
        customer: id.to_owned(),
        change,
        ending_balance: balance,
        created: now,
    };
    let made = transaction.to_json();
    state
        .customer_balance_transactions
        .insert(transaction.id.clone(), transaction);
    state.emit("customer.updated", &updated, now);
    Ok(made)
}

/// `POST /v1/customers/{id}/balance_transactions`
pub(in crate::stripe) fn create_transaction(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let amount = form.integer("amount")?;
    let amount = amount.ok_or_else(|| Error::missing("amount"))?;
    let currency = form.required("currency", 3)?;
    let description = form.text("description", 350)?;
    form.finish()?;
    let change = Change {
        amount,
        kind: "adjustment".into(),
        currency,
        description,
        invoice: None,
    };
    change_balance(state, id, change, now)
}

/// `GET /v1/customers/{id}/balance_transactions`
pub(in crate::stripe) fn transactions(
    state: &State,
    form: &mut Form,
    id: &str,
) -> Result<Value, Error> {
    let page = Page::take(form)?;
    form.finish()?;
    if !state.customers.contains_key(id) {
        return Err(Error::no_such("customer", "id", id));
    }
    let all = state.customer_balance_transactions.values().rev();
    let own = all.filter(|transaction| transaction.customer == id);
    let url = format!("/v1/customers/{id}/balance_transactions");
    page.of(&url, own.map(Transaction::to_json).collect())
}
