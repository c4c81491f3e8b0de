//! Charges: `/v1/charges/{id}`, the money that a payment has moved.

use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::payment_intents::{PaymentIntent, Status};
use super::state::State;

/// Fields of a charge that are always null here.
const UNUSED: [&str; 23] = [
    "application",
    "application_fee",
    "application_fee_amount",
    "calculated_statement_descriptor",
    "description",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "on_behalf_of",
    "outcome",
    "payment_method",
    "payment_method_details",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// The parameters that select a payment to refund, or refunds and disputes to list.
pub(super) struct Of {
    pub(super) payment_intent: Option<String>,
    pub(super) charge: Option<String>,
}

impl Of {
    /// Reads `payment_intent` and `charge`.
    pub(super) fn take(form: &mut Form) -> Result<Self, Error> {
        Ok(Self {
            payment_intent: form.text("payment_intent", 255)?,
            charge: form.text("charge", 255)?,
        })
    }

    /// Returns whether a payment and its charge match the parameters.
    pub(super) fn fits(&self, payment: &str, charge: &str) -> bool {
        let is = |asked: &Option<String>, own: &str| asked.as_deref().is_none_or(|id| id == own);
        is(&self.payment_intent, payment) && is(&self.charge, charge)
    }

    /// Returns the payment that the parameters select, and its charge.
    pub(super) fn paid(&self, state: &State) -> Result<(PaymentIntent, String), Error> {
        let payment = match (&self.payment_intent, &self.charge) {
            (Some(id), _) => {
                let payment = state.payment_intents.get(id);
                payment.ok_or_else(|| Error::no_such("payment_intent", "payment_intent", id))?
            }
            (None, Some(id)) => {
                let payment = state.charged(id);
                payment.ok_or_else(|| Error::no_such("charge", "charge", id))?
            }
            (None, None) => return Err(Error::missing("payment_intent")),
        };
        let charge = payment.charge.clone();
        let charge = charge.filter(|_| payment.status == Status::Succeeded);
        let charge = charge.ok_or_else(|| {
            let message = format!(
                "This PaymentIntent ({}) does not have a successful charge.",
                payment.id
            );
            Error::invalid(message).executed()
        })?;
        Ok((payment.clone(), charge))
    }
}

impl State {
    /// Returns the payment of a charge.
    pub(super) fn charged(&self, charge: &str) -> Option<&PaymentIntent> {
        let mut payments = self.payment_intents.values();
        payments.find(|payment| payment.charge.as_deref() == Some(charge))
    }

    /// Stripe's `charge` of a payment; `amount_refunded` is the sum of all refunds.
    pub(super) fn charge_json(&self, payment: &PaymentIntent) -> Value {
        let succeeded = payment.status == Status::Succeeded;
        let status = match payment.status {
            Status::Succeeded => "succeeded",
            Status::Processing => "pending",
            Status::RequiresPaymentMethod | Status::RequiresAction => "failed",
        };
        let refunded = self.refunded(&payment.id);
        let mut claims = self.disputes.values();
        let disputed = claims.any(|dispute| dispute.payment_intent == payment.id);
        let mut charge = json!({
            "id": payment.charge,
            "object": "charge",
            "amount": payment.amount,
            "amount_captured": if succeeded { payment.amount } else { 0 },
            "amount_refunded": refunded,
            "balance_transaction": payment.balance_transaction,
            "billing_details": {
                "address": null, "email": null, "name": null, "phone": null, "tax_id": null,
            },
            "captured": succeeded,
            "created": payment.created,
            "currency": payment.currency,
            "customer": payment.customer,
            "disputed": disputed,
            "fraud_details": {},
            "livemode": false,
            "metadata": payment.metadata,
            "paid": succeeded,
            "payment_intent": payment.id,
            "refunded": succeeded && refunded == payment.amount,
            "status": status,
        });
        for field in UNUSED {
            charge[field] = Value::Null;
        }
        charge
    }
}

/// `GET /v1/charges/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let payment = state.charged(id);
    let payment = payment.ok_or_else(|| Error::no_such("charge", "id", id))?;
    Ok(state.charge_json(payment))
}
