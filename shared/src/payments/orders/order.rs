//! Orders of accounts, and their Checkout Sessions, as items of the table. Pure.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::credit::PAID;
use crate::ledger::entry::RequestHash;
use crate::pricing::catalog::OrderTerms;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, Queue};
use crate::words::hex;
use crate::words::id::{AccountId, InvoiceId, OrderId, SessionId};
use crate::words::page_url::PageUrl;

/// Grace period after a session expires before the outbox checks an unresolved order.
const LOOKED_INTO_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The order of an account to buy, once per idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Derived from account and key.
    pub id: OrderId,
    /// The buyer's account.
    pub account: AccountId,
    /// The hash that distinguishes another request under the same key.
    pub request_hash: RequestHash,
    /// The order and its terms.
    pub terms: OrderTerms,
    /// The address to which the buyer returns.
    pub success_url: String,
    /// The address to which the buyer goes without paying.
    pub cancel_url: String,
    /// True if the session accepts promotion codes.
    pub promotion_codes: bool,
    /// True if Stripe adds taxes.
    pub automatic_tax: bool,
    /// The time of the request.
    pub created_at: Timestamp,
    /// Expiry of the session.
    pub expires_at: Timestamp,
    /// The status of the checkout.
    pub status: OrderStatus,
    /// Its Checkout Session, once that is known here.
    pub session: Option<SessionId>,
}

/// The status of an order. Only `Paid` is final; any other may still become it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// It waits for the buyer.
    Open,
    /// The money is on its way.
    Processing,
    /// It is paid; a pack is credited.
    Paid,
    /// The payment failed for good after the session was completed.
    Unpaid,
    /// The session expired without a payment.
    Expired,
    /// The order differs from Stripe's objects. The operator must look at it.
    Refused,
}

/// A Checkout Session in which an order is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutSession {
    /// Its id, `cs_…`.
    pub id: SessionId,
    /// The buyer's account.
    pub account: AccountId,
    /// The order that it pays.
    pub order: OrderId,
    /// The item that is bought.
    pub item: String,
    /// Its address: the buyer's secret, because it is enough to pay.
    pub url: Option<PageUrl>,
    /// Expiry of the session.
    pub expires_at: Timestamp,
    /// The invoice that granted a plan's first period.
    pub invoice: Option<InvoiceId>,
}

impl OrderStatus {
    const ALL: [Self; 6] = [
        Self::Open,
        Self::Processing,
        Self::Paid,
        Self::Unpaid,
        Self::Expired,
        Self::Refused,
    ];

    /// The name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Paid => PAID,
            Self::Unpaid => "unpaid",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// Returns whether the session can no longer be paid and nothing is left to check.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Paid | Self::Unpaid | Self::Expired)
    }
}

impl Order {
    pub(crate) fn to_item(&self) -> Item {
        let mut item = Key::order(&self.id).attributes();
        let [bucket, since] = self.listed();
        item.extend([
            ("id".into(), item::text(self.id.as_str())),
            ("account".into(), item::text(self.account.as_str())),
            (
                "request_hash".into(),
                item::text(hex::print(&self.request_hash.0)),
            ),
            ("order".into(), item::json(&self.terms)),
            ("success_url".into(), item::text(&self.success_url)),
            ("cancel_url".into(), item::text(&self.cancel_url)),
            (
                "promotion_codes".into(),
                item::number(i64::from(self.promotion_codes)),
            ),
            (
                "automatic_tax".into(),
                item::number(i64::from(self.automatic_tax)),
            ),
            ("created_at".into(), item::time(self.created_at)),
            ("expires_at".into(), item::time(self.expires_at)),
            ("status".into(), item::text(self.status.as_str())),
            ("pending_bucket".into(), bucket),
            ("pending_due".into(), since),
        ]);
        item
    }

    /// Its place in the index while it is not settled. That is the bucket, and the time from which the outbox should
    /// check it.
    pub(crate) fn listed(&self) -> [AttributeValue; 2] {
        let looked_into = self
            .expires_at
            .saturating_add(LOOKED_INTO_AFTER)
            .unwrap_or(Timestamp::MAX);
        [Queue::Due.of(&self.account), item::time(looked_into)]
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        let status = item::read_text(item, "status")?;
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            request_hash: RequestHash::read(item)?,
            terms: item::read_json(item, "order")?,
            success_url: item::read_text(item, "success_url")?.to_owned(),
            cancel_url: item::read_text(item, "cancel_url")?.to_owned(),
            promotion_codes: item::read_number(item, "promotion_codes")? != 0,
            automatic_tax: item::read_number(item, "automatic_tax")? != 0,
            created_at: item::read_time(item, "created_at")?,
            expires_at: item::read_time(item, "expires_at")?,
            status: OrderStatus::ALL
                .into_iter()
                .find(|known| known.as_str() == status)
                .ok_or(Malformed {
                    attribute: "status",
                })?,
            session: item::optional_parsed(item, "session")?,
        })
    }
}

impl CheckoutSession {
    /// The session that was opened for an order, with the order's account, item and expiry.
    pub fn of(order: &Order, id: SessionId, url: Option<PageUrl>) -> Self {
        Self {
            id,
            account: order.account.clone(),
            order: order.id.clone(),
            item: order.terms.item.clone(),
            url,
            expires_at: order.expires_at,
            invoice: None,
        }
    }

    pub(crate) fn to_item(&self) -> Item {
        let mut item = Key::checkout_session(&self.id).attributes();
        item.extend([
            ("session".into(), item::text(self.id.as_str())),
            ("account".into(), item::text(self.account.as_str())),
            ("intent".into(), item::text(self.order.as_str())),
            ("item".into(), item::text(&self.item)),
            ("expires_at".into(), item::time(self.expires_at)),
        ]);
        if let Some(url) = &self.url {
            item.insert("url".into(), item::text(url.as_str()));
        }
        if let Some(invoice) = &self.invoice {
            item.insert("invoice".into(), item::text(invoice.as_str()));
        }
        item
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            id: item::read_parsed(item, "session")?,
            account: item::read_parsed(item, "account")?,
            order: item::read_parsed(item, "intent")?,
            item: item::read_text(item, "item")?.to_owned(),
            url: item::optional_text(item, "url")?.map(PageUrl::stored),
            expires_at: item::read_time(item, "expires_at")?,
            invoice: item::optional_parsed(item, "invoice")?,
        })
    }
}
