//! Credit notes: `/v1/credit_notes`, amounts taken off a finalized invoice.
//!
//! A credit note first reduces the amount still to be paid (`pre_payment`); the rest is refunded, credited to the
//! customer's balance, or given back outside of Stripe (`post_payment`).

mod issue;
mod note;

use serde_json::Value;

use super::customers::{self, Change};
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

pub(super) use issue::create;
pub(super) use note::CreditNote;

impl State {
    fn credit_note(&self, id: &str) -> Result<&CreditNote, Error> {
        let note = self.credit_notes.get(id);
        note.ok_or_else(|| Error::no_such("credit note", "id", id))
    }
}

/// `GET /v1/credit_notes`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let invoice = form.text("invoice", 5_000)?;
    let customer = form.text("customer", 5_000)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.credit_notes.values().rev();
    let matching = all.filter(|note| {
        invoice
            .as_ref()
            .is_none_or(|invoice| note.invoice == *invoice)
            && (customer.is_none() || note.customer == customer)
            && created.holds(note.created)
    });
    let found = matching.map(CreditNote::to_json).collect();
    page.of("/v1/credit_notes", found)
}

/// `GET /v1/credit_notes/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    Ok(state.credit_note(id)?.to_json())
}

/// `GET /v1/credit_notes/{id}/lines`
pub(super) fn lines(state: &State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let page = Page::take(form)?;
    form.finish()?;
    let lines = vec![state.credit_note(id)?.line_json()];
    page.of(&format!("/v1/credit_notes/{id}/lines"), lines)
}

/// `POST /v1/credit_notes/{id}`
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let mut note = state.credit_note(id)?.clone();
    if let Some(memo) = form.text("memo", 5_000)? {
        note.memo = Some(memo).filter(|memo| !memo.is_empty());
    }
    form.change_metadata("metadata", &mut note.metadata)?;
    form.finish()?;
    let updated = note.to_json();
    state.credit_notes.insert(note.id.clone(), note);
    state.emit("credit_note.updated", &updated, now);
    Ok(updated)
}

/// `POST /v1/credit_notes/{id}/void`
///
/// Known: "You can only void a credit note if the associated invoice is open." Older versions of
/// Stripe's reference say so; newer ones only link to a guide.
pub(super) fn void(state: &mut State, form: &Form, id: &str, now: i64) -> Result<Value, Error> {
    form.finish()?;
    let invoice = state.credit_note(id)?.invoice.clone();
    if state.invoice(&invoice)?.status != "open" {
        let message = "You can only void a credit note if the associated invoice is open.";
        return Err(Error::invalid(message).executed());
    }
    end(state, id, now)
}

/// Voids a credit note, whatever its invoice's status. Refunds are not undone.
pub(super) fn end(state: &mut State, id: &str, now: i64) -> Result<Value, Error> {
    let mut note = state.credit_note(id)?.clone();
    if note.is_void() {
        let message = "This credit note is already void.";
        return Err(Error::invalid(message).executed());
    }
    note.voided_at = Some(now);
    let invoice = state.invoice_mut(&note.invoice)?;
    invoice.pre_payment_credit_notes_amount -= note.pre_payment;
    invoice.post_payment_credit_notes_amount -= note.post_payment();
    let change = Change::of_credit_note(note.credit_amount, invoice);
    if let Some(customer) = note.customer.as_ref().filter(|_| note.credit_amount > 0) {
        customers::change_balance(state, customer, change, now)?;
    }
    let voided = note.to_json();
    state.credit_notes.insert(note.id.clone(), note);
    state.emit("credit_note.voided", &voided, now);
    Ok(voided)
}
