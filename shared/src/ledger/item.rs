//! DynamoDB items: the keys of the table, and attributes written and read as typed values. Pure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::words::id::{AccountId, CustomerId, IntentId, ParcelId, ReversalId, SessionId, sha256};
use crate::words::reversal_kind::ReversalKind;
use crate::words::sparks::Sparks;

/// An item of the table, or a part of one.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The number of buckets that pending entries are spread over.
pub const PENDING_BUCKETS: u8 = 16;

/// Prefix of the sort keys of roll-ups by quarters of an hour.
pub(crate) const QUARTERS: &str = "Q#";

/// Prefix of the sort keys of roll-ups by members and days.
pub(crate) const MEMBER_DAYS: &str = "M#";

/// Length of one roll-up. Every time zone's days and hours begin at a quarter of an hour.
pub(crate) const QUARTER_SECONDS: i64 = 900;

/// A stored attribute that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the stored attribute `{attribute}` is missing or malformed")]
pub struct Malformed {
    /// The attribute.
    pub attribute: &'static str,
}

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

    /// The intent of an account to buy.
    pub(crate) fn intent(intent: &IntentId) -> Self {
        Self::new(format!("I#{intent}"), "I")
    }

    /// A Checkout Session in which an intent is paid.
    pub(crate) fn checkout(session: &SessionId) -> Self {
        Self::new(format!("S#{session}"), "S")
    }

    /// A refund, a dispute or a credit note that may still change.
    pub(crate) fn followed(reason: ReversalKind, id: &ReversalId) -> Self {
        Self::new(format!("D#{}#{id}", reason.as_str()), "D")
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
    /// Work of the outbox: usages with a delivery that is not final and parcels of them, intents that are not settled,
    /// subscriptions with a renewal or an invoice to check, and reversals that may still change. They share a bucket,
    /// so one query tells whether it holds any work.
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

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A time, as milliseconds since 1970.
pub(crate) fn time(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// An amount, as milli-Sparks.
pub(crate) fn amount(value: Sparks) -> AttributeValue {
    number(value.milli())
}

/// Reads a text attribute.
pub(crate) fn read_text<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a str, Malformed> {
    optional_text(item, attribute)?.ok_or(Malformed { attribute })
}

/// Reads a text attribute that may be absent.
pub(crate) fn optional_text<'a>(
    item: &'a Item,
    attribute: &'static str,
) -> Result<Option<&'a str>, Malformed> {
    match item.get(attribute) {
        None => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value)),
        Some(_) => Err(Malformed { attribute }),
    }
}

/// Reads a text attribute and parses it.
pub(crate) fn read_parsed<T: std::str::FromStr>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, Malformed> {
    read_text(item, attribute)?
        .parse()
        .map_err(|_| Malformed { attribute })
}

/// Reads a whole number.
pub(crate) fn read_number(item: &Item, attribute: &'static str) -> Result<i64, Malformed> {
    match item.get(attribute) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| Malformed { attribute }),
        _ => Err(Malformed { attribute }),
    }
}

/// Reads an amount of Sparks.
pub(crate) fn read_amount(item: &Item, attribute: &'static str) -> Result<Sparks, Malformed> {
    read_number(item, attribute).map(Sparks::from_milli)
}

/// Reads a time.
pub(crate) fn read_time(item: &Item, attribute: &'static str) -> Result<Timestamp, Malformed> {
    Timestamp::from_millisecond(read_number(item, attribute)?).map_err(|_| Malformed { attribute })
}

/// Reads JSON stored in a text attribute.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, Malformed> {
    serde_json::from_str(read_text(item, attribute)?).map_err(|_| Malformed { attribute })
}

/// Writes JSON into a text attribute.
///
/// # Panics
/// If a value cannot be JSON, which no stored type can cause.
pub(crate) fn json(value: &impl serde::Serialize) -> AttributeValue {
    text(
        serde_json::to_string(value)
            .expect("stored types have text keys and no failing serializer"),
    )
}
