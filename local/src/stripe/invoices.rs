//! Invoices: `/v1/invoices`, the bills for the periods of a subscription.

mod actions;
mod invoice;
mod line;

use serde_json::Value;

use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

pub(super) use actions::{finalize, mark_uncollectible, pay, void};
pub(super) use invoice::Invoice;
pub(super) use line::{Line, Parent, Period};

/// The statuses of an invoice.
const STATUSES: [&str; 5] = ["draft", "open", "paid", "uncollectible", "void"];

impl State {
    /// Returns an invoice by its id.
    pub(super) fn invoice(&self, id: &str) -> Result<&Invoice, Error> {
        let invoice = self.invoices.get(id);
        invoice.ok_or_else(|| Error::no_such("invoice", "id", id))
    }

    /// Returns an invoice by its id, mutable.
    pub(super) fn invoice_mut(&mut self, id: &str) -> Result<&mut Invoice, Error> {
        let invoice = self.invoices.get_mut(id);
        invoice.ok_or_else(|| Error::no_such("invoice", "id", id))
    }
}

/// `GET /v1/invoices`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let customer = form.text("customer", 255)?;
    let subscription = form.text("subscription", 255)?;
    let status = form.word("status", &STATUSES)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.invoices.values().rev();
    let matching = all.filter(|invoice| {
        (customer.is_none() || invoice.customer == customer)
            && (subscription.is_none() || invoice.subscription == subscription)
            && status.is_none_or(|status| invoice.status == status)
            && created.holds(invoice.created)
    });
    page.of("/v1/invoices", matching.map(Invoice::to_json).collect())
}

/// `GET /v1/invoices/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    Ok(state.invoice(id)?.to_json())
}

/// `GET /v1/invoices/{id}/lines`
pub(super) fn lines(state: &State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let page = Page::take(form)?;
    form.finish()?;
    let lines = state.invoice(id)?.lines_json();
    page.of(&format!("/v1/invoices/{id}/lines"), lines)
}
