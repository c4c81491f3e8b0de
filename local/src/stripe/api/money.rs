//! Refunds and credit notes: `/v1/refunds`, `/v1/credit_notes`.

use crate::stripe::money::credit_notes::{self, Request};
use crate::stripe::money::payments::Of;
use crate::stripe::money::refunds::{self, Terms};
use crate::stripe::state::{Kind, State};
use crate::stripe::wire::json::text;
use crate::stripe::wire::{Call, Error, Result, Rule};

/// `POST /v1/refunds`
pub(crate) fn create_refund(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let of = Of::take(form)?;
    let amount = form.integer("amount")?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer"];
    let terms = Terms {
        reason: form.word("reason", &reasons)?.map(str::to_owned),
        metadata: form.metadata("metadata")?,
        status: None,
    };
    form.finish()?;
    refunds::give_back(state, &of, amount, &terms, call.now)
}

/// `POST /v1/credit_notes`
pub(crate) fn create_credit_note(state: &mut State, call: &mut Call, _: &str) -> Result {
    let invoice = call.form.required("invoice", 5_000)?;
    let request = Request::take(&mut call.form)?;
    call.form.finish()?;
    let known = state.invoices.get(&invoice).cloned();
    let known = known.ok_or_else(|| Kind::no_such("invoices", "invoice", &invoice))?;
    credit_notes::issue(state, &known, &request, call.now)
}

/// `POST /v1/credit_notes/{id}`
pub(crate) fn update_credit_note(state: &mut State, call: &mut Call, id: &str) -> Result {
    let mut note = state.object("credit_notes", id)?.clone();
    let rules = [
        ("memo", Rule::Optional(5_000)),
        ("metadata", Rule::Metadata),
    ];
    call.form.change(&mut note, &rules)?;
    call.form.finish()?;
    Ok(state.keep_and_emit("credit_notes", note, "credit_note.updated", call.now))
}

/// `POST /v1/credit_notes/{id}/void`
///
/// Known: "You can only void a credit note if the associated invoice is open." Older versions of
/// Stripe's reference say so; newer ones only link to a guide.
pub(crate) fn void_credit_note(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let invoice = text(state.object("credit_notes", id)?, "invoice");
    if state.invoice(invoice)?.status != "open" {
        let message = "You can only void a credit note if the associated invoice is open.";
        return Err(Error::invalid(message).executed());
    }
    credit_notes::void(state, id, call.now)
}
