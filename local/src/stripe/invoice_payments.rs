//! Invoice payments: `/v1/invoice_payments`, which payment is of which invoice.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// The payment of an invoice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct InvoicePayment {
    pub(super) id: String,
    pub(super) invoice: String,
    pub(super) payment_intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) created: i64,
    pub(super) paid_at: Option<i64>,
}

impl InvoicePayment {
    fn status(&self) -> &'static str {
        if self.paid_at.is_some() {
            "paid"
        } else {
            "open"
        }
    }

    /// Stripe's `invoice_payment`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "invoice_payment",
            "amount_paid": self.paid_at.map(|_| self.amount),
            "amount_requested": self.amount,
            "created": self.created,
            "currency": self.currency,
            "invoice": self.invoice,
            "is_default": true,
            "livemode": false,
            "payment": { "type": "payment_intent", "payment_intent": self.payment_intent },
            "status": self.status(),
            "status_transitions": { "canceled_at": null, "paid_at": self.paid_at },
        })
    }
}

impl State {
    /// The payment of an invoice, made or to be made.
    pub(super) fn invoice_payment(&self, invoice: &str) -> Option<&InvoicePayment> {
        let mut payments = self.invoice_payments.values();
        payments.find(|payment| payment.invoice == invoice)
    }

    /// Writes down that an invoice is paid with a payment, or is to be.
    pub(super) fn pay_invoice_with(&mut self, invoice: &str, payment: &str, paid: bool, now: i64) {
        let paid_at = paid.then_some(now);
        let known = self.invoice_payments.values_mut();
        if let Some(known) = { known }.find(|known| known.invoice == invoice) {
            known.paid_at = paid_at;
            return;
        }
        let Some(money) = self.payment_intents.get(payment).cloned() else {
            return;
        };
        let id = self.next_id("inpay_");
        let made = InvoicePayment {
            id: id.clone(),
            invoice: invoice.to_owned(),
            payment_intent: money.id,
            amount: money.amount,
            currency: money.currency,
            created: now,
            paid_at,
        };
        self.invoice_payments.insert(id, made);
    }
}

/// `GET /v1/invoice_payments`, of an invoice or of a payment.
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let invoice = form.text("invoice", 255)?;
    let status = form.word("status", &["canceled", "open", "paid"])?;
    let kind = form.word("payment[type]", &["payment_intent", "payment_record"])?;
    let payment = form.text("payment[payment_intent]", 255)?;
    form.finish()?;
    if payment.is_some() && kind != Some("payment_intent") {
        return Err(Error::missing("payment[type]"));
    }
    let all = state.invoice_payments.values().rev();
    let matching = all.filter(|one| {
        invoice
            .as_ref()
            .is_none_or(|invoice| one.invoice == *invoice)
            && payment
                .as_ref()
                .is_none_or(|payment| one.payment_intent == *payment)
            && status.is_none_or(|status| one.status() == status)
            && kind != Some("payment_record")
    });
    let found = matching.map(InvoicePayment::to_json).collect();
    page.of("/v1/invoice_payments", found)
}

/// `GET /v1/invoice_payments/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let known = state.invoice_payments.get(id);
    let known = known.ok_or_else(|| Error::no_such("invoice_payment", "id", id))?;
    Ok(known.to_json())
}
