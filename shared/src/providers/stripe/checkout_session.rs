//! Checkout Sessions: pages at Stripe where one order is paid.
//! <https://docs.stripe.com/api/checkout/sessions>

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::Deserializer;

use super::status::{PaymentIntentStatus, PaymentStatus, SessionMode, SessionStatus};
use super::{Error, List, Stripe};
use crate::pricing::price_id::PriceId;
use crate::words::id::{CustomerId, InvoiceId, OrderId, PaymentIntentId, SessionId};
use crate::words::money::{Currency, Money};
use crate::words::page_url::PageUrl;

/// The parameters of a new session. None of them depends on the time of sending, so that a retry is the same call.
#[derive(Clone, Copy, Debug)]
pub struct NewCheckoutSession<'a> {
    /// The order that the session is for. Stripe returns it as `client_reference_id` and in all metadata.
    pub order: &'a OrderId,
    /// The deployment, so that another one with the same Stripe account ignores it.
    pub stage: &'a str,
    /// The customer who pays.
    pub customer: &'a CustomerId,
    /// True for a subscription, false for a single payment.
    pub subscription: bool,
    /// The price of one unit.
    pub price_id: &'a PriceId,
    /// The quantity.
    pub quantity: u32,
    /// The address to which Stripe sends the buyer back.
    pub success_url: &'a str,
    /// The address to which a buyer goes back without paying.
    pub cancel_url: &'a str,
    /// The time at which the session expires.
    pub expires_at: Timestamp,
    /// True if the page accepts promotion codes.
    pub promotion_codes: bool,
    /// True if Stripe adds taxes.
    pub automatic_tax: bool,
}

/// A session at Stripe, with only the members that Sparks uses.
#[derive(Debug, Deserialize)]
pub struct CheckoutSession {
    /// Its id, `cs_…`.
    pub id: SessionId,
    /// True if it moves real money.
    pub livemode: bool,
    /// Its mode.
    pub mode: SessionMode,
    /// Its status.
    pub status: Option<SessionStatus>,
    /// The status of its payment.
    pub payment_status: PaymentStatus,
    /// The currency of its amounts.
    pub currency: Option<Currency>,
    amount_subtotal: Option<i64>,
    amount_total: Option<i64>,
    /// The order that it is for, as we set it.
    pub client_reference_id: Option<String>,
    /// The metadata that we set.
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
    /// The customer who pays.
    #[serde(default)]
    pub customer: Option<String>,
    /// The address of its page, while it is open.
    pub url: Option<PageUrl>,
    /// The invoice of a subscription's first period, once it is complete.
    #[serde(default)]
    pub invoice: Option<InvoiceId>,
    /// The PaymentIntent, once a payment was tried.
    #[serde(default)]
    pub payment_intent: Option<PaymentIntent>,
    /// The line items, if the request expanded them.
    #[serde(default, deserialize_with = "list")]
    pub line_items: Option<Vec<LineItem>>,
}

/// One line of a session.
#[derive(Debug, Deserialize)]
pub struct LineItem {
    /// The price of one unit.
    pub price: Option<Price>,
    /// The quantity.
    pub quantity: Option<u32>,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// Its id, `price_…`.
    pub id: PriceId,
}

/// A PaymentIntent: its id, or the whole object if the request expanded it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum PaymentIntent {
    /// The id alone.
    Id(PaymentIntentId),
    /// The object.
    Whole {
        /// Its id, `pi_…`.
        id: PaymentIntentId,
        /// Its status.
        status: PaymentIntentStatus,
    },
}

impl PaymentIntent {
    /// The id.
    pub const fn id(&self) -> &PaymentIntentId {
        match self {
            Self::Id(id) | Self::Whole { id, .. } => id,
        }
    }

    /// Returns whether it has failed. In every other state it may still succeed.
    pub const fn has_failed(&self) -> bool {
        let Self::Whole { status, .. } = self else {
            return false;
        };
        match status {
            PaymentIntentStatus::RequiresPaymentMethod | PaymentIntentStatus::Canceled => true,
            PaymentIntentStatus::RequiresConfirmation
            | PaymentIntentStatus::RequiresAction
            | PaymentIntentStatus::Processing
            | PaymentIntentStatus::RequiresCapture
            | PaymentIntentStatus::Succeeded
            | PaymentIntentStatus::Other(_) => false,
        }
    }
}

impl CheckoutSession {
    /// Returns the sum of its lines before discounts and taxes.
    pub fn subtotal(&self) -> Option<Money> {
        let minor = self.amount_subtotal;
        minor
            .zip(self.currency)
            .map(|(minor, of)| Money::new(minor, of))
    }

    /// Returns the final amount to pay.
    pub fn total(&self) -> Option<Money> {
        let minor = self.amount_total;
        minor
            .zip(self.currency)
            .map(|(minor, of)| Money::new(minor, of))
    }

    /// Returns the invoice of a subscription that is complete and not paid. The invoice has the PaymentIntent, not the
    /// session.
    pub(crate) fn invoice_without_payment(&self) -> Option<&InvoiceId> {
        let unpaid = self.status == Some(SessionStatus::Complete)
            && self.payment_status == PaymentStatus::Unpaid;
        let invoice = self.invoice.as_ref();
        invoice.filter(|_| unpaid && self.payment_intent.is_none())
    }
}

/// Reads only the first page: an order has one line.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<LineItem>>, D::Error> {
    let list = Option::<List<LineItem>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.data))
}

#[derive(Deserialize)]
struct Created {
    id: SessionId,
    url: Option<PageUrl>,
}

/// The metadata key of the order that an object is for.
pub(crate) const ORDER: &str = "sparks_intent";

/// The metadata key of the deployment that an object belongs to.
pub(crate) const STAGE: &str = "sparks_stage";

impl Stripe {
    /// Creates a session, once per order and customer. Returns its id and, while it is open, its address.
    ///
    /// The key ends with the customer: only a deleted customer is ever replaced, and then its session, which can no
    /// longer be paid, is replaced, too.
    pub async fn create_checkout_session(
        &self,
        new: &NewCheckoutSession<'_>,
        timeout: Duration,
    ) -> Result<(SessionId, Option<PageUrl>), Error> {
        let (quantity, expires_at) = (
            new.quantity.to_string(),
            new.expires_at.as_second().to_string(),
        );
        let order = new.order.as_str();
        // Metadata stays where it is put: refunds and disputes lead to the payment, renewals to the
        // subscription. https://docs.stripe.com/metadata
        let (mode, order_below, stage_below) = if new.subscription {
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
            ("client_reference_id", order),
            ("line_items[0][price]", new.price_id.as_str()),
            ("line_items[0][quantity]", &quantity),
            ("success_url", new.success_url),
            ("cancel_url", new.cancel_url),
            ("expires_at", &expires_at),
            ("metadata[sparks_intent]", order),
            ("metadata[sparks_stage]", new.stage),
            (order_below, order),
            (stage_below, new.stage),
        ];
        if new.promotion_codes {
            form.push(("allow_promotion_codes", "true"));
        }
        if new.automatic_tax {
            form.push(("automatic_tax[enabled]", "true"));
            // The tax depends on an address, which the page asks for and must be allowed to save.
            form.push(("customer_update[address]", "auto"));
        }
        let key = format!("checkout:{order}:{}", new.customer);
        let created: Created = self
            .make("/v1/checkout/sessions", &form, &key, timeout)
            .await?;
        Ok((created.id, created.url))
    }

    /// Reads a session with its lines and its payment. None if Stripe has none of this id.
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
