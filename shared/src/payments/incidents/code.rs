//! Codes of incidents: the word under which each kind of fault is stored. Pure.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::payments::field::Field;

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentCode {
    /// An event does not name its object.
    NoObjectId,
    /// Stripe does not have an event's object.
    NotThere,
    /// Stripe could not count meter events that it does not name.
    MeterErrors,
    /// A session's metadata names no order of this deployment.
    Metadata,
    /// A session was not made here, but for a customer of ours.
    NotMadeHere,
    /// A session's order is not in the table.
    NoOrder,
    /// Stripe cannot finalise an invoice.
    NotFinalized,
    /// A reversal that was undone takes effect again.
    TakenAgain,
    /// The share of a reversal cannot be computed.
    NoShare,
    /// A card issuer suspects fraud.
    EarlyFraudWarning,
    /// An account pays for two plans.
    SecondSubscription,
    /// One line of a credited invoice does not match the plan's terms.
    MismatchLine,
    /// A field of a paid session or invoice does not match the order.
    Mismatch(Field),
    /// A field of a session has a value that is not known here.
    Unknown(Field),
}

const MISMATCH: &str = "mismatch_";
const UNKNOWN: &str = "unknown_";

impl IncidentCode {
    /// The codes without a field.
    const WORDS: [Self; 12] = [
        Self::NoObjectId,
        Self::NotThere,
        Self::MeterErrors,
        Self::Metadata,
        Self::NotMadeHere,
        Self::NoOrder,
        Self::NotFinalized,
        Self::TakenAgain,
        Self::NoShare,
        Self::EarlyFraudWarning,
        Self::SecondSubscription,
        Self::MismatchLine,
    ];

    /// Returns the beginning of the code, and the field with which it ends.
    const fn parts(self) -> (&'static str, Option<Field>) {
        match self {
            Self::NoObjectId => ("no_object_id", None),
            Self::NotThere => ("not_there", None),
            Self::MeterErrors => ("meter_errors", None),
            Self::Metadata => ("metadata", None),
            Self::NotMadeHere => ("not_made_here", None),
            Self::NoOrder => ("no_intent", None),
            Self::NotFinalized => ("not_finalized", None),
            Self::TakenAgain => ("taken_again", None),
            Self::NoShare => ("no_share", None),
            Self::EarlyFraudWarning => ("early_fraud_warning", None),
            Self::SecondSubscription => ("second_subscription", None),
            Self::MismatchLine => ("mismatch_line", None),
            Self::Mismatch(field) => (MISMATCH, Some(field)),
            Self::Unknown(field) => (UNKNOWN, Some(field)),
        }
    }

    /// Returns the code of this text.
    fn named(text: &str) -> Option<Self> {
        let field = |prefix| text.strip_prefix(prefix).and_then(Field::named);
        Self::WORDS
            .into_iter()
            .find(|code| code.parts().0 == text)
            .or_else(|| field(MISMATCH).map(Self::Mismatch))
            .or_else(|| field(UNKNOWN).map(Self::Unknown))
    }

    /// Returns whether it stays open although the payment, refund or dispute has its entry.
    const fn stays_open(self) -> bool {
        match self {
            Self::TakenAgain | Self::NoShare | Self::MismatchLine => true,
            Self::NoObjectId
            | Self::NotThere
            | Self::MeterErrors
            | Self::Metadata
            | Self::NotMadeHere
            | Self::NoOrder
            | Self::NotFinalized
            | Self::EarlyFraudWarning
            | Self::SecondSubscription
            | Self::Mismatch(_)
            | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for IncidentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, field) = self.parts();
        f.write_str(word)?;
        f.write_str(field.map_or("", Field::as_str))
    }
}

/// The code of a stored incident. Incidents outlive releases, so it may be one that is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredCode {
    /// A code of this release.
    Known(IncidentCode),
    /// A code of another release.
    Foreign(String),
}

impl StoredCode {
    pub(super) fn read(text: &str) -> Self {
        IncidentCode::named(text).map_or_else(|| Self::Foreign(text.to_owned()), Self::Known)
    }

    /// Returns whether it stays open although the payment, refund or dispute has its entry.
    pub const fn stays_open(&self) -> bool {
        match self {
            Self::Known(code) => code.stays_open(),
            Self::Foreign(_) => false,
        }
    }
}

impl fmt::Display for StoredCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(code) => code.fmt(f),
            Self::Foreign(text) => f.write_str(text),
        }
    }
}

impl Serialize for StoredCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_code_is_read_as_it_was_written() {
        let fields = [Field::Amount, Field::PaymentStatus];
        let codes = IncidentCode::WORDS
            .into_iter()
            .chain(fields.map(IncidentCode::Mismatch))
            .chain(fields.map(IncidentCode::Unknown));
        for code in codes {
            assert_eq!(StoredCode::read(&code.to_string()), StoredCode::Known(code));
        }
    }

    #[test]
    fn a_code_of_another_release_stays_readable() {
        for text in ["", "mismatch_", "mismatch_colour", "unheard_of"] {
            let code = StoredCode::read(text);
            assert_eq!(code, StoredCode::Foreign(text.to_owned()));
            assert_eq!((&*code.to_string(), code.stays_open()), (text, false));
        }
    }
}
