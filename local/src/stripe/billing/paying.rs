//! Pays Checkout Sessions as buyers do, with test cards of known outcome.
//!
//! | card | outcome |
//! |---|---|
//! | `4242424242424242` | paid at once |
//! | `4000000000000002` | declined; the session stays open |
//! | `4000002500003155` | the buyer has to confirm |
//! | `delayed` | complete, and paid or failed when it is settled |
//! | `transfer` | complete, but the buyer has yet to send the money; then as `delayed` |

use std::collections::BTreeMap;

use serde_json::Value;

use super::beginning;
use crate::stripe::money::payments::{Order, attempt};
use crate::stripe::objects::Status;
use crate::stripe::state::State;
use crate::stripe::wire::json::{number, text};
use crate::stripe::wire::{Error, Result};

/// The cards.
const PAID: &str = "4242424242424242";
pub(crate) const DECLINED: &str = "4000000000000002";
const CONFIRMED: &str = "4000002500003155";
const DELAYED: &str = "delayed";
const TRANSFER: &str = "transfer";

/// A buyer's input on the page.
pub(crate) struct Payment<'a> {
    /// The card's number, `delayed` or `transfer`.
    pub(crate) card: &'a str,
    /// The buyer's decision when asked to confirm.
    pub(crate) confirm: Option<bool>,
    /// A promotion code.
    pub(crate) promotion_code: Option<&'a str>,
}

/// Pays an open session.
pub(crate) fn pay(state: &mut State, id: &str, payment: &Payment<'_>, now: i64) -> Result<()> {
    let session = state.session(id)?;
    if session.status != "open" {
        let message = format!("This session is {} and cannot be paid.", session.status);
        return Err(Error::invalid(message));
    }
    if let Some(code) = payment.promotion_code.filter(|code| !code.is_empty()) {
        let known = discount(state, code, session.subtotal());
        let off = known.filter(|_| session.promotion_codes);
        let message = "This code is invalid.";
        let off = off.ok_or_else(|| Error::param("promotion_code_invalid", "code", message))?;
        state.session_mut(id)?.discount = off;
    }
    if state.session(id)?.total() == 0 {
        return complete(state, id, Status::Succeeded, now);
    }
    let digits: String = payment.card.split_whitespace().collect();
    match (digits.as_str(), payment.confirm) {
        (PAID, _) | (CONFIRMED, Some(true)) => complete(state, id, Status::Succeeded, now),
        (CONFIRMED, None) => charge(state, id, Status::RequiresAction, now),
        (DECLINED, _) | (CONFIRMED, Some(false)) => {
            charge(state, id, Status::RequiresPaymentMethod, now)?;
            Err(Error::declined())
        }
        (DELAYED, _) => complete(state, id, Status::Processing, now),
        (TRANSFER, _) => complete(state, id, Status::RequiresAction, now),
        _ => Err(Error::param(
            "incorrect_number",
            "card",
            format!(
                "Your card number is incorrect: {PAID}, {DECLINED}, {CONFIRMED}, {DELAYED} and {TRANSFER} are accepted here."
            ),
        )),
    }
}

/// Returns the discount on an amount by a code that a buyer types. None if the code is unknown or inactive.
///
/// Half a cent and more is rounded up.
fn discount(state: &State, code: &str, amount: i64) -> Option<i64> {
    let mut codes = state.objects.all("promotion_codes");
    let of_code =
        |one: &&Value| one["active"] == true && text(one, "code").eq_ignore_ascii_case(code);
    let promotion = codes.find(of_code)?;
    let coupon = text(&promotion["promotion"], "coupon");
    let coupon = state.objects.get("coupons", coupon)?;
    let off = (amount * number(coupon, "percent_off") + 50) / 100;
    Some((off + number(coupon, "amount_off")).min(amount))
}

/// Ends a delayed payment.
pub(crate) fn settle(state: &mut State, id: &str, succeeded: bool, now: i64) -> Result<()> {
    let session = state.session(id)?;
    let payment = session.payment_intent.as_ref();
    let payment = payment.and_then(|id| state.objects.get("payment_intents", id));
    let waits =
        |payment: &Value| ["processing", "requires_action"].contains(&text(payment, "status"));
    if !payment.is_some_and(waits) || session.status != "complete" {
        return Err(Error::invalid("The session has no payment in progress."));
    }
    let (status, kind) = if succeeded {
        (
            Status::Succeeded,
            "checkout.session.async_payment_succeeded",
        )
    } else {
        (
            Status::RequiresPaymentMethod,
            "checkout.session.async_payment_failed",
        )
    };
    let session = session.clone();
    if session.mode == "subscription" {
        beginning::settle(state, &session, status, now)?;
    } else {
        charge(state, id, status, now)?;
    }
    let session = state.session_mut(id)?;
    if succeeded {
        "paid".clone_into(&mut session.payment_status);
    }
    let settled = session.to_json();
    state.emit(kind, &settled, now);
    Ok(())
}

/// Creates or changes the payment of a session. That of a subscription has no metadata, and is not shown.
fn charge(state: &mut State, id: &str, status: Status, now: i64) -> Result<()> {
    let session = state.session(id)?.clone();
    let order = Order {
        customer: session.customer.clone(),
        amount: session.total(),
        currency: session.currency.clone(),
        metadata: if session.mode == "payment" {
            session.passed_on.clone()
        } else {
            BTreeMap::new()
        },
    };
    let payment = attempt(state, session.payment_intent, &order, status, now);
    state.session_mut(id)?.payment_intent = Some(payment);
    Ok(())
}

/// Completes a session, with its payment or its subscription.
fn complete(state: &mut State, id: &str, status: Status, now: i64) -> Result<()> {
    let session = state.session(id)?.clone();
    let free = session.total() == 0;
    if session.mode == "subscription" {
        beginning::begin(state, &session, status, now)?;
    } else if !free {
        charge(state, id, status, now)?;
    }
    let payment_status = match status {
        _ if free => "no_payment_required",
        Status::Succeeded => "paid",
        _ => "unpaid",
    };
    let session = state.session_mut(id)?;
    "complete".clone_into(&mut session.status);
    payment_status.clone_into(&mut session.payment_status);
    let completed = session.to_json();
    state.emit("checkout.session.completed", &completed, now);
    Ok(())
}
