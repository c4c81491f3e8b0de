//! `POST /v1/invoices/{id}/…`: finalizes, pays, voids or writes off an invoice.

use crate::stripe::billing;
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Result};

/// `POST /v1/invoices/{id}/finalize`
pub(crate) fn finalize(state: &mut State, call: &mut Call, id: &str) -> Result {
    let auto_advance = call.form.truth("auto_advance")?;
    call.form.finish()?;
    if let Some(auto_advance) = auto_advance {
        state.invoice_mut(id)?.auto_advance = auto_advance;
    }
    billing::finalize_or_fail(state, id, call.now)?;
    Ok(state.invoice(id)?.to_json())
}

/// `POST /v1/invoices/{id}/pay`, which finalizes a draft first.
pub(crate) fn pay(state: &mut State, call: &mut Call, id: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let off_stripe = form.truth("paid_out_of_band")? == Some(true);
    form.truth("off_session")?;
    form.text("payment_method", 255)?;
    form.finish()?;
    let status = state.invoice(id)?.status.clone();
    match status.as_str() {
        "draft" => billing::finalize_or_fail(state, id, now)?,
        "open" | "uncollectible" => {}
        "paid" => return Err(Error::invalid("Invoice is already paid").executed()),
        status => {
            let message = format!("This invoice can no longer be paid: it is {status}.");
            return Err(Error::invalid(message).executed());
        }
    }
    if off_stripe {
        billing::pay_off_stripe(state, id, now)?;
    } else {
        billing::charge_card(state, id, now)?;
    }
    let invoice = state.invoice(id)?;
    if off_stripe || invoice.status == "paid" {
        Ok(invoice.to_json())
    } else {
        Err(Error::declined().executed())
    }
}

/// `POST /v1/invoices/{id}/void`
pub(crate) fn void(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    billing::void(state, id, call.now)?;
    Ok(state.invoice(id)?.to_json())
}

/// `POST /v1/invoices/{id}/mark_uncollectible`
pub(crate) fn mark_uncollectible(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    billing::mark_uncollectible(state, id, "user_forgiven", call.now)?;
    Ok(state.invoice(id)?.to_json())
}
