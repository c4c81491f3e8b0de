//! Ids of ledger entries. The id of an entry that follows from something is derived from it, so it is booked once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::id::{
    AccountId, IdempotencyKey, InvoiceId, ParseError, ReversalId, SessionId, UsageId, fingerprint,
};

/// The longest id, in bytes. The table's keys can have 2,048, and no id comes near.
const MAX_BYTES: usize = 1_024;

/// The object at Stripe with which a purchase was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurchaseId {
    /// The Checkout Session of a pack.
    Session(SessionId),
    /// The invoice of a plan.
    Invoice(InvoiceId),
}

/// The beginning of a correction's id.
const CORRECTION: &str = "reversed#";

/// The id of a ledger entry, and of the grant that the entry makes.
///
/// A purchase has the id of its Checkout Session or invoice, and a usage its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EntryId(String);

impl EntryId {
    /// Derives the id of the credit that the operator grants an account under `key`.
    pub fn granted(account: &AccountId, key: &IdempotencyKey) -> Self {
        Self(format!(
            "grant_{}",
            fingerprint(&["grant", account.as_str(), key.as_str()])
        ))
    }

    /// The id of an account's free Sparks of one month.
    pub fn free(account: &AccountId, year: i16, month: i8) -> Self {
        Self(format!("free#{account}#{year:04}-{month:02}"))
    }

    /// The id of an account's one grant of given-back Sparks. All Sparks that the operator gives back join it.
    pub fn returned(account: &AccountId) -> Self {
        Self(format!("returned#{account}"))
    }

    /// The id of the entry that restores a reversal's Sparks, and of its grant.
    pub fn restoration(reversal: &ReversalId) -> Self {
        Self(format!("restored#{reversal}"))
    }

    /// The id of the entry that books the expiry of this grant.
    #[must_use]
    pub fn expiry(&self) -> Self {
        Self(format!("exp#{self}"))
    }

    /// Id of the operator's entry that takes back this grant, or gives back this usage.
    #[must_use]
    pub fn correction(&self) -> Self {
        Self(format!("{CORRECTION}{self}"))
    }

    /// Returns whether it is the id of an operator's correction.
    pub fn is_correction(&self) -> bool {
        self.0.starts_with(CORRECTION)
    }

    /// Returns the purchase that was credited under this id. None if no object at Stripe can have it.
    pub fn purchase(&self) -> Option<PurchaseId> {
        if self.0.starts_with("in_") {
            return self.0.parse().ok().map(PurchaseId::Invoice);
        }
        self.0.parse().ok().map(PurchaseId::Session)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntryId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if (1..=MAX_BYTES).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        let rule = "1 to 1024 bytes";
        Err(ParseError { rule })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The entry of a purchase at a Checkout Session.
impl From<&SessionId> for EntryId {
    fn from(id: &SessionId) -> Self {
        Self(id.to_string())
    }
}

/// The entry of a purchase with an invoice.
impl From<&InvoiceId> for EntryId {
    fn from(id: &InvoiceId) -> Self {
        Self(id.to_string())
    }
}

/// The entry of a refund, a dispute or a credit note.
impl From<&ReversalId> for EntryId {
    fn from(id: &ReversalId) -> Self {
        Self(id.to_string())
    }
}

/// The entry of a usage.
impl From<&UsageId> for EntryId {
    fn from(id: &UsageId) -> Self {
        Self(id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_1024_bytes() {
        for (length, is_one) in [(0, false), (1, true), (1_024, true), (1_025, false)] {
            let text = "x".repeat(length);
            assert_eq!(text.parse::<EntryId>().is_ok(), is_one, "{length}");
        }
    }

    #[test]
    fn ids_of_derived_entries_stay_the_same() {
        let account: AccountId = "acct_a".parse().unwrap();
        let reversal: ReversalId = "re_1".parse().unwrap();
        for (id, text) in [
            (EntryId::free(&account, 2026, 3), "free#acct_a#2026-03"),
            (EntryId::returned(&account), "returned#acct_a"),
            (EntryId::restoration(&reversal), "restored#re_1"),
            (EntryId::from(&reversal).expiry(), "exp#re_1"),
            (EntryId::from(&reversal).correction(), "reversed#re_1"),
        ] {
            assert_eq!(id.as_str(), text);
        }
    }
}
