//! Refunds: `/v1/refunds`. A failed or cancelled refund gives nothing back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::balance_transactions::{Kind, Movement};
use super::charges::Of;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::payment_intents::PaymentIntent;
use super::state::State;

/// The time that a buyer has to act on a refund that `requires_action`: 45 days.
const ACTION_SECONDS: i64 = 45 * 24 * 60 * 60;

/// A refund.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    charge: String,
    pub(super) payment_intent: String,
    customer: Option<String>,
    currency: String,
    created: i64,
    status: String,
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    balance_transaction: Option<String>,
    #[serde(default)]
    failure_balance_transaction: Option<String>,
}

/// The options of a new refund besides its payment and its amount.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// `pending` or `requires_action`; `succeeded` by default.
    pub(super) status: Option<String>,
}

impl Refund {
    /// Returns whether the money is refunded, or about to be.
    pub(super) fn counts(&self) -> bool {
        !["failed", "canceled"].contains(&self.status.as_str())
    }

    /// Stripe's `refund`.
    pub(super) fn to_json(&self) -> Value {
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "destination_details": { "card": { "type": "refund" }, "type": "card" },
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "payment_method": null,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        });
        match self.status.as_str() {
            "failed" => refund["failure_reason"] = "lost_or_stolen_card".into(),
            "pending" => refund["pending_reason"] = "processing".into(),
            "requires_action" => refund["next_action"] = self.next_action(),
            _ => {}
        }
        if let Some(transaction) = &self.failure_balance_transaction {
            refund["failure_balance_transaction"] = transaction.as_str().into();
        }
        refund
    }

    /// Returns the e-mail in which Stripe asks the buyer for a bank account.
    fn next_action(&self) -> Value {
        json!({
            "type": "display_details",
            "display_details": {
                "email_sent": {
                    "email_sent_at": self.created,
                    "email_sent_to": "buyer@example.com",
                },
                "expires_at": self.created + ACTION_SECONDS,
            },
        })
    }

    /// Moves the money when it leaves the balance or comes back.
    fn settle(&mut self, state: &mut State, now: i64) {
        let gone = self.balance_transaction.is_some();
        let back = self.failure_balance_transaction.is_some();
        let (kind, amount) = if self.status == "succeeded" && !gone {
            (Kind::Refund, -self.amount)
        } else if !self.counts() && gone && !back {
            (Kind::RefundFailure, self.amount)
        } else {
            return;
        };
        let movement = Movement {
            kind,
            source: &self.id,
            amount,
            currency: &self.currency,
            settled: None,
            fee: 0,
        };
        let moved = state.move_money(&movement, now).map(|moved| moved.id);
        if kind == Kind::Refund {
            self.balance_transaction = moved;
        } else {
            self.failure_balance_transaction = moved;
        }
    }
}

impl State {
    /// Returns the refunded amount of a payment.
    pub(super) fn refunded(&self, payment: &str) -> i64 {
        let refunds = self.refunds.values();
        refunds
            .filter(|refund| refund.payment_intent == payment && refund.counts())
            .map(|refund| refund.amount)
            .sum()
    }
}

/// `POST /v1/refunds`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let of = Of::take(form)?;
    let amount = form.integer("amount")?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer"];
    let reason = form.word("reason", &reasons)?;
    let metadata = form.metadata("metadata")?;
    form.finish()?;
    let terms = Terms {
        reason: reason.map(str::to_owned),
        metadata,
        status: None,
    };
    Ok(give_back(state, &of, amount, terms, now)?.to_json())
}

/// Refunds an amount of a payment, by default the rest.
pub(super) fn give_back(
    state: &mut State,
    of: &Of,
    amount: Option<i64>,
    terms: Terms,
    now: i64,
) -> Result<Refund, Error> {
    let (payment, charge) = of.paid(state)?;
    let amount = allowed(state, &payment, &charge, amount)?;
    let mut refund = Refund {
        id: state.next_id("re_"),
        amount,
        charge,
        payment_intent: payment.id.clone(),
        customer: payment.customer.clone(),
        currency: payment.currency.clone(),
        created: now,
        status: terms.status.unwrap_or_else(|| "succeeded".to_owned()),
        reason: terms.reason,
        metadata: terms.metadata,
        balance_transaction: None,
        failure_balance_transaction: None,
    };
    refund.settle(state, now);
    state.refunds.insert(refund.id.clone(), refund.clone());
    state.emit("refund.created", &refund.to_json(), now);
    let charge = state.charge_json(&payment);
    state.emit("charge.refunded", &charge, now);
    Ok(refund)
}

/// Returns the amount to refund: the rest of the payment, or less.
fn allowed(
    state: &State,
    payment: &PaymentIntent,
    charge: &str,
    amount: Option<i64>,
) -> Result<i64, Error> {
    let left = payment.amount - state.refunded(&payment.id);
    if left <= 0 {
        let message = format!("Charge {charge} has already been refunded.");
        return Err(Error::param("charge_already_refunded", "charge", message).executed());
    }
    let mut disputes = state.disputes.values();
    if disputes.any(|dispute| dispute.payment_intent == payment.id && !dispute.is_refundable()) {
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
            currency = payment.currency
        );
        return Err(Error::param("amount_too_large", "amount", message).executed());
    }
    Ok(amount)
}

/// `GET /v1/refunds`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let of = Of::take(form)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.refunds.values().rev();
    let matching = all.filter(|refund| {
        of.fits(&refund.payment_intent, &refund.charge) && created.holds(refund.created)
    });
    page.of("/v1/refunds", matching.map(Refund::to_json).collect())
}

/// `GET /v1/refunds/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let refund = state.refunds.get(id);
    let refund = refund.ok_or_else(|| Error::no_such("refund", "id", id))?;
    Ok(refund.to_json())
}

/// Moves a refund, as the bank does.
pub(super) fn change(state: &mut State, id: &str, status: &str, now: i64) -> Result<Value, Error> {
    let refund = state.refunds.get(id).cloned();
    let mut refund = refund.ok_or_else(|| Error::no_such("refund", "id", id))?;
    status.clone_into(&mut refund.status);
    refund.settle(state, now);
    let changed = refund.to_json();
    state.refunds.insert(refund.id.clone(), refund);
    state.emit("refund.updated", &changed, now);
    if status == "failed" {
        state.emit("refund.failed", &changed, now);
    }
    Ok(changed)
}
