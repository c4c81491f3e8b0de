//! Ledger entries: immutable rows whose sum is the balance. Pure.
//!
//! A usage entry is three things in one item: the ledger row, the record of its idempotency key, and the outbox row.
//! Only its delivery states ever change.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::grants::Source;
use super::purchase::Purchase;
use crate::pricing::price_book::PricedLine;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, Queue};
use crate::words::entry_id::EntryId;
use crate::words::hex;
use crate::words::id::{AccountId, MemberId, UsageId};
use crate::words::sink::PerSink;
use crate::words::sparks::Sparks;

/// Time for which the outbox leaves an entry to the invocation that recorded it. That may take 29 s; 15 s are margin.
const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(44);

/// The state of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not confirmed; the outbox keeps trying.
    Pending,
    /// The sink said that it has it.
    Confirmed,
    /// It failed for good and waits for an operator.
    Parked,
    /// The sink is not configured.
    Off,
}

impl DeliveryState {
    /// The name in the table and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Parked => "parked",
            Self::Off => "off",
        }
    }

    pub(crate) fn read(item: &Item, attribute: &'static str) -> Result<Self, Malformed> {
        let name = item::read_text(item, attribute)?;
        [Self::Pending, Self::Confirmed, Self::Parked, Self::Off]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or(Malformed { attribute })
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The states of a usage's deliveries.
pub type Deliveries = PerSink<DeliveryState>;

impl Deliveries {
    /// Reads the states from a usage's item.
    pub(crate) fn read(item: &Item) -> Result<Self, Malformed> {
        Self::try_new(|sink| DeliveryState::read(item, sink.as_str()))
    }

    /// Returns whether a delivery waits for the operator.
    pub fn any_parked(self) -> bool {
        self.any(DeliveryState::Parked)
    }

    /// Returns whether a delivery is left for the outbox.
    pub fn any_pending(self) -> bool {
        self.any(DeliveryState::Pending)
    }

    fn any(self, state: DeliveryState) -> bool {
        self.iter().any(|(_, one)| *one == state)
    }
}

/// The stored name and labels of a trace; its input and output are never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLabels {
    /// The trace's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Tags to filter by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Pairs to filter by.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub metadata: std::collections::BTreeMap<String, String>,
    /// True if it had an input or an output, which are not stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content: bool,
}

/// A recorded usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageEntry {
    /// The usage's id, which is also the identifier of its meter event.
    pub id: UsageId,
    /// The account that paid.
    pub account: AccountId,
    /// The member who acted.
    pub member: Option<MemberId>,
    /// The hash that distinguishes another request under the same key.
    pub request_hash: RequestHash,
    /// The Sparks that were debited.
    pub sparks: Sparks,
    /// The lines with their prices.
    pub lines: Vec<PricedLine>,
    /// The version of the prices.
    pub price_version: String,
    /// Time of the usage.
    pub occurred_at: Timestamp,
    /// Time of recording.
    pub recorded_at: Timestamp,
    /// The labels of its trace.
    pub trace: TraceLabels,
    /// The states of its deliveries.
    pub deliveries: Deliveries,
}

/// The hash of a request's meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestHash(pub [u8; 32]);

impl fmt::Debug for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::print(&self.0))
    }
}

impl UsageEntry {
    /// The item of a new entry; the outbox lists it while a delivery is pending.
    pub(crate) fn to_item(&self) -> Item {
        let debit = self.sparks.checked_neg();
        let debit = debit.expect("a price is at most 10^15 milli-Sparks");
        let mut item = row(
            self.id.as_str(),
            EntryKind::Usage,
            &self.account,
            debit,
            self.recorded_at,
        );
        item.extend([
            (
                "request_hash".into(),
                item::text(hex::print(&self.request_hash.0)),
            ),
            ("lines".into(), item::json(&self.lines)),
            ("price_version".into(), item::text(&self.price_version)),
            ("occurred_at".into(), item::time(self.occurred_at)),
        ]);
        let states = self.deliveries.iter();
        item.extend(states.map(|(sink, state)| (sink.to_string(), item::text(state.as_str()))));
        if let Some(member) = &self.member {
            item.insert("member".into(), item::text(member.as_str()));
        }
        if self.trace != TraceLabels::default() {
            item.insert("trace".into(), item::json(&self.trace));
        }
        if self.deliveries.any_pending() {
            item.insert("pending_bucket".into(), Queue::Due.of(&self.account));
            let due = self.recorded_at.saturating_add(SETTLES_AFTER);
            let due = due.unwrap_or(Timestamp::MAX);
            item.insert("pending_due".into(), item::time(due));
        }
        item
    }

    /// Reads a usage entry from its item.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            member: item::optional_parsed(item, "member")?,
            request_hash: RequestHash::read(item)?,
            sparks: item::read_debit(item, "amount")?,
            lines: item::read_json(item, "lines")?,
            price_version: item::read_text(item, "price_version")?.to_owned(),
            occurred_at: item::read_time(item, "occurred_at")?,
            recorded_at: item::read_time(item, "recorded_at")?,
            trace: item::optional_json(item, "trace")?.unwrap_or_default(),
            deliveries: Deliveries::read(item)?,
        })
    }
}

impl RequestHash {
    /// Reads the hash of an entry.
    pub(crate) fn read(item: &Item) -> Result<Self, Malformed> {
        let attribute = "request_hash";
        let text = item::read_text(item, attribute)?;
        let hash = hex::parse(text).ok_or(Malformed { attribute })?;
        Ok(Self(hash))
    }
}

/// The kind of an entry. Every reader matches all of them, so that a new one does not compile until each has said what it
/// means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A usage, which debits.
    Usage,
    /// Sparks that came in.
    Credit,
    /// The unused rest of a grant that ended.
    Expiry,
    /// Sparks taken back: for a refund, a dispute, a credit note, or by the operator.
    Reversal,
    /// Sparks of a reversal that were given back.
    Restoration,
}

impl EntryKind {
    const ALL: [Self; 5] = [
        Self::Usage,
        Self::Credit,
        Self::Expiry,
        Self::Reversal,
        Self::Restoration,
    ];

    /// The name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Credit => "credit",
            Self::Expiry => "expiry",
            Self::Reversal => "reversal",
            Self::Restoration => "restoration",
        }
    }

    /// Reads the kind of an entry.
    pub(crate) fn read(item: &Item) -> Result<Self, Malformed> {
        let name = item::read_text(item, "kind")?;
        let mut known = Self::ALL.into_iter();
        let kind = known.find(|kind| kind.as_str() == name);
        kind.ok_or(Malformed { attribute: "kind" })
    }
}

/// The attributes of every entry: id and kind, account, signed amount and time.
pub(crate) fn row(
    id: &str,
    kind: EntryKind,
    account: &AccountId,
    amount: Sparks,
    recorded_at: Timestamp,
) -> Item {
    let mut item = Key::entry(id).attributes();
    item.extend([
        ("id".into(), item::text(id)),
        ("kind".into(), item::text(kind.as_str())),
        ("account".into(), item::text(account.as_str())),
        ("amount".into(), item::amount(amount)),
        ("recorded_at".into(), item::time(recorded_at)),
        ("ledger_at".into(), item::text(ledger_at(recorded_at, id))),
    ]);
    item
}

/// The place of an entry in its account's ledger: by time, then by id.
pub(crate) fn ledger_at(recorded_at: Timestamp, id: &str) -> String {
    format!("{recorded_at:.3}#{id}")
}

/// One row of an account's ledger, of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's id.
    pub id: EntryId,
    /// Its kind.
    pub kind: EntryKind,
    /// The amount added to the balance; negative for a debit.
    pub amount: Sparks,
    /// Time of recording.
    pub recorded_at: Timestamp,
    /// The reason, if one was given.
    pub reason: Option<String>,
    /// The source of the Sparks, for a credit or a restoration.
    pub source: Option<Source>,
    /// Expiry of these Sparks.
    pub expires_at: Option<Timestamp>,
    /// The item that was bought.
    pub item: Option<String>,
    /// The credit that it ends, claws back from, or restores a part of.
    pub credit: Option<EntryId>,
    /// The usage that it gives back.
    pub gives_back: Option<UsageId>,
    /// The usage itself.
    pub usage: Option<Box<UsageEntry>>,
}

impl Entry {
    /// Reads an entry of any kind.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        let kind = EntryKind::read(item)?;
        let usage = match kind {
            EntryKind::Usage => Some(Box::new(UsageEntry::from_item(item)?)),
            EntryKind::Credit
            | EntryKind::Expiry
            | EntryKind::Reversal
            | EntryKind::Restoration => None,
        };
        let purchase: Option<Purchase> = item::optional_json(item, "purchase")?;
        let mut credit = None;
        for relation in ["grant", "reverses", "restores"] {
            credit = credit.or(item::optional_parsed(item, relation)?);
        }
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            kind,
            amount: item::read_amount(item, "amount")?,
            recorded_at: item::read_time(item, "recorded_at")?,
            reason: item::optional_text(item, "reason")?.map(str::to_owned),
            source: match item::optional_text(item, "source")? {
                Some(name) => Some(Source::named(name).ok_or(Malformed {
                    attribute: "source",
                })?),
                None => None,
            },
            expires_at: item::optional_time(item, "expires_at")?,
            item: purchase.map(|purchase| purchase.terms.item),
            credit,
            gives_back: item::optional_parsed(item, "gives_back")?,
            usage,
        })
    }

    /// Returns its place in its account's ledger.
    pub(crate) fn place(&self) -> String {
        ledger_at(self.recorded_at, self.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_hash_is_refused() {
        let read = |text: &str| {
            let kept = [("request_hash".to_owned(), item::text(text))];
            RequestHash::read(&Item::from(kept))
        };
        assert!(read(&"0f".repeat(32)).is_ok());
        for text in ["", "0f", &"0".repeat(66), &"é".repeat(32), &"x".repeat(64)] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
