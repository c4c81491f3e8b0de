//! An invoice: its lines, its amounts, and how Stripe shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::falsify::overwrite;
use crate::stripe::prices::Price;
use crate::stripe::subscriptions::Item;

/// The most lines an invoice shows; the others are listed.
const MAX_SHOWN_LINES: usize = 10;

/// How long after a failure the next attempt is, in seconds.
const RETRY_SECONDS: i64 = 3 * 24 * 60 * 60;

/// Fields of an invoice that nothing here ever fills.
const UNUSED: [&str; 35] = [
    "account_country",
    "account_name",
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "customer_address",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "customer_tax_ids",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "ending_balance",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "number",
    "on_behalf_of",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "status_details",
    "test_clock",
    "total_pretax_credit_amounts",
    "webhooks_delivered_at",
];

/// An invoice.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::stripe) struct Invoice {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) status: String,
    pub(in crate::stripe) customer: Option<String>,
    pub(in crate::stripe) billing_reason: String,
    pub(in crate::stripe) currency: String,
    pub(in crate::stripe) subscription: Option<String>,
    /// The metadata of its subscription as it was then.
    pub(in crate::stripe) subscription_metadata: BTreeMap<String, String>,
    pub(in crate::stripe) lines: Vec<Line>,
    pub(in crate::stripe) discount: i64,
    pub(in crate::stripe) tax: i64,
    pub(in crate::stripe) automatic_tax: bool,
    pub(in crate::stripe) amount_paid: i64,
    /// What credit notes took off before it was paid, and afterwards.
    pub(in crate::stripe) pre_payment_credit_notes_amount: i64,
    pub(in crate::stripe) post_payment_credit_notes_amount: i64,
    pub(in crate::stripe) attempts: i64,
    pub(in crate::stripe) period: Period,
    pub(in crate::stripe) created: i64,
    pub(in crate::stripe) finalized_at: Option<i64>,
    pub(in crate::stripe) paid_at: Option<i64>,
    /// Fields that a test has falsified.
    pub(in crate::stripe) overrides: BTreeMap<String, Value>,
}

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(in crate::stripe) struct Period {
    pub(in crate::stripe) start: i64,
    pub(in crate::stripe) end: i64,
}

/// A line: what a price costs for a period.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Line {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) item: String,
    pub(in crate::stripe) price: Price,
    pub(in crate::stripe) amount: i64,
    pub(in crate::stripe) quantity: i64,
    pub(in crate::stripe) proration: bool,
    pub(in crate::stripe) period: Period,
    pub(in crate::stripe) description: String,
}

impl Line {
    /// The line of an item for the period it is in.
    pub(in crate::stripe) fn of(id: String, item: &Item) -> Self {
        Self {
            id,
            item: item.id.clone(),
            price: item.price.clone(),
            amount: item.amount(),
            quantity: item.quantity,
            proration: false,
            period: Period {
                start: item.current_period_start,
                end: item.current_period_end,
            },
            description: format!("{} × {}", item.quantity, item.price.product),
        }
    }

    fn to_json(&self, invoice: &Invoice, discount: i64) -> Value {
        let discounted = discount != 0;
        let discounts = discounted.then(|| json!({ "amount": discount, "discount": "di_Local" }));
        json!({
            "id": self.id,
            "object": "line_item",
            "amount": self.amount,
            "currency": invoice.currency,
            "description": self.description,
            "discount_amounts": discounts.into_iter().collect::<Vec<_>>(),
            "discountable": !self.proration,
            "discounts": [],
            "invoice": invoice.id,
            "livemode": false,
            "metadata": invoice.subscription_metadata,
            "parent": {
                "type": "subscription_item_details",
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null,
                    "proration": self.proration,
                    "proration_details": null,
                    "subscription": invoice.subscription,
                    "subscription_item": self.item,
                },
            },
            "period": self.period,
            "pretax_credit_amounts": [],
            "pricing": {
                "type": "price_details",
                "price_details": { "price": self.price.id, "product": self.price.product },
                "unit_amount_decimal": self.price.unit_amount.to_string(),
            },
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
            "subtotal": self.amount,
            "taxes": [],
        })
    }
}

impl Invoice {
    fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// What it comes to; a credit is below zero.
    pub(in crate::stripe) fn total(&self) -> i64 {
        self.subtotal() - self.discount + self.tax
    }

    /// What is to be paid at all.
    pub(in crate::stripe) fn due(&self) -> i64 {
        (self.total() - self.pre_payment_credit_notes_amount).max(0)
    }

    /// Its lines, the discount on the first ones that it fits on.
    pub(in crate::stripe) fn lines_json(&self) -> Vec<Value> {
        let mut left = self.discount;
        let lines = self.lines.iter().map(|line| {
            let discount = left.min(line.amount.max(0));
            left -= discount;
            line.to_json(self, discount)
        });
        lines.collect()
    }

    /// Stripe's `invoice`, without its payments.
    pub(in crate::stripe) fn to_json(&self) -> Value {
        let open = self.status == "open";
        let mut shown = json!({
            "id": self.id,
            "object": "invoice",
            "attempt_count": self.attempts,
            "attempted": self.attempts > 0,
            "auto_advance": open,
            "automatic_tax": {
                "disabled_reason": null,
                "enabled": self.automatic_tax,
                "liability": null,
                "provider": null,
                "status": self.automatic_tax.then_some("complete"),
            },
            "billing_reason": self.billing_reason,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_tax_exempt": "none",
            "default_tax_rates": [],
            "discounts": [],
            "effective_at": self.finalized_at,
            "issuer": { "type": "self" },
            "livemode": false,
            "metadata": {},
            "next_payment_attempt": (open && self.attempts > 0)
                .then_some(self.created + self.attempts * RETRY_SECONDS),
            "parent": self.parent_json(),
            "payment_settings": {
                "default_mandate": null,
                "payment_method_options": null,
                "payment_method_types": null,
            },
            "period_end": self.period.end,
            "period_start": self.period.start,
            "status": self.status,
            "status_transitions": {
                "finalized_at": self.finalized_at,
                "marked_uncollectible_at": null,
                "paid_at": self.paid_at,
                "voided_at": null,
            },
        });
        for field in UNUSED {
            shown[field] = Value::Null;
        }
        self.show_lines(&mut shown);
        self.show_amounts(&mut shown);
        overwrite(&mut shown, &self.overrides);
        shown
    }

    fn parent_json(&self) -> Value {
        let Some(subscription) = &self.subscription else {
            return Value::Null;
        };
        json!({
            "type": "subscription_details",
            "quote_details": null,
            "subscription_details": {
                "metadata": self.subscription_metadata,
                "subscription": subscription,
            },
        })
    }

    fn show_lines(&self, shown: &mut Value) {
        let mut lines = self.lines_json();
        let more = lines.len() > MAX_SHOWN_LINES;
        lines.truncate(MAX_SHOWN_LINES);
        let url = format!("/v1/invoices/{}/lines", self.id);
        shown["lines"] = json!({ "object": "list", "data": lines, "has_more": more, "url": url });
    }

    fn show_amounts(&self, shown: &mut Value) {
        let discounts = (self.discount != 0)
            .then(|| json!({ "amount": self.discount, "discount": "di_Local" }));
        let taxes = self.automatic_tax.then(|| {
            json!({
                "amount": self.tax,
                "tax_behavior": "exclusive",
                "tax_rate_details": null,
                "taxability_reason": "standard_rated",
                "taxable_amount": self.subtotal() - self.discount,
                "type": "tax_rate_details",
            })
        });
        let amounts = [
            ("amount_due", self.due()),
            ("amount_overpaid", 0),
            ("amount_paid", self.amount_paid),
            ("amount_paid_off_stripe", 0),
            ("amount_remaining", (self.due() - self.amount_paid).max(0)),
            ("amount_shipping", 0),
            (
                "post_payment_credit_notes_amount",
                self.post_payment_credit_notes_amount,
            ),
            (
                "pre_payment_credit_notes_amount",
                self.pre_payment_credit_notes_amount,
            ),
            ("starting_balance", 0),
            ("subtotal", self.subtotal()),
            ("subtotal_excluding_tax", self.subtotal()),
            ("total", self.total()),
            ("total_excluding_tax", self.total() - self.tax),
        ];
        for (name, amount) in amounts {
            shown[name] = amount.into();
        }
        shown["total_discount_amounts"] = discounts.into_iter().collect();
        shown["total_taxes"] = taxes.into_iter().collect();
    }
}
