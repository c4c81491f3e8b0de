//! A Checkout Session: its amounts, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::prices::Price;
use crate::stripe::tax::Behavior;

/// Fields of a session that are always null here.
const UNUSED: [&str; 21] = [
    "after_expiration",
    "billing_address_collection",
    "client_secret",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer_creation",
    "customer_details",
    "customer_email",
    "invoice_creation",
    "locale",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "submit_type",
    "wallet_options",
];

/// A session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Session {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) mode: String,
    pub(in crate::stripe) status: String,
    pub(in crate::stripe) payment_status: String,
    pub(in crate::stripe) currency: String,
    pub(in crate::stripe) customer: Option<String>,
    pub(in crate::stripe) promotion_codes: bool,
    pub(in crate::stripe) discount: i64,
    pub(in crate::stripe) cancel_url: Option<String>,
    /// The metadata for the payment or the subscription.
    pub(in crate::stripe) passed_on: BTreeMap<String, String>,
    /// The buyer's payment, or the last attempt.
    pub(in crate::stripe) payment_intent: Option<String>,
    pub(in crate::stripe) subscription: Option<String>,
    pub(in crate::stripe) invoice: Option<String>,
    pub(in crate::stripe) automatic_tax: bool,
    #[serde(default)]
    pub(in crate::stripe) tax_behavior: Behavior,
    /// The end of the trial that a plan begins with.
    #[serde(default)]
    pub(in crate::stripe) trial_end: Option<i64>,
    /// The requested billing mode: `flexible` or `classic`.
    #[serde(default)]
    pub(in crate::stripe) billing_mode: Option<String>,
    pub(in crate::stripe) client_reference_id: Option<String>,
    pub(in crate::stripe) metadata: BTreeMap<String, String>,
    pub(in crate::stripe) lines: Vec<Line>,
    pub(in crate::stripe) success_url: String,
    pub(in crate::stripe) expires_at: i64,
    pub(in crate::stripe) created: i64,
    pub(in crate::stripe) url: String,
    /// Fields that a test has falsified.
    pub(in crate::stripe) overrides: BTreeMap<String, Value>,
}

/// A line of a session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Line {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) price: Price,
    pub(in crate::stripe) quantity: i64,
    pub(in crate::stripe) name: String,
}

impl Session {
    fn subtotal(&self) -> i64 {
        // A trial costs nothing.
        if self.trial_end.is_some() {
            return 0;
        }
        let lines = self.lines.iter();
        lines
            .map(|line| line.price.unit_amount * line.quantity)
            .sum()
    }

    /// Returns the tax; zero without automatic tax.
    pub(in crate::stripe) fn tax(&self) -> i64 {
        if self.automatic_tax {
            self.tax_behavior.tax_on(self.subtotal() - self.discount)
        } else {
            0
        }
    }

    /// Returns the payment that the session shows. A plan's payment belongs to its invoice, and shows there.
    pub(in crate::stripe) fn own_payment(&self) -> Option<&String> {
        let payment = self.payment_intent.as_ref();
        payment.filter(|_| self.mode == "payment")
    }

    /// Returns the amount to pay.
    pub(in crate::stripe) fn total(&self) -> i64 {
        let added_tax = match self.tax_behavior {
            Behavior::Exclusive => self.tax(),
            Behavior::Inclusive => 0,
        };
        self.subtotal() - self.discount + added_tax
    }

    /// Returns the amount before the discount of a promotion code.
    pub(in crate::stripe) fn undiscounted(&self) -> i64 {
        self.subtotal()
    }

    /// Returns its lines.
    pub(in crate::stripe) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the redirect for a buyer who has paid.
    pub(in crate::stripe) fn redirect(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    /// Stripe's `checkout.session`, without expandable fields.
    pub(in crate::stripe) fn to_json(&self) -> Value {
        let open = self.status == "open";
        let mut session = json!({
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": { "enabled": false },
            "allow_promotion_codes": self.promotion_codes.then_some(true),
            "amount_subtotal": self.subtotal(),
            "amount_total": self.total(),
            "automatic_tax": {
                "enabled": self.automatic_tax,
                "liability": null,
                "provider": null,
                "status": self.automatic_tax.then_some("complete"),
            },
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "created": self.created,
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": {
                "after_submit": null,
                "shipping_address": null,
                "submit": null,
                "terms_of_service_acceptance": null,
            },
            "customer": self.customer,
            "discounts": [],
            "expires_at": self.expires_at,
            "invoice": self.invoice,
            "livemode": false,
            "metadata": self.metadata,
            "mode": self.mode,
            "payment_intent": self.own_payment(),
            "payment_method_collection": "if_required",
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "payment_status": self.payment_status,
            "shipping_options": [],
            "status": self.status,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "total_details": {
                "amount_discount": self.discount,
                "amount_shipping": 0,
                "amount_tax": self.tax(),
            },
            "ui_mode": "hosted_page",
            "url": open.then_some(&self.url),
        });
        for field in UNUSED {
            session[field] = Value::Null;
        }
        for (field, value) in &self.overrides {
            session[field] = value.clone();
        }
        session
    }

    pub(in crate::stripe) fn lines_json(&self) -> Vec<Value> {
        let lines = self.lines.iter().map(|line| {
            let amount = line.price.unit_amount * line.quantity;
            let mut shown = json!({
                "id": line.id,
                "object": "item",
                "amount_discount": self.discount,
                "amount_subtotal": amount,
                "amount_tax": self.tax(),
                "amount_total": self.total(),
                "currency": self.currency,
                "description": line.name,
                "metadata": {},
                "price": line.price.to_json(),
                "quantity": line.quantity,
            });
            if let Some(quantity) = self.overrides.get("quantity") {
                shown["quantity"] = quantity.clone();
            }
            if let Some(price) = self.overrides.get("price") {
                shown["price"]["id"] = price.clone();
            }
            shown
        });
        lines.collect()
    }
}
