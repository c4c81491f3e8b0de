//! Refunds: they give a payment's money back. A failed or cancelled refund gives nothing back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::balance::{Kind, Movement, move_money};
use super::payments::{Of, charge_of, counts, refunded};
use crate::stripe::state::State;
use crate::stripe::wire::json::{number, text};
use crate::stripe::wire::{Error, Result};

/// The time that a buyer has to act on a refund that `requires_action`: 45 days.
const ACTION_SECONDS: i64 = 45 * 24 * 60 * 60;

/// The members that only a refund of some status has.
const OF_STATUS: [&str; 3] = ["failure_reason", "next_action", "pending_reason"];

/// The options of a new refund besides its payment and its amount.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) reason: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `pending` or `requires_action`; `succeeded` by default.
    pub(crate) status: Option<String>,
}

/// Sets the status of a refund. Moves its money when it leaves the balance or comes back.
fn settle(state: &mut State, refund: &mut Value, status: &str, now: i64) {
    if let Some(members) = refund.as_object_mut() {
        members.retain(|name, _| !OF_STATUS.contains(&name.as_str()));
    }
    refund["status"] = status.into();
    match status {
        "failed" => refund["failure_reason"] = "lost_or_stolen_card".into(),
        "pending" => refund["pending_reason"] = "processing".into(),
        "requires_action" => refund["next_action"] = next_action(number(refund, "created")),
        _ => {}
    }
    let gone = !refund["balance_transaction"].is_null();
    let back = refund.get("failure_balance_transaction").is_some();
    let amount = number(refund, "amount");
    let (kind, amount, member) = if status == "succeeded" && !gone {
        (Kind::Refund, -amount, "balance_transaction")
    } else if !counts(refund) && gone && !back {
        (Kind::RefundFailure, amount, "failure_balance_transaction")
    } else {
        return;
    };
    let movement = Movement {
        kind,
        source: text(refund, "id"),
        amount,
        currency: text(refund, "currency"),
        settled: None,
        fee: 0,
    };
    if let Some(moved) = move_money(state, &movement, now) {
        refund[member] = moved["id"].clone();
    }
}

/// Returns the e-mail in which Stripe asks the buyer for a bank account.
fn next_action(created: i64) -> Value {
    json!({
        "type": "display_details",
        "display_details": {
            "email_sent": { "email_sent_at": created, "email_sent_to": "buyer@example.com" },
            "expires_at": created + ACTION_SECONDS,
        },
    })
}

/// Refunds an amount of a payment, by default the rest.
pub(crate) fn give_back(
    state: &mut State,
    of: &Of,
    amount: Option<i64>,
    terms: &Terms,
    now: i64,
) -> Result {
    let (payment, charge) = of.paid(state)?;
    let amount = allowed(state, &payment, &charge, amount)?;
    let mut refund = json!({
        "id": state.next_id("re_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": null,
        "charge": charge,
        "created": now,
        "currency": payment["currency"],
        "customer": payment["customer"],
        "customer_account": null,
        "destination_details": { "card": { "type": "refund" }, "type": "card" },
        "metadata": terms.metadata,
        "payment_intent": payment["id"],
        "payment_method": null,
        "reason": terms.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "transfer_reversal": null,
    });
    let status = terms.status.as_deref().unwrap_or("succeeded");
    settle(state, &mut refund, status, now);
    let refund = state.keep_and_emit("refunds", refund, "refund.created", now);
    let charge = charge_of(state, &payment);
    state.emit("charge.refunded", &charge, now);
    Ok(refund)
}

/// Returns the amount to refund: the rest of the payment, or less.
fn allowed(state: &State, payment: &Value, charge: &str, amount: Option<i64>) -> Result<i64> {
    let id = text(payment, "id");
    let left = number(payment, "amount") - refunded(state, id);
    if left <= 0 {
        let message = format!("Charge {charge} has already been refunded.");
        return Err(Error::param("charge_already_refunded", "charge", message).executed());
    }
    let mut disputes = state.objects.all("disputes");
    if disputes.any(|one| one["payment_intent"] == id && one["is_charge_refundable"] == false) {
        let message = format!("Charge {charge} has been charged back; cannot issue a refund.");
        return Err(Error::param("charge_disputed", "charge", message).executed());
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Error::param("parameter_invalid_integer", "amount", message));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({amount} {currency}) is greater than unrefunded amount on charge \
             ({left} {currency})",
            currency = text(payment, "currency")
        );
        return Err(Error::param("amount_too_large", "amount", message).executed());
    }
    Ok(amount)
}

/// Moves a refund, as the bank does.
pub(crate) fn change(state: &mut State, id: &str, status: &str, now: i64) -> Result {
    let mut refund = state.object("refunds", id)?.clone();
    settle(state, &mut refund, status, now);
    let changed = state.keep_and_emit("refunds", refund, "refund.updated", now);
    if status == "failed" {
        state.emit("refund.failed", &changed, now);
    }
    Ok(changed)
}
