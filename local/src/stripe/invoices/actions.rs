//! `POST /v1/invoices/{id}/…`: finalizes, pays, voids or writes off an invoice.

use serde_json::Value;

use crate::stripe::billing;
use crate::stripe::error::Error;
use crate::stripe::form::Form;
use crate::stripe::state::State;

/// `POST /v1/invoices/{id}/finalize`
pub(in crate::stripe) fn finalize(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let auto_advance = form.truth("auto_advance")?;
    form.finish()?;
    if let Some(auto_advance) = auto_advance {
        state.invoice_mut(id)?.auto_advance = auto_advance;
    }
    billing::finalize_or_fail(state, id, now)?;
    Ok(state.invoice(id)?.to_json())
}

/// `POST /v1/invoices/{id}/pay`, which finalizes a draft first.
pub(in crate::stripe) fn pay(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let off_stripe = form.truth("paid_out_of_band")? == Some(true);
    form.truth("off_session")?;
    form.text("payment_method", 255)?;
    form.finish()?;
    let status = state.invoice(id)?.status.clone();
    match status.as_str() {
        "draft" => billing::finalize_or_fail(state, id, now)?,
        "open" | "uncollectible" => {}
        status => {
            let message = if status == "paid" {
                "Invoice is already paid".to_owned()
            } else {
                format!("This invoice can no longer be paid: it is {status}.")
            };
            return Err(Error::invalid(message).executed());
        }
    }
    if off_stripe {
        billing::pay_off_stripe(state, id, now)?;
        return Ok(state.invoice(id)?.to_json());
    }
    billing::charge_card(state, id, now)?;
    let invoice = state.invoice(id)?;
    if invoice.status == "paid" {
        Ok(invoice.to_json())
    } else {
        Err(Error::declined().executed())
    }
}

/// `POST /v1/invoices/{id}/void`
pub(in crate::stripe) fn void(
    state: &mut State,
    form: &Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    form.finish()?;
    billing::void(state, id, now)?;
    Ok(state.invoice(id)?.to_json())
}

/// `POST /v1/invoices/{id}/mark_uncollectible`
pub(in crate::stripe) fn mark_uncollectible(
    state: &mut State,
    form: &Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    form.finish()?;
    billing::mark_uncollectible(state, id, "user_forgiven", now)?;
    Ok(state.invoice(id)?.to_json())
}
