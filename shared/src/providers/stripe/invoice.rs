//! Invoices of a subscription's periods, and the payments that paid them.
//! <https://docs.stripe.com/api/invoices>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::checkout_session::PaymentIntent;
use super::status::InvoiceStatus;
use super::{Error, List, Stripe};
use crate::pricing::price_id::PriceId;
use crate::words::id::{InvoiceId, PaymentIntentId, SubscriptionId};
use crate::words::money::{Currency, Money};

/// An invoice at Stripe, with only the members that Sparks uses.
#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    /// Its id, `in_…`.
    pub id: InvoiceId,
    /// True if it moves real money.
    pub livemode: bool,
    /// The customer who pays.
    #[serde(default)]
    pub customer: Option<String>,
    /// Its status.
    #[serde(default)]
    pub status: Option<InvoiceStatus>,
    /// The reason of its creation, such as `subscription_cycle`.
    #[serde(default)]
    pub billing_reason: Option<String>,
    /// The currency of all its amounts.
    pub currency: Currency,
    total: i64,
    #[serde(default)]
    pre_payment_credit_notes_amount: i64,
    /// The time of its creation, in seconds since 1970.
    pub created: i64,
    /// True if Stripe finalises and charges it by itself.
    #[serde(default)]
    pub auto_advance: bool,
    /// The time at which it was paid.
    #[serde(default)]
    pub status_transitions: StatusTransitions,
    /// Its origin.
    #[serde(default)]
    pub parent: Option<InvoiceParent>,
    /// Its lines. Stripe includes ten; [`Stripe::invoice`] reads the others, too.
    pub lines: List<InvoiceLine>,
}

/// The times at which an invoice changed its status.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct StatusTransitions {
    /// The time at which it was paid, in seconds since 1970.
    #[serde(default)]
    pub paid_at: Option<i64>,
}

/// The origin of an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceParent {
    /// The subscription that it is for, if any.
    #[serde(default)]
    pub subscription_details: Option<SubscriptionDetails>,
}

/// A subscription at the time of its invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionDetails {
    /// The metadata that we set.
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// One line of an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceLine {
    /// Its id, `il_…`.
    id: String,
    amount: i64,
    /// The quantity.
    #[serde(default)]
    pub quantity: Option<u32>,
    /// The period it pays for. The invoice's own period is the previous one.
    pub period: Period,
    /// Its origin.
    #[serde(default)]
    pub parent: Option<LineParent>,
    /// Its price.
    #[serde(default)]
    pub pricing: Option<Pricing>,
}

/// A time from one instant to another, in seconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Period {
    /// The end.
    pub end: i64,
}

/// The origin of a line.
#[derive(Clone, Debug, Deserialize)]
pub struct LineParent {
    /// The item of a subscription.
    #[serde(default)]
    pub subscription_item_details: Option<Origin>,
    /// An item that waited for the next invoice. An example is the proration of a change in the middle of a period.
    #[serde(default)]
    pub invoice_item_details: Option<Origin>,
}

/// The details of a line's origin.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Origin {
    /// True if it makes up for a change in the middle of a period.
    #[serde(default)]
    pub proration: bool,
}

/// The price of a line.
#[derive(Clone, Debug, Deserialize)]
pub struct Pricing {
    /// The details of the price.
    #[serde(default)]
    pub price_details: Option<PriceDetails>,
}

/// The details of a line's price.
#[derive(Clone, Debug, Deserialize)]
pub struct PriceDetails {
    /// Its id, `price_…`.
    #[serde(default)]
    pub price: Option<PriceId>,
}

#[derive(Deserialize)]
struct InvoicePayment {
    invoice: InvoiceId,
    payment: PaidWith,
}

/// The payment of an invoice.
#[derive(Deserialize)]
struct PaidWith {
    #[serde(default)]
    payment_intent: Option<PaymentIntent>,
}

impl Invoice {
    /// True if it is paid, or there was nothing to pay.
    pub fn is_paid(&self) -> bool {
        self.status == Some(InvoiceStatus::Paid)
    }

    /// Returns its total after discounts and with taxes. Stripe's `amount_paid` leaves out what the customer's credit
    /// balance has paid.
    pub const fn total(&self) -> Money {
        Money::new(self.total, self.currency)
    }

    /// Returns the amount that was to be paid by a card or the customer's balance. None if it does not fit.
    ///
    /// A credit note reduces an open invoice, and can make it `paid` without any payment.
    /// <https://docs.stripe.com/invoicing/dashboard/credit-notes>
    pub fn owed(&self) -> Option<Money> {
        let credited_before = Money::new(self.pre_payment_credit_notes_amount, self.currency);
        self.total().checked_sub(credited_before)
    }

    /// Returns the amount of one of its lines before discounts and taxes.
    pub const fn amount_of(&self, line: &InvoiceLine) -> Money {
        Money::new(line.amount, self.currency)
    }

    /// Returns a value of the metadata that we set on its subscription.
    pub fn subscription_metadata(&self, key: &str) -> Option<&str> {
        let parent = self.parent.as_ref()?;
        let metadata = parent.subscription_details.as_ref()?.metadata.as_ref()?;
        metadata.get(key).map(String::as_str)
    }
}

impl InvoiceLine {
    /// The id of its price.
    pub fn price_id(&self) -> Option<&PriceId> {
        let details = self.pricing.as_ref()?.price_details.as_ref()?;
        details.price.as_ref()
    }

    /// Returns whether it makes up for a change in the middle of a period.
    pub fn is_proration(&self) -> bool {
        let Some(parent) = &self.parent else {
            return false;
        };
        let origins = [
            parent.subscription_item_details,
            parent.invoice_item_details,
        ];
        origins.into_iter().flatten().any(|origin| origin.proration)
    }
}

/// Page sizes of lines and invoices.
const LINES_PER_PAGE: u8 = 100;
const INVOICES_PER_PAGE: u8 = 20;

/// Maximum number of lines that are read of an invoice.
const MAX_LINES: usize = 1_000;

impl Stripe {
    /// Reads an invoice with all of its lines. None if Stripe has none of this id.
    pub async fn invoice(
        &self,
        id: &InvoiceId,
        timeout: Duration,
    ) -> Result<Option<Invoice>, Error> {
        let found: Option<Invoice> = self.read(&format!("/v1/invoices/{id}"), timeout).await?;
        let Some(mut invoice) = found else {
            return Ok(None);
        };
        self.complete(&mut invoice, timeout).await?;
        Ok(Some(invoice))
    }

    /// Reads the remaining lines of an invoice.
    pub async fn complete(&self, invoice: &mut Invoice, timeout: Duration) -> Result<(), Error> {
        let lines = &mut invoice.lines;
        while lines.has_more && lines.data.len() < MAX_LINES {
            let after = lines.data.last().map(|line| line.id.as_str());
            let path = format!(
                "/v1/invoices/{}/lines?limit={LINES_PER_PAGE}&starting_after={}",
                invoice.id,
                after.unwrap_or_default()
            );
            let page: Option<List<InvoiceLine>> = self.read(&path, timeout).await?;
            let Some(page) = page.filter(|page| !page.data.is_empty()) else {
                break;
            };
            lines.has_more = page.has_more;
            lines.data.extend(page.data);
        }
        Ok(())
    }

    /// One page of a subscription's paid invoices, newest first, after this one.
    pub async fn paid_invoices_of(
        &self,
        subscription: &SubscriptionId,
        after: Option<&InvoiceId>,
        timeout: Duration,
    ) -> Result<List<Invoice>, Error> {
        let mut path = format!(
            "/v1/invoices?subscription={subscription}&status=paid&limit={INVOICES_PER_PAGE}"
        );
        if let Some(after) = after {
            path = format!("{path}&starting_after={after}");
        }
        let found = self.read(&path, timeout).await?;
        Ok(found.unwrap_or_default())
    }

    /// The payment that an invoice waits for, or is paid with. None if there is none.
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

    /// The invoice that a payment paid; None if it paid none.
    /// <https://docs.stripe.com/api/invoice-payment/list>
    pub async fn invoice_of_payment(
        &self,
        payment_intent: &PaymentIntentId,
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
