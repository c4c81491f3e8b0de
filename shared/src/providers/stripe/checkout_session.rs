//! Checkout sessions: a page at Stripe where one order is paid.
//! <https://docs.stripe.com/api/checkout/sessions>

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::Deserializer;

use super::{Error, List, Stripe};
use crate::words::id::{CustomerId, IntentId, InvoiceId, SessionId};
use crate::words::page_url::PageUrl;

/// What a session is made of. Nothing in it depends on when it is sent, so that a repeat is the same call.
#[derive(Clone, Copy, Debug)]
pub struct NewCheckoutSession<'a> {
    /// What the session is for; it comes back as `client_reference_id` and in all metadata.
    pub intent: &'a IntentId,
    /// The deployment, so that another one with the same Stripe account leaves it alone.
    pub stage: &'a str,
    /// Who pays.
    pub customer: &'a CustomerId,
    /// Whether it is a subscription, or else one payment.
    pub subscription: bool,
    /// The price of one.
    pub price_id: &'a str,
    /// How many.
    pub quantity: u32,
    /// Where Stripe sends the buyer back to.
    pub success_url: &'a str,
    /// Where the buyer goes back to without paying.
    pub cancel_url: &'a str,
    /// When the page ends.
    pub expires_at: Timestamp,
    /// Whether the page takes promotion codes.
    pub promotion_codes: bool,
    /// Whether Stripe adds taxes.
    pub automatic_tax: bool,
}

/// A session as Stripe has it, as far as it is of interest.
#[derive(Debug, Deserialize)]
pub struct CheckoutSession {
    /// Its id, `cs_…`.
    pub id: SessionId,
    /// Whether real money is moved.
    pub livemode: bool,
    /// `payment` or `subscription`; other words may come.
    pub mode: String,
    /// `open`, `complete` or `expired`.
    pub status: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub payment_status: String,
    /// The currency of its amounts, in small letters.
    pub currency: Option<String>,
    /// The sum of its lines before discounts and taxes, in the currency's smallest unit.
    pub amount_subtotal: Option<i64>,
    /// What is paid in the end, in the currency's smallest unit.
    pub amount_total: Option<i64>,
    /// What we said it is for.
    pub client_reference_id: Option<String>,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
    /// Who pays.
    #[serde(default)]
    pub customer: Option<String>,
    /// Where it is paid, while it is open.
    pub url: Option<PageUrl>,
    /// The invoice of a subscription's first period, once it is complete.
    #[serde(default)]
    pub invoice: Option<InvoiceId>,
    /// The payment, once one was tried.
    #[serde(default)]
    pub payment_intent: Option<PaymentIntent>,
    /// What is bought, where it was asked for.
    #[serde(default, deserialize_with = "list")]
    pub line_items: Option<Vec<LineItem>>,
}

/// One line of a session.
#[derive(Debug, Deserialize)]
pub struct LineItem {
    /// The price of one.
    pub price: Option<Price>,
    /// How many.
    pub quantity: Option<u32>,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// Its id, `price_…`.
    pub id: String,
}

/// A payment: its id, or more of it where it was asked for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum PaymentIntent {
    /// The id alone.
    Id(String),
    /// The payment.
    Whole {
        /// Its id, `pi_…`.
        id: String,
        /// How it stands, such as `processing` or `succeeded`.
        status: String,
    },
}

impl PaymentIntent {
    /// The id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Whole { id, .. } => id,
        }
    }

    /// Whether no money will come of it as it is. In every other state it may, such as `requires_action`, in which a
    /// payment waits for a bank transfer or for small deposits that prove a bank account.
    /// <https://docs.stripe.com/payments/paymentintents/lifecycle>
    pub fn has_failed(&self) -> bool {
        let words = ["requires_payment_method", "canceled"];
        matches!(self, Self::Whole { status, .. } if words.contains(&status.as_str()))
    }
}

impl CheckoutSession {
    /// The invoice that tells how a subscription is paid which is complete and not paid: it is the invoice that has
    /// the payment.
    pub(crate) fn invoice_without_payment(&self) -> Option<&InvoiceId> {
        let unpaid = self.status.as_deref() == Some("complete") && self.payment_status == "unpaid";
        let invoice = self.invoice.as_ref();
        invoice.filter(|_| unpaid && self.payment_intent.is_none())
    }
}

/// Only the first page is of interest: an order has one line.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<LineItem>>, D::Error> {
    let list = Option::<List<LineItem>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.data))
}

#[derive(Deserialize)]
struct Created {
    id: SessionId,
    url: Option<PageUrl>,
}

/// The metadata key under which an object says what it is for.
pub(crate) const INTENT: &str = "sparks_intent";

/// The metadata key under which an object says of which deployment it is.
pub(crate) const STAGE: &str = "sparks_stage";

impl Stripe {
    /// Makes a session, one per intent and customer however often it is asked for; answers its id and,
    /// while it is open, its address.
    ///
    /// The key ends with the customer: only a deleted customer is ever replaced, and then its session,
    /// which nobody can pay any more, is too.
    pub async fn create_checkout_session(
        &self,
        new: &NewCheckoutSession<'_>,
        timeout: Duration,
    ) -> Result<(SessionId, Option<PageUrl>), Error> {
        let (quantity, expires_at) = (
            new.quantity.to_string(),
            new.expires_at.as_second().to_string(),
        );
        let intent = new.intent.as_str();
        // Metadata stays where it is put: refunds and disputes lead to the payment, renewals to the
        // subscription. https://docs.stripe.com/metadata
        let (mode, intent_below, stage_below) = if new.subscription {
            (
                "subscription",
                "subscription_data[metadata][sparks_intent]",
                "subscription_data[metadata][sparks_stage]",
            )
        } else {
            (
                "payment",
                "payment_intent_data[metadata][sparks_intent]",
                "payment_intent_data[metadata][sparks_stage]",
            )
        };
        let mut form = vec![
            ("mode", mode),
            ("customer", new.customer.as_str()),
            ("client_reference_id", intent),
            ("line_items[0][price]", new.price_id),
            ("line_items[0][quantity]", &quantity),
            ("success_url", new.success_url),
            ("cancel_url", new.cancel_url),
            ("expires_at", &expires_at),
            ("metadata[sparks_intent]", intent),
            ("metadata[sparks_stage]", new.stage),
            (intent_below, intent),
            (stage_below, new.stage),
        ];
        if new.promotion_codes {
            form.push(("allow_promotion_codes", "true"));
        }
        if new.automatic_tax {
            form.push(("automatic_tax[enabled]", "true"));
            // The tax depends on an address, which the page asks for and must be allowed to keep.
            form.push(("customer_update[address]", "auto"));
        }
        let key = format!("checkout:{intent}:{}", new.customer);
        let created: Created = self
            .make("/v1/checkout/sessions", &form, &key, timeout)
            .await?;
        Ok((created.id, created.url))
    }

    /// Reads a session with its lines and its payment; nothing when Stripe has none of this id.
    pub async fn checkout_session(
        &self,
        id: &SessionId,
        timeout: Duration,
    ) -> Result<Option<CheckoutSession>, Error> {
        let path =
            format!("/v1/checkout/sessions/{id}?expand[]=line_items&expand[]=payment_intent");
        self.read(&path, timeout).await
    }
}
