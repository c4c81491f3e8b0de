//! Invoices: what a subscription asks for each period, and which payment paid it.
//! <https://docs.stripe.com/api/invoices>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::checkout_session::PaymentIntent;
use super::{Error, List, Stripe};
use crate::id::{CustomerId, InvoiceId};

/// An invoice as Stripe has it, as far as it is of interest.
#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    /// Its id, `in_…`.
    pub id: InvoiceId,
    /// Whether real money is moved.
    pub livemode: bool,
    /// Who pays.
    #[serde(default)]
    pub customer: Option<String>,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    #[serde(default)]
    pub status: Option<String>,
    /// Why it was made, such as `subscription_cycle`.
    #[serde(default)]
    pub billing_reason: Option<String>,
    /// The currency of its amounts, in small letters.
    pub currency: String,
    /// What was paid after discounts and with taxes, in the currency's smallest unit.
    pub amount_paid: i64,
    /// What made it.
    #[serde(default)]
    pub parent: Option<InvoiceParent>,
    /// What it asks for; the first ten of it.
    pub lines: List<InvoiceLine>,
}

/// What made an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceParent {
    /// The subscription, where one did.
    #[serde(default)]
    pub subscription_details: Option<SubscriptionDetails>,
}

/// A subscription at the time of its invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionDetails {
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// One line of an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceLine {
    /// What it comes to before discounts and taxes, in the currency's smallest unit.
    pub amount: i64,
    /// How many.
    #[serde(default)]
    pub quantity: Option<u32>,
    /// Which time it pays for. The invoice's own period is the one before.
    pub period: Period,
    /// Where it comes from.
    #[serde(default)]
    pub parent: Option<LineParent>,
    /// What it costs.
    #[serde(default)]
    pub pricing: Option<Pricing>,
}

/// A time from one instant to another, in seconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Period {
    /// When it ends.
    pub end: i64,
}

/// Where a line comes from.
#[derive(Clone, Debug, Deserialize)]
pub struct LineParent {
    /// The item of a subscription.
    #[serde(default)]
    pub subscription_item_details: Option<ItemDetails>,
}

/// Which part of a subscription a line is.
#[derive(Clone, Debug, Deserialize)]
pub struct ItemDetails {
    /// Whether it makes up for a change in the middle of a period.
    #[serde(default)]
    pub proration: bool,
}

/// What a line costs.
#[derive(Clone, Debug, Deserialize)]
pub struct Pricing {
    /// The price it has.
    #[serde(default)]
    pub price_details: Option<PriceDetails>,
}

/// The price of a line.
#[derive(Clone, Debug, Deserialize)]
pub struct PriceDetails {
    /// Its id, `price_…`.
    #[serde(default)]
    pub price: Option<String>,
}

#[derive(Deserialize)]
struct InvoicePayment {
    invoice: InvoiceId,
    payment: PaidWith,
}

/// What pays an invoice.
#[derive(Deserialize)]
struct PaidWith {
    #[serde(default)]
    payment_intent: Option<PaymentIntent>,
}

impl Invoice {
    /// What we wrote on its subscription.
    pub fn subscription_metadata(&self, key: &str) -> Option<&str> {
        let parent = self.parent.as_ref()?;
        let metadata = parent.subscription_details.as_ref()?.metadata.as_ref()?;
        metadata.get(key).map(String::as_str)
    }
}

impl InvoiceLine {
    /// The id of its price.
    pub fn price_id(&self) -> Option<&str> {
        let details = self.pricing.as_ref()?.price_details.as_ref()?;
        details.price.as_deref()
    }

    /// Whether it makes up for a change in the middle of a period.
    pub fn is_proration(&self) -> bool {
        let details = self.parent.as_ref();
        let details = details.and_then(|parent| parent.subscription_item_details.as_ref());
        details.is_some_and(|details| details.proration)
    }
}

impl Stripe {
    /// Reads an invoice; nothing when Stripe has none of this id.
    pub async fn invoice(
        &self,
        id: &InvoiceId,
        timeout: Duration,
    ) -> Result<Option<Invoice>, Error> {
        self.read(&format!("/v1/invoices/{id}"), timeout).await
    }

    /// The newest paid invoices of a customer, newest first.
    pub async fn paid_invoices(
        &self,
        customer: &CustomerId,
        limit: u8,
        timeout: Duration,
    ) -> Result<Vec<Invoice>, Error> {
        let path = format!("/v1/invoices?customer={customer}&status=paid&limit={limit}");
        let found = self.read::<List<Invoice>>(&path, timeout).await;
        match found {
            Ok(found) => Ok(found.map_or_else(Vec::new, |list| list.data)),
            Err(Error::Refused(refusal)) if refusal.code == "resource_missing" => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The payment that an invoice waits for, or is paid with; nothing where there is none.
    /// <https://docs.stripe.com/api/invoice-payment/list>
    pub async fn payment_of_invoice(
        &self,
        invoice: &InvoiceId,
        timeout: Duration,
    ) -> Result<Option<PaymentIntent>, Error> {
        let path = format!(
            "/v1/invoice_payments?invoice={invoice}&limit=1&expand[]=data.payment.payment_intent"
        );
        let found: Option<List<InvoicePayment>> = self.read(&path, timeout).await?;
        let first = found.and_then(|list| list.data.into_iter().next());
        Ok(first.and_then(|first| first.payment.payment_intent))
    }

    /// The invoice that a payment paid; nothing where it paid none.
    /// <https://docs.stripe.com/api/invoice-payment/list>
    pub async fn invoice_of_payment(
        &self,
        payment_intent: &str,
        timeout: Duration,
    ) -> Result<Option<InvoiceId>, Error> {
        let path = format!(
            "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={payment_intent}&limit=1"
        );
        let found: Option<List<InvoicePayment>> = self.read(&path, timeout).await?;
        let first = found.and_then(|list| list.data.into_iter().next());
        Ok(first.map(|payment| payment.invoice))
    }
}
