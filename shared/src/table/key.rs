//! The keys of all items, in one place. Pure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item::{Item, text};
use crate::words::id::{AccountId, CustomerId, OrderId, ParcelId, ReversalId, SessionId, sha256};
use crate::words::reversal_kind::ReversalKind;

/// The number of buckets that pending entries are spread over.
pub const PENDING_BUCKETS: u8 = 16;

/// Prefix of the sort keys of roll-ups by quarters of an hour.
pub(crate) const QUARTERS: &str = "Q#";

/// Prefix of the sort keys of roll-ups by members and days.
pub(crate) const MEMBER_DAYS: &str = "M#";

/// Length of one roll-up. Every time zone's days and hours begin at a quarter of an hour.
pub(crate) const QUARTER_SECONDS: i64 = 900;

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The account item, with the balance.
    pub(crate) fn account(account: &AccountId) -> Self {
        Self::new(format!("A#{account}"), "A")
    }

    /// The grants item of an account.
    pub(crate) fn grants(account: &AccountId) -> Self {
        Self::new(format!("A#{account}"), "G")
    }

    /// A ledger entry, by its id.
    pub(crate) fn entry(id: &str) -> Self {
        Self::new(format!("E#{id}"), "E")
    }

    /// The partition of an account's roll-ups.
    pub(crate) fn rollups(account: &AccountId) -> String {
        format!("R#{account}")
    }

    /// The roll-up of an account's usage in one quarter of an hour, `2026-11-22T20:15`.
    pub(crate) fn quarter(account: &AccountId, at: Timestamp) -> Self {
        Self::new(Self::rollups(account), Self::quarter_sort(at))
    }

    /// The sort key of the quarter of an hour that contains a time.
    pub(crate) fn quarter_sort(at: Timestamp) -> String {
        let second = at.as_second();
        let start = Timestamp::from_second(second - second.rem_euclid(QUARTER_SECONDS));
        format!("{QUARTERS}{}", &start.unwrap_or(at).to_string()[..16])
    }

    /// The roll-up of a member's usage on one UTC day, `2026-11-22`.
    pub(crate) fn member_day(account: &AccountId, member: &str, at: Timestamp) -> Self {
        Self::new(
            Self::rollups(account),
            format!("{MEMBER_DAYS}{}#{member}", &at.to_string()[..10]),
        )
    }

    /// The link from an account to its Stripe customer.
    pub(crate) fn customer(account: &AccountId) -> Self {
        Self::new(format!("A#{account}"), "C")
    }

    /// The subscriptions of an account.
    pub(crate) fn subscriptions(account: &AccountId) -> Self {
        Self::new(format!("A#{account}"), "U")
    }

    /// The link from a Stripe customer to its account.
    pub(crate) fn customer_account(customer: &CustomerId) -> Self {
        Self::new(format!("X#{customer}"), "X")
    }

    /// An order of an account.
    pub(crate) fn order(order: &OrderId) -> Self {
        Self::new(format!("I#{order}"), "I")
    }

    /// A Checkout Session in which an order is paid.
    pub(crate) fn checkout_session(session: &SessionId) -> Self {
        Self::new(format!("S#{session}"), "S")
    }

    /// A refund, a dispute or a credit note that may still change.
    pub(crate) fn followed(kind: ReversalKind, id: &ReversalId) -> Self {
        Self::new(format!("D#{}#{id}", kind.as_str()), "D")
    }

    /// The partition of all incidents, which the operator must look at.
    pub(crate) const INCIDENTS: &str = "INCIDENTS";

    /// An incident: a fault of an object at Stripe.
    pub(crate) fn incident(subject: &str, code: &str) -> Self {
        Self::new(Self::INCIDENTS.to_owned(), format!("{subject}#{code}"))
    }

    /// A parcel: usages reported to Stripe's meter as one event.
    pub(crate) fn parcel(parcel: &ParcelId) -> Self {
        Self::new(format!("B#{parcel}"), "B")
    }

    /// The lease of an outbox bucket.
    pub(crate) fn lease(bucket: u8) -> Self {
        Self::new(format!("L#{bucket:02}"), "L")
    }

    /// Returns whether an item has this key.
    pub(crate) fn is_of(&self, item: &Item) -> bool {
        let is = |name, value: &str| matches!(item.get(name), Some(AttributeValue::S(text)) if text == value);
        is("pk", &self.pk) && is("sk", &self.sk)
    }

    /// The key attributes.
    pub(crate) fn attributes(&self) -> Item {
        HashMap::from([("pk".into(), text(&self.pk)), ("sk".into(), text(&self.sk))])
    }
}

/// A queue in the index `pending`, with buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Work of the outbox. It is usages with a delivery that is not final and parcels of them, orders that are not
    /// settled, subscriptions with a renewal or an invoice to check, and reversals that may still change. They share a
    /// bucket, so one query tells whether it holds any work.
    Due,
    /// Usages with a delivery that failed for good.
    Parked,
}

impl Queue {
    const fn prefix(self) -> char {
        match self {
            Self::Due => 'P',
            Self::Parked => 'K',
        }
    }

    /// The name of one of the queue's buckets.
    pub(crate) fn bucket(self, number: u8) -> String {
        format!("{}#{number:02}", self.prefix())
    }

    /// The bucket of an account's items.
    pub(crate) fn of(self, account: &AccountId) -> AttributeValue {
        self.of_key(account.as_str())
    }

    /// The bucket of an item that belongs to no account, by its own key.
    pub(crate) fn of_key(self, key: &str) -> AttributeValue {
        text(self.bucket(sha256(&[key])[0] % PENDING_BUCKETS))
    }
}
