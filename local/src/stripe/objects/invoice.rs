//! An invoice: its amounts, its timeline, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::line::{Line, Parent, Period};
use super::tax::Behavior;
use crate::stripe::wire::json::{overwrite, set, with_nulls};

/// The most lines in an invoice's JSON; the list of lines has the others.
const MAX_SHOWN_LINES: usize = 10;

/// The fields that are always null here.
const UNUSED: &str = "\
    account_country account_name account_tax_ids application custom_fields customer_account \
    customer_address customer_email customer_name customer_phone customer_shipping customer_tax_ids \
    default_payment_method default_source description due_date footer from_invoice hosted_invoice_url \
    invoice_pdf latest_revision number on_behalf_of receipt_number rendering shipping_cost \
    shipping_details statement_descriptor test_clock total_pretax_credit_amounts webhooks_delivered_at";

/// An invoice.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) customer: Option<String>,
    pub(crate) billing_reason: String,
    pub(crate) currency: String,
    pub(crate) subscription: Option<String>,
    /// The metadata of its subscription at that time.
    pub(crate) subscription_metadata: BTreeMap<String, String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) discount: i64,
    pub(crate) tax: i64,
    pub(crate) automatic_tax: bool,
    pub(crate) tax_behavior: Behavior,
    /// The customer's balance before the invoice: below zero, it pays a part of it.
    pub(crate) starting_balance: i64,
    /// The customer's balance after the invoice was finalized.
    pub(crate) ending_balance: Option<i64>,
    pub(crate) amount_paid: i64,
    /// The part of `amount_paid` that was paid outside of Stripe.
    pub(crate) paid_off_stripe: i64,
    /// The amounts of credit notes before and after it was paid.
    pub(crate) pre_payment_credit_notes_amount: i64,
    pub(crate) post_payment_credit_notes_amount: i64,
    pub(crate) attempts: i64,
    pub(crate) period: Period,
    pub(crate) created: i64,
    /// Stripe finalizes and charges it automatically.
    pub(crate) auto_advance: bool,
    /// The end of the draft hour.
    pub(crate) finalizes_at: Option<i64>,
    pub(crate) next_attempt: Option<i64>,
    /// Stripe's `last_finalization_error`.
    pub(crate) finalization_error: Option<Value>,
    pub(crate) finalized_at: Option<i64>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) voided_at: Option<i64>,
    pub(crate) uncollectible_at: Option<i64>,
    /// The `reason` of `status_details.uncollectible`.
    pub(crate) uncollectible_reason: Option<String>,
    /// Fields that a test has falsified.
    pub(crate) overrides: BTreeMap<String, Value>,
}

impl Invoice {
    pub(crate) fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// Returns the tax that is added to the lines.
    fn added_tax(&self) -> i64 {
        match self.tax_behavior {
            Behavior::Exclusive => self.tax,
            Behavior::Inclusive => 0,
        }
    }

    /// Returns the amount of its lines, discount and tax; a credit is below zero.
    pub(crate) fn total(&self) -> i64 {
        self.subtotal() - self.discount + self.added_tax()
    }

    /// Returns the amount due, including the customer's balance.
    pub(crate) fn due(&self) -> i64 {
        (self.total() + self.starting_balance - self.pre_payment_credit_notes_amount).max(0)
    }

    /// Returns the part of the amount due that is not paid yet.
    pub(crate) fn remaining(&self) -> i64 {
        (self.due() - self.amount_paid).max(0)
    }

    /// Returns whether Stripe advances it automatically.
    fn advances(&self) -> bool {
        self.auto_advance && ["draft", "open"].contains(&self.status.as_str())
    }

    /// Returns the JSON of its lines. The discount applies to the first lines, as far as they reach.
    pub(crate) fn lines_json(&self) -> Vec<Value> {
        let mut left = self.discount;
        let lines = self.lines.iter().map(|line| {
            let discount = left.min(line.amount.max(0));
            left -= discount;
            self.line_json(line, discount)
        });
        lines.collect()
    }

    /// Stripe's `invoice`, without its payments.
    pub(crate) fn to_json(&self) -> Value {
        let shown = json!({
            "id": self.id,
            "object": "invoice",
            "attempt_count": self.attempts,
            "attempted": self.attempts > 0 || self.status == "paid",
            "auto_advance": self.advances(),
            "automatic_tax": {
                "disabled_reason": null,
                "enabled": self.automatic_tax,
                "liability": null,
                "provider": null,
                "status": self.automatic_tax.then_some(self.tax_status()),
            },
            "automatically_finalizes_at": self.finalizes_at,
            "billing_reason": self.billing_reason,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_tax_exempt": "none",
            "default_tax_rates": [],
            "discounts": [],
            "ending_balance": self.ending_balance,
            "effective_at": self.finalized_at,
            "issuer": { "type": "self" },
            "livemode": false,
            "metadata": {},
            "last_finalization_error": self.finalization_error,
            "next_payment_attempt": self.next_attempt,
            "parent": self.parent_json(),
            "payment_settings": {
                "default_mandate": null,
                "payment_method_options": null,
                "payment_method_types": null,
            },
            "period_end": self.period.end,
            "period_start": self.period.start,
            "status": self.status,
            "status_details": self.uncollectible_reason.as_ref()
                .map(|reason| json!({ "uncollectible": { "reason": reason } })),
            "status_transitions": {
                "finalized_at": self.finalized_at,
                "marked_uncollectible_at": self.uncollectible_at,
                "paid_at": self.paid_at,
                "voided_at": self.voided_at,
            },
        });
        let mut shown = with_nulls(shown, UNUSED);
        self.show_lines(&mut shown);
        self.show_amounts(&mut shown);
        overwrite(&mut shown, &self.overrides);
        shown
    }

    fn parent_of(&self, line: &Line) -> Value {
        let proration_details = json!({ "credited_items": null });
        match &line.parent {
            Parent::SubscriptionItem => json!({
                "type": "subscription_item_details",
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null,
                    "proration": line.proration,
                    "proration_details": proration_details,
                    "subscription": self.subscription,
                    "subscription_item": line.item,
                },
            }),
            Parent::InvoiceItem(id) => json!({
                "type": "invoice_item_details",
                "invoice_item_details": {
                    "invoice_item": id,
                    "proration": line.proration,
                    "proration_details": proration_details,
                    "subscription": self.subscription,
                },
                "subscription_item_details": null,
            }),
        }
    }

    /// Stripe's `line_item`.
    fn line_json(&self, line: &Line, discount: i64) -> Value {
        let discounted = discount != 0;
        let discounts = discounted.then(|| json!({ "amount": discount, "discount": "di_Local" }));
        json!({
            "id": line.id,
            "object": "line_item",
            "amount": line.amount,
            "currency": self.currency,
            "description": line.description,
            "discount_amounts": discounts.into_iter().collect::<Vec<_>>(),
            "discountable": !line.proration,
            "discounts": [],
            "invoice": self.id,
            "livemode": false,
            "metadata": self.subscription_metadata,
            "parent": self.parent_of(line),
            "period": line.period,
            "pretax_credit_amounts": [],
            "pricing": {
                "type": "price_details",
                "price_details": { "price": line.price.id, "product": line.price.product },
                "unit_amount_decimal": line.price.unit_amount.to_string(),
            },
            "quantity": line.quantity,
            "quantity_decimal": line.quantity.to_string(),
            "subtotal": line.amount,
            "taxes": [],
        })
    }

    fn tax_status(&self) -> &'static str {
        if self.finalization_error.is_some() {
            "requires_location_inputs"
        } else {
            "complete"
        }
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
                "tax_behavior": self.tax_behavior,
                "tax_rate_details": null,
                "taxability_reason": "standard_rated",
                "taxable_amount": self.total() - self.tax,
                "type": "tax_rate_details",
            })
        });
        let included_tax = self.tax - self.added_tax();
        let amounts = json!({
            "amount_due": self.due(),
            "amount_overpaid": 0,
            "amount_paid": self.amount_paid,
            "amount_paid_off_stripe": self.paid_off_stripe,
            "amount_remaining": self.remaining(),
            "amount_shipping": 0,
            "post_payment_credit_notes_amount": self.post_payment_credit_notes_amount,
            "pre_payment_credit_notes_amount": self.pre_payment_credit_notes_amount,
            "starting_balance": self.starting_balance,
            "subtotal": self.subtotal(),
            "subtotal_excluding_tax": self.subtotal() - included_tax,
            "total": self.total(),
            "total_excluding_tax": self.total() - self.tax,
        });
        set(shown, amounts);
        shown["total_discount_amounts"] = discounts.into_iter().collect();
        shown["total_taxes"] = taxes.into_iter().collect();
    }
}
