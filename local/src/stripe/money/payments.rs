//! Payments, and the charges that move their money.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::balance::{Kind, Movement, SETTLEMENT, charge_fee, convert, move_money};
use crate::stripe::objects::Status;
use crate::stripe::state::State;
use crate::stripe::wire::json::{number, set, text, with_nulls};
use crate::stripe::wire::{Error, Form, Result};

/// The fields of a payment intent that are always null here.
const UNUSED: &str = "\
    allowed_payment_method_types application application_fee_amount automatic_payment_methods \
    canceled_at cancellation_reason customer_account description excluded_payment_method_types \
    managed_payments next_action on_behalf_of payment_method payment_method_configuration_details \
    payment_record processing receipt_email review setup_future_usage shipping source \
    statement_descriptor statement_descriptor_suffix transfer_data transfer_group";

/// The fields of a charge that are always null here.
const UNUSED_OF_CHARGE: &str = "\
    application application_fee application_fee_amount calculated_statement_descriptor description \
    failure_balance_transaction failure_code failure_message on_behalf_of outcome payment_method \
    payment_method_details receipt_email receipt_number receipt_url review shipping source \
    source_transfer statement_descriptor statement_descriptor_suffix transfer_data transfer_group";

/// The order that a payment is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) customer: Option<String>,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Creates a payment or retries a known one, and emits its event; returns its id.
pub(crate) fn attempt(
    state: &mut State,
    known: Option<String>,
    order: &Order,
    status: Status,
    now: i64,
) -> String {
    let id = known.unwrap_or_else(|| state.next_id("pi_"));
    let charge = state.next_id("ch_");
    let known = state.objects.get("payment_intents", &id).cloned();
    let mut payment = known.unwrap_or_else(|| begun(&id, order, now));
    let succeeded = status == Status::Succeeded;
    let error = (status == Status::RequiresPaymentMethod).then(|| {
        json!({
            "code": "card_declined",
            "decline_code": "generic_decline",
            "message": "Your card was declined.",
            "type": "card_error",
        })
    });
    let changes = json!({
        "amount": order.amount,
        "amount_received": if succeeded { order.amount } else { 0 },
        "last_payment_error": error,
        "latest_charge": charge,
        "status": status,
    });
    set(&mut payment, changes);
    let kind = match status {
        Status::Succeeded => "payment_intent.succeeded",
        Status::RequiresPaymentMethod => "payment_intent.payment_failed",
        Status::RequiresAction => "payment_intent.requires_action",
        Status::Processing => "payment_intent.processing",
    };
    if succeeded {
        let currency = text(&payment, "currency");
        let movement = Movement {
            kind: Kind::Charge,
            source: &charge,
            amount: order.amount,
            currency,
            settled: None,
            fee: charge_fee(convert(order.amount, currency, SETTLEMENT)),
        };
        let moved = move_money(state, &movement, now);
        payment["_balance_transaction"] = moved.map(|moved| moved["id"].clone()).into();
    }
    state.keep_and_emit("payment_intents", payment, kind, now);
    id
}

/// Returns a payment that has not been attempted yet.
fn begun(id: &str, order: &Order, now: i64) -> Value {
    let payment = json!({
        "id": id,
        "object": "payment_intent",
        "amount_capturable": 0,
        "capture_method": "automatic_async",
        "client_secret": format!("{id}_secret_local"),
        "confirmation_method": "automatic",
        "created": now,
        "currency": order.currency,
        "customer": order.customer,
        "livemode": false,
        "metadata": order.metadata,
        "payment_method_options": {},
        "payment_method_types": ["card"],
    });
    with_nulls(payment, UNUSED)
}

/// The parameters that select a payment: its id, or that of its charge.
#[derive(Default)]
pub(crate) struct Of {
    pub(crate) payment_intent: Option<String>,
    pub(crate) charge: Option<String>,
}

impl Of {
    /// Reads `payment_intent` and `charge`.
    pub(crate) fn take(form: &mut Form) -> Result<Self> {
        Ok(Self {
            payment_intent: form.text("payment_intent", 255)?,
            charge: form.text("charge", 255)?,
        })
    }

    /// Reads `payment_intent` from the body of a control.
    pub(crate) fn in_body(body: &Value) -> Self {
        Self {
            payment_intent: body["payment_intent"].as_str().map(str::to_owned),
            charge: None,
        }
    }

    /// Returns the payment that the parameters select, and its charge.
    pub(crate) fn paid(&self, state: &State) -> Result<(Value, String)> {
        let payment = match (&self.payment_intent, &self.charge) {
            (Some(id), _) => state.object_of("payment_intents", "payment_intent", id)?,
            (None, Some(id)) => {
                let payment = charged(state, id);
                payment.ok_or_else(|| Error::no_such("charge", "charge", id))?
            }
            (None, None) => return Err(Error::missing("payment_intent")),
        };
        let charge = payment["latest_charge"].as_str();
        let charge = charge.filter(|_| payment["status"] == "succeeded");
        let charge = charge.ok_or_else(|| {
            let message = format!(
                "This PaymentIntent ({}) does not have a successful charge.",
                text(payment, "id")
            );
            Error::invalid(message).executed()
        })?;
        Ok((payment.clone(), charge.to_owned()))
    }
}

/// Returns the payment of a charge.
pub(crate) fn charged<'s>(state: &'s State, charge: &str) -> Option<&'s Value> {
    let mut payments = state.objects.all("payment_intents");
    payments.find(|payment| payment["latest_charge"] == charge)
}

/// Returns the refunded amount of a payment.
pub(crate) fn refunded(state: &State, payment: &str) -> i64 {
    let refunds = state.objects.all("refunds");
    let own = refunds.filter(|refund| refund["payment_intent"] == payment && counts(refund));
    own.map(|refund| number(refund, "amount")).sum()
}

/// Returns whether the money of a refund is given back, or about to be.
pub(crate) fn counts(refund: &Value) -> bool {
    !["failed", "canceled"].contains(&text(refund, "status"))
}

/// Returns whether a payment is disputed, or was.
pub(crate) fn is_disputed(state: &State, payment: &str) -> bool {
    let mut disputes = state.objects.all("disputes");
    disputes.any(|dispute| dispute["payment_intent"] == payment)
}

/// Stripe's `charge` of a payment; `amount_refunded` is the sum of all refunds.
pub(crate) fn charge_of(state: &State, payment: &Value) -> Value {
    let (id, amount) = (text(payment, "id"), number(payment, "amount"));
    let succeeded = payment["status"] == "succeeded";
    let status = match text(payment, "status") {
        "succeeded" => "succeeded",
        "processing" => "pending",
        _ => "failed",
    };
    let refunded = refunded(state, id);
    let charge = json!({
        "id": payment["latest_charge"],
        "object": "charge",
        "amount": amount,
        "amount_captured": if succeeded { amount } else { 0 },
        "amount_refunded": refunded,
        "balance_transaction": payment["_balance_transaction"],
        "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
        "captured": succeeded,
        "created": payment["created"],
        "currency": payment["currency"],
        "customer": payment["customer"],
        "disputed": is_disputed(state, id),
        "fraud_details": {},
        "livemode": false,
        "metadata": payment["metadata"],
        "paid": succeeded,
        "payment_intent": id,
        "refunded": succeeded && refunded == amount,
        "status": status,
    });
    with_nulls(charge, UNUSED_OF_CHARGE)
}
