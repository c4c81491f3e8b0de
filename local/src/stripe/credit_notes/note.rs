//! A credit note: its amounts, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A credit note.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct CreditNote {
    pub(in crate::stripe) id: String,
    pub(super) number: String,
    pub(super) invoice: String,
    pub(super) customer: Option<String>,
    pub(super) currency: String,
    pub(super) amount: i64,
    /// The part that reduced what was still to be paid.
    pub(super) pre_payment: i64,
    /// The part that was credited to the customer's balance.
    pub(super) credit_amount: i64,
    pub(super) out_of_band_amount: Option<i64>,
    pub(super) refunds: Vec<Linked>,
    pub(super) reason: Option<String>,
    pub(super) memo: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) customer_balance_transaction: Option<String>,
    pub(super) line: String,
    pub(super) created: i64,
    pub(super) voided_at: Option<i64>,
}

/// The part of a refund that belongs to a credit note.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Linked {
    pub(super) refund: String,
    pub(super) amount: i64,
}

impl CreditNote {
    pub(super) fn is_void(&self) -> bool {
        self.voided_at.is_some()
    }

    /// The part that was refunded, credited to the balance, or given back outside of Stripe.
    pub(super) fn post_payment(&self) -> i64 {
        self.amount - self.pre_payment
    }

    /// Stripe's `credit_note`.
    pub(in crate::stripe) fn to_json(&self) -> Value {
        let kind = match (self.pre_payment, self.post_payment()) {
            (_, 0) => "pre_payment",
            (0, _) => "post_payment",
            _ => "mixed",
        };
        let refunds = self.refunds.iter().map(|linked| {
            json!({
                "amount_refunded": linked.amount,
                "payment_record_refund": null,
                "refund": linked.refund,
                "type": "refund",
            })
        });
        json!({
            "id": self.id,
            "object": "credit_note",
            "amount": self.amount,
            "amount_shipping": 0,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "customer_balance_transaction": self.customer_balance_transaction,
            "discount_amount": 0,
            "discount_amounts": [],
            "effective_at": self.created,
            "invoice": self.invoice,
            "lines": {
                "object": "list",
                "data": [self.line_json()],
                "has_more": false,
                "url": format!("/v1/credit_notes/{}/lines", self.id),
            },
            "livemode": false,
            "memo": self.memo,
            "metadata": self.metadata,
            "number": self.number,
            "out_of_band_amount": self.out_of_band_amount,
            "pdf": format!("https://pay.stripe.com/credit_notes/{}/pdf", self.id),
            "post_payment_amount": self.post_payment(),
            "pre_payment_amount": self.pre_payment,
            "pretax_credit_amounts": [],
            "reason": self.reason,
            "refunds": refunds.collect::<Vec<_>>(),
            "shipping_cost": null,
            "status": if self.is_void() { "void" } else { "issued" },
            "subtotal": self.amount,
            "subtotal_excluding_tax": self.amount,
            "total": self.amount,
            "total_excluding_tax": self.amount,
            "total_taxes": [],
            "type": kind,
            "voided_at": self.voided_at,
        })
    }

    /// Its only line, a `credit_note_line_item`. Stripe itself spreads an amount over the invoice's lines.
    pub(super) fn line_json(&self) -> Value {
        json!({
            "id": self.line,
            "object": "credit_note_line_item",
            "amount": self.amount,
            "description": "Credit",
            "discount_amount": 0,
            "discount_amounts": [],
            "livemode": false,
            "metadata": {},
            "pretax_credit_amounts": [],
            "quantity": 1,
            "tax_rates": [],
            "taxes": [],
            "type": "custom_line_item",
            "unit_amount": self.amount,
            "unit_amount_decimal": self.amount.to_string(),
        })
    }
}
