//! A Checkout Session: its amounts, and its JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::price::Price;
use super::tax::Behavior;
use crate::stripe::wire::json::{set, with_nulls};

/// The fields that are always null here.
const UNUSED: &str = "\
    after_expiration billing_address_collection client_secret collected_information consent \
    consent_collection currency_conversion customer_creation customer_details customer_email \
    invoice_creation locale payment_link payment_method_configuration_details permissions recovered_from \
    setup_intent shipping_address_collection shipping_cost submit_type wallet_options";

/// A session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) mode: String,
    pub(crate) status: String,
    pub(crate) payment_status: String,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) promotion_codes: bool,
    pub(crate) discount: i64,
    pub(crate) cancel_url: Option<String>,
    /// The metadata for the payment or the subscription.
    pub(crate) passed_on: BTreeMap<String, String>,
    /// The buyer's payment, or the last attempt.
    pub(crate) payment_intent: Option<String>,
    pub(crate) subscription: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) automatic_tax: bool,
    #[serde(default)]
    pub(crate) tax_behavior: Behavior,
    /// The end of the trial that a plan begins with.
    #[serde(default)]
    pub(crate) trial_end: Option<i64>,
    /// The requested billing mode: `flexible` or `classic`.
    #[serde(default)]
    pub(crate) billing_mode: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) lines: Vec<Ordered>,
    pub(crate) success_url: String,
    pub(crate) expires_at: i64,
    pub(crate) created: i64,
    pub(crate) url: String,
    /// Fields that a test has falsified.
    pub(crate) overrides: BTreeMap<String, Value>,
}

/// A price that is ordered. It is a line of a session, or the beginning of a subscription's item.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Ordered {
    pub(crate) id: String,
    pub(crate) price: Price,
    pub(crate) quantity: i64,
    pub(crate) name: String,
}

impl Session {
    /// Returns the amount before the discount of a promotion code.
    pub(crate) fn subtotal(&self) -> i64 {
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
    pub(crate) fn tax(&self) -> i64 {
        if self.automatic_tax {
            self.tax_behavior.tax_on(self.subtotal() - self.discount)
        } else {
            0
        }
    }

    /// Returns the payment that the session shows. A plan's payment belongs to its invoice, and shows there.
    pub(crate) fn own_payment(&self) -> Option<&String> {
        let payment = self.payment_intent.as_ref();
        payment.filter(|_| self.mode == "payment")
    }

    /// Returns the amount to pay.
    pub(crate) fn total(&self) -> i64 {
        let added_tax = match self.tax_behavior {
            Behavior::Exclusive => self.tax(),
            Behavior::Inclusive => 0,
        };
        self.subtotal() - self.discount + added_tax
    }

    /// Returns the redirect for a buyer who has paid.
    pub(crate) fn redirect(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    /// Stripe's `checkout.session`, without expandable fields.
    pub(crate) fn to_json(&self) -> Value {
        let open = self.status == "open";
        let shown = json!({
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
        let mut shown = with_nulls(shown, UNUSED);
        set(&mut shown, json!(self.overrides));
        shown
    }

    pub(crate) fn lines_json(&self) -> Vec<Value> {
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
