//! What accounts have asked to buy, and the pages where they pay, as items of the table. Pure.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::entry::RequestHash;
use super::item::{self, Item, Key, Malformed, Queue};
use crate::pricing::catalog::Order;
use crate::words::id::{AccountId, IntentId, InvoiceId, SessionId, hex};
use crate::words::page_url::PageUrl;

/// How long after the end of its page an intent is looked into that nobody has heard of since.
const LOOKED_INTO_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// What an account has asked to buy, once per idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Derived from account and key.
    pub id: IntentId,
    /// Who buys.
    pub account: AccountId,
    /// What tells the same request from another one under the same key.
    pub request_hash: RequestHash,
    /// What is bought, at which terms.
    pub order: Order,
    /// Where the buyer comes back to.
    pub success_url: String,
    /// Where the buyer goes without paying.
    pub cancel_url: String,
    /// Whether the page takes promotion codes.
    pub promotion_codes: bool,
    /// Whether Stripe adds taxes.
    pub automatic_tax: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the page ends.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub status: CheckoutStatus,
    /// Its page at Stripe, once that is known here.
    pub session: Option<SessionId>,
}

/// How far an intent has come. Only `Paid` is for good; everything else may still turn into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// It waits for the buyer.
    Open,
    /// The money is on its way.
    Processing,
    /// It is paid; a pack is credited.
    Paid,
    /// The payment failed for good after the page was done.
    Unpaid,
    /// The page ended without a payment.
    Expired,
    /// What Stripe has is not what was ordered. Somebody has to look at it.
    Refused,
}

/// A page at Stripe where an intent is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The page, `cs_…`.
    pub session: SessionId,
    /// Who buys.
    pub account: AccountId,
    /// What it is for.
    pub intent: IntentId,
    /// What is bought.
    pub item: String,
    /// Its address. Who has it can pay, so it is a secret of the buyer.
    pub url: Option<PageUrl>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The invoice that granted a plan's first period.
    pub invoice: Option<InvoiceId>,
}

impl CheckoutStatus {
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
            Self::Paid => "paid",
            Self::Unpaid => "unpaid",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// Whether it has come to an end: nobody can pay at its page or needs to look into it any more.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Paid | Self::Unpaid | Self::Expired)
    }
}

impl Intent {
    pub(super) fn to_item(&self) -> Item {
        let mut item = Key::intent(&self.id).attributes();
        let [bucket, since] = self.listed();
        item.extend([
            ("id".into(), item::text(self.id.as_str())),
            ("account".into(), item::text(self.account.as_str())),
            ("request_hash".into(), item::text(hex(&self.request_hash.0))),
            ("order".into(), item::json(&self.order)),
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

    /// Where it is listed while it is not settled: its bucket, and the time from which on somebody should look.
    pub(super) fn listed(&self) -> [AttributeValue; 2] {
        let looked_into = self
            .expires_at
            .saturating_add(LOOKED_INTO_AFTER)
            .unwrap_or(Timestamp::MAX);
        [Queue::Due.of(&self.account), item::time(looked_into)]
    }

    pub(super) fn from_item(item: &Item) -> Result<Self, Malformed> {
        let status = item::read_text(item, "status")?;
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            request_hash: RequestHash::read(item)?,
            order: item::read_json(item, "order")?,
            success_url: item::read_text(item, "success_url")?.to_owned(),
            cancel_url: item::read_text(item, "cancel_url")?.to_owned(),
            promotion_codes: item::read_number(item, "promotion_codes")? != 0,
            automatic_tax: item::read_number(item, "automatic_tax")? != 0,
            created_at: item::read_time(item, "created_at")?,
            expires_at: item::read_time(item, "expires_at")?,
            status: CheckoutStatus::ALL
                .into_iter()
                .find(|known| known.as_str() == status)
                .ok_or(Malformed {
                    attribute: "status",
                })?,
            session: match item::optional_text(item, "session")? {
                Some(_) => Some(item::read_parsed(item, "session")?),
                None => None,
            },
        })
    }
}

impl Checkout {
    pub(super) fn to_item(&self) -> Item {
        let mut item = Key::checkout(&self.session).attributes();
        item.extend([
            ("session".into(), item::text(self.session.as_str())),
            ("account".into(), item::text(self.account.as_str())),
            ("intent".into(), item::text(self.intent.as_str())),
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

    pub(super) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            session: item::read_parsed(item, "session")?,
            account: item::read_parsed(item, "account")?,
            intent: item::read_parsed(item, "intent")?,
            item: item::read_text(item, "item")?.to_owned(),
            url: item::optional_text(item, "url")?.map(PageUrl::stored),
            expires_at: item::read_time(item, "expires_at")?,
            invoice: match item::optional_text(item, "invoice")? {
                Some(_) => Some(item::read_parsed(item, "invoice")?),
                None => None,
            },
        })
    }
}
