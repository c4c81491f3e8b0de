//! Identifiers of events at Stripe's meter.

use std::fmt;
use std::str::FromStr;

use super::id::{ParcelId, ParseError, UsageId};

/// The identifier of an event at Stripe's meter: the id of what it reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeterEventId {
    /// Several usages, which share the event.
    Parcel(ParcelId),
    /// One usage.
    Usage(UsageId),
}

impl MeterEventId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Parcel(id) => id.as_str(),
            Self::Usage(id) => id.as_str(),
        }
    }
}

impl FromStr for MeterEventId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parcel = text.parse().map(Self::Parcel);
        parcel.or_else(|_| text.parse().map(Self::Usage))
    }
}

impl fmt::Display for MeterEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_names_a_usage_or_a_parcel() {
        let hash = "0f".repeat(16);
        for (text, is_parcel) in [
            (format!("use_{hash}"), false),
            (format!("par_{hash}"), true),
        ] {
            let id: MeterEventId = text.parse().unwrap();
            assert_eq!(matches!(id, MeterEventId::Parcel(_)), is_parcel);
            assert_eq!(id.as_str(), text);
        }
        for text in ["", "use_1", "cs_1", &hash] {
            assert!(text.parse::<MeterEventId>().is_err(), "{text}");
        }
    }
}
