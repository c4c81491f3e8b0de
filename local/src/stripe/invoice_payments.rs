//! Invoice payments: `/v1/invoice_payments`, the links between invoices and their payments.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A full or partial payment of an invoice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct InvoicePayment {
    pub(super) id: String,
    pub(super) invoice: String,
    pub(super) payment_intent: String,
    /// The amount requested.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) created: i64,
    pub(super) paid_at: Option<i64>,
    #[serde(default)]
    canceled_at: Option<i64>,
    /// True for Stripe's own payment of the amount due, false for a partial one.
    #[serde(default = "yes")]
    is_default: bool,
}

fn yes() -> bool {
    true
}

impl InvoicePayment {
    fn status(&self) -> &'static str {
        match (self.paid_at, self.canceled_at) {
            (Some(_), _) => "paid",
            (None, Some(_)) => "canceled",
            (None, None) => "open",
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
            "is_default": self.is_default,
            "livemode": false,
            "payment": { "type": "payment_intent", "payment_intent": self.payment_intent },
            "status": self.status(),
            "status_transitions": { "canceled_at": self.canceled_at, "paid_at": self.paid_at },
        })
    }
}

impl State {
    /// Returns Stripe's own payment of an invoice's amount due, paid or open.
    pub(super) fn default_payment(&self, invoice: &str) -> Option<&InvoicePayment> {
        let mut payments = self.invoice_payments.values();
        payments.find(|payment| payment.invoice == invoice && payment.is_default)
    }

    /// Records a payment of an invoice, paid or open.
    pub(super) fn pay_invoice_with(
        &mut self,
        invoice: &str,
        payment: &str,
        is_default: bool,
        paid: bool,
        now: i64,
    ) {
        let Some(money) = self.payment_intents.get(payment).cloned() else {
            return;
        };
        let known = self.default_payment(invoice).filter(|_| is_default);
        let mut made = known.cloned().unwrap_or_else(|| InvoicePayment {
            id: self.next_id("inpay_"),
            invoice: invoice.to_owned(),
            payment_intent: money.id,
            amount: money.amount,
            currency: money.currency,
            created: now,
            paid_at: None,
            canceled_at: None,
            is_default,
        });
        made.amount = money.amount;
        made.canceled_at = None;
        made.paid_at = paid.then_some(now);
        let shown = made.to_json();
        self.invoice_payments.insert(made.id.clone(), made);
        if paid {
            self.emit("invoice_payment.paid", &shown, now);
        }
    }

    /// Sets an open default payment to the remaining amount; cancels it if that is zero.
    pub(super) fn ask_default_payment(&mut self, invoice: &str, remaining: i64, now: i64) {
        let mut payments = self.invoice_payments.values_mut();
        let open = payments.find(|payment| {
            payment.invoice == invoice && payment.is_default && payment.status() == "open"
        });
        if let Some(open) = open {
            if remaining == 0 {
                open.canceled_at = Some(now);
            } else {
                open.amount = remaining;
            }
        }
    }
}

/// `GET /v1/invoice_payments`, for an invoice or a payment.
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
