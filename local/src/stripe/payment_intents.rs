//! Payment intents: `/v1/payment_intents`, the payments behind Checkout Sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::balance_transactions::{Kind, Movement, SETTLEMENT, charge_fee, convert};
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

/// Fields of a payment intent that are always null here.
const UNUSED: [&str; 25] = [
    "allowed_payment_method_types",
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "customer_account",
    "description",
    "excluded_payment_method_types",
    "managed_payments",
    "next_action",
    "on_behalf_of",
    "payment_method",
    "payment_method_configuration_details",
    "payment_record",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// A payment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    pub(super) customer: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) status: Status,
    pub(super) charge: Option<String>,
    /// The balance transaction of its charge.
    #[serde(default)]
    pub(super) balance_transaction: Option<String>,
    pub(super) created: i64,
}

/// The status of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// The last attempt failed.
    RequiresPaymentMethod,
    /// The buyer has to confirm it.
    RequiresAction,
    /// The money is on its way.
    Processing,
    /// The money has arrived.
    Succeeded,
}

impl PaymentIntent {
    /// Stripe's `payment_intent`.
    pub(super) fn to_json(&self) -> Value {
        let received = if self.status == Status::Succeeded {
            self.amount
        } else {
            0
        };
        let last_error = (self.status == Status::RequiresPaymentMethod).then(|| {
            json!({
                "code": "card_declined",
                "decline_code": "generic_decline",
                "message": "Your card was declined.",
                "type": "card_error",
            })
        });
        let mut intent = json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_received": received,
            "capture_method": "automatic_async",
            "client_secret": format!("{}_secret_local", self.id),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "last_payment_error": last_error,
            "latest_charge": self.charge,
            "livemode": false,
            "metadata": self.metadata,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "status": self.status,
        });
        for field in UNUSED {
            intent[field] = Value::Null;
        }
        intent
    }
}

/// The order that a payment is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) customer: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) metadata: BTreeMap<String, String>,
}

impl State {
    /// Creates a payment or retries a known one, and emits its event; returns its id.
    pub(super) fn attempt(
        &mut self,
        known: Option<String>,
        order: Order,
        status: Status,
        now: i64,
    ) -> String {
        let id = known.unwrap_or_else(|| self.next_id("pi_"));
        let charge = self.next_id("ch_");
        let payments = self.payment_intents.entry(id.clone());
        let payment = payments.or_insert_with(|| PaymentIntent {
            id: id.clone(),
            customer: order.customer,
            amount: order.amount,
            currency: order.currency,
            metadata: order.metadata,
            status,
            charge: None,
            balance_transaction: None,
            created: now,
        });
        payment.status = status;
        payment.amount = order.amount;
        payment.charge = Some(charge);
        let changed = payment.to_json();
        let kind = match status {
            Status::Succeeded => "payment_intent.succeeded",
            Status::RequiresPaymentMethod => "payment_intent.payment_failed",
            Status::RequiresAction => "payment_intent.requires_action",
            Status::Processing => "payment_intent.processing",
        };
        if status == Status::Succeeded {
            self.settle_charge(&id, now);
        }
        self.emit(kind, &changed, now);
        id
    }

    /// Adds the amount of a payment to the account's balance.
    fn settle_charge(&mut self, id: &str, now: i64) {
        let Some(payment) = self.payment_intents.get(id).cloned() else {
            return;
        };
        let movement = Movement {
            kind: Kind::Charge,
            source: payment.charge.as_deref().unwrap_or_default(),
            amount: payment.amount,
            currency: &payment.currency,
            settled: None,
            fee: charge_fee(convert(payment.amount, &payment.currency, SETTLEMENT)),
        };
        let moved = self.move_money(&movement, now);
        if let Some(payment) = self.payment_intents.get_mut(id) {
            payment.balance_transaction = moved.map(|moved| moved.id);
        }
    }
}

/// `GET /v1/payment_intents`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let customer = form.text("customer", 255)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.payment_intents.values().rev();
    let matching = all.filter(|payment| {
        (customer.is_none() || payment.customer == customer) && created.holds(payment.created)
    });
    let found = matching.map(PaymentIntent::to_json).collect();
    page.of("/v1/payment_intents", found)
}

/// `GET /v1/payment_intents/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let payment = state.payment_intents.get(id);
    let payment = payment.ok_or_else(|| Error::no_such("payment_intent", "id", id))?;
    Ok(payment.to_json())
}
