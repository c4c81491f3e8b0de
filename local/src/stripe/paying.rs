//! Pays sessions as buyers do, with cards that are known to go well or not.
//!
//! | card | what happens |
//! |---|---|
//! | `4242424242424242` | paid at once |
//! | `4000000000000002` | declined; the session stays open |
//! | `4000002500003155` | asks the buyer to confirm |
//! | `delayed` | done, and paid or failed when it is settled |

use serde_json::{Value, json};

use super::checkout_sessions::Session;
use super::error::Error;
use super::payment_intents::{PaymentIntent, Status};
use super::state::State;

/// The cards.
const PAID: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const CONFIRMED: &str = "4000002500003155";
const DELAYED: &str = "delayed";

/// What a buyer enters.
pub(super) struct Payment<'a> {
    /// The card's number, or `delayed`.
    pub(super) card: &'a str,
    /// Whether the buyer confirms, once asked.
    pub(super) confirm: Option<bool>,
    /// A promotion code.
    pub(super) promotion_code: Option<&'a str>,
}

/// Pays a session that is open.
pub(super) fn pay(
    state: &mut State,
    id: &str,
    payment: &Payment<'_>,
    now: i64,
) -> Result<(), Error> {
    let session = state.session(id)?;
    if session.status != "open" {
        let message = format!("This session is {} and cannot be paid.", session.status);
        return Err(Error::invalid(message));
    }
    if let Some(code) = payment.promotion_code.filter(|code| !code.is_empty()) {
        let known = state.discount(code, session.undiscounted());
        let off = known.filter(|_| session.promotion_codes);
        let message = "This code is invalid.";
        let off = off.ok_or_else(|| Error::param("promotion_code_invalid", "code", message))?;
        state.session_mut(id)?.discount = off;
    }
    if state.session(id)?.total() == 0 {
        return complete(state, id, "no_payment_required", now);
    }
    let digits: String = payment.card.split_whitespace().collect();
    match (digits.as_str(), payment.confirm) {
        (PAID, _) | (CONFIRMED, Some(true)) => {
            charge(state, id, Status::Succeeded, now)?;
            complete(state, id, "paid", now)
        }
        (CONFIRMED, None) => {
            charge(state, id, Status::RequiresAction, now)?;
            Ok(())
        }
        (DECLINED, _) | (CONFIRMED, Some(false)) => {
            charge(state, id, Status::RequiresPaymentMethod, now)?;
            Err(Error::declined())
        }
        (DELAYED, _) => {
            charge(state, id, Status::Processing, now)?;
            complete(state, id, "unpaid", now)
        }
        _ => Err(Error::param(
            "incorrect_number",
            "card",
            format!(
                "Your card number is incorrect: {PAID}, {DECLINED}, {CONFIRMED} and {DELAYED} are known here."
            ),
        )),
    }
}

/// Ends a delayed payment.
pub(super) fn settle(state: &mut State, id: &str, succeeded: bool, now: i64) -> Result<(), Error> {
    let session = state.session(id)?;
    let payment = session.payment_intent.as_ref();
    let payment = payment.and_then(|id| state.payment_intents.get(id));
    if payment.is_none_or(|payment| payment.status != Status::Processing) {
        return Err(Error::invalid(
            "The session has no payment that is processing.",
        ));
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
    charge(state, id, status, now)?;
    let session = state.session_mut(id)?;
    if succeeded {
        "paid".clone_into(&mut session.payment_status);
    }
    let settled = session.to_json();
    state.emit(kind, &settled, now);
    Ok(())
}

/// Makes or changes the payment of a session. A subscription's is its invoice's, and shows there.
fn charge(state: &mut State, id: &str, status: Status, now: i64) -> Result<(), Error> {
    let session = state.session(id)?.clone();
    let payment_id = match &session.payment_intent {
        Some(payment) => payment.clone(),
        None => state.next_id("pi_"),
    };
    let charge = state.next_id("ch_");
    let payment = state
        .payment_intents
        .entry(payment_id.clone())
        .or_insert_with(|| PaymentIntent {
            id: payment_id.clone(),
            customer: session.customer.clone(),
            amount: session.total(),
            currency: session.currency.clone(),
            metadata: session.passed_on.clone(),
            status,
            charge: None,
            created: now,
        });
    payment.status = status;
    payment.amount = session.total();
    payment.charge = Some(charge);
    let changed = payment.to_json();
    if session.mode == "payment" {
        state.session_mut(id)?.payment_intent = Some(payment_id);
    }
    let kind = match status {
        Status::Succeeded => "payment_intent.succeeded",
        Status::RequiresPaymentMethod => "payment_intent.payment_failed",
        Status::RequiresAction => "payment_intent.requires_action",
        Status::Processing => "payment_intent.processing",
    };
    state.emit(kind, &changed, now);
    Ok(())
}

fn complete(state: &mut State, id: &str, payment_status: &str, now: i64) -> Result<(), Error> {
    let session = state.session(id)?.clone();
    if session.mode == "subscription" {
        subscribe(state, &session, now)?;
    }
    let session = state.session_mut(id)?;
    "complete".clone_into(&mut session.status);
    payment_status.clone_into(&mut session.payment_status);
    let completed = session.to_json();
    state.emit("checkout.session.completed", &completed, now);
    Ok(())
}

/// Begins the subscription of a session, with its first invoice.
fn subscribe(state: &mut State, session: &Session, now: i64) -> Result<(), Error> {
    const MONTH_SECONDS: i64 = 30 * 24 * 60 * 60;
    let subscription = state.next_id("sub_");
    let invoice = state.next_id("in_");
    let items: Vec<Value> = session
        .lines()
        .iter()
        .map(|line| {
            json!({
                "id": state.next_id("si_"),
                "object": "subscription_item",
                "price": line.price.to_json(),
                "quantity": line.quantity,
                "current_period_start": now,
                "current_period_end": now + MONTH_SECONDS,
            })
        })
        .collect();
    state.subscriptions.insert(
        subscription.clone(),
        json!({
            "id": subscription, "object": "subscription", "status": "active",
            "customer": session.customer, "metadata": session.passed_on,
            "items": { "object": "list", "data": items }, "latest_invoice": invoice,
            "created": now, "livemode": false,
        }),
    );
    state.invoices.insert(
        invoice.clone(),
        json!({
            "id": invoice, "object": "invoice", "status": "paid", "customer": session.customer,
            "billing_reason": "subscription_create", "amount_paid": session.total(),
            "currency": session.currency, "created": now, "livemode": false,
            "parent": {
                "type": "subscription_details",
                "subscription_details": { "subscription": subscription },
            },
        }),
    );
    let session = state.session_mut(&session.id)?;
    session.subscription = Some(subscription);
    session.invoice = Some(invoice);
    Ok(())
}
