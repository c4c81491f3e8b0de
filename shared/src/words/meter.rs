//! Meters, and lines of usage with their quantities in typed units.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::decimal;

/// The largest quantity a line may state, in the unit it is stated in.
pub const MAX_QUANTITY: u64 = 1_000_000_000_000;

/// A kind of billable action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Tokens that went into or came out of a language model.
    AiTokens,
    /// Computing time.
    Compute,
    /// Data stored over time.
    Storage,
}

impl Meter {
    /// Every meter.
    pub const ALL: [Self; 3] = [Self::AiTokens, Self::Compute, Self::Storage];

    /// The meter's name on the wire, in the table and in traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AiTokens => "ai_tokens",
            Self::Compute => "compute",
            Self::Storage => "storage",
        }
    }

    /// Returns the meter of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meter| meter.as_str() == name)
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of a usage: a meter and a quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "meter", rename_all = "snake_case")]
pub enum Line {
    /// Tokens, priced by model if one is named.
    AiTokens {
        /// The model as the caller named it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// The tokens by class.
        #[serde(flatten)]
        tokens: Tokens,
    },
    /// Computing time in milliseconds.
    Compute {
        /// The time.
        milliseconds: u64,
    },
    /// Storage over time.
    Storage {
        /// The amount of data times the duration.
        gigabyte_hours: GigabyteHours,
    },
}

impl Line {
    /// The meter this line belongs to.
    pub const fn meter(&self) -> Meter {
        match self {
            Self::AiTokens { .. } => Meter::AiTokens,
            Self::Compute { .. } => Meter::Compute,
            Self::Storage { .. } => Meter::Storage,
        }
    }

    /// The model this line names.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::AiTokens { model, .. } => model.as_deref(),
            Self::Compute { .. } | Self::Storage { .. } => None,
        }
    }

    /// The quantity in the meter's smallest unit: tokens, milliseconds, millionths of a gigabyte-hour.
    pub fn quantity(&self) -> u64 {
        match self {
            Self::AiTokens { tokens, .. } => tokens.total(),
            Self::Compute { milliseconds } => *milliseconds,
            Self::Storage { gigabyte_hours } => gigabyte_hours.micro(),
        }
    }
}

/// Tokens by class. The classes do not overlap: their sum is all tokens processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Input tokens that were neither read from nor written to the cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// Output tokens without reasoning.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Reasoning tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tokens {
    /// The sum of all classes. Each class is at most [`MAX_QUANTITY`], so the sum fits; corrupt stored values saturate.
    pub const fn total(&self) -> u64 {
        self.total_input()
            .saturating_add(self.output_tokens)
            .saturating_add(self.reasoning_tokens)
    }

    /// The sum of all input classes, which decides a model's price tier.
    pub const fn total_input(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cached_input_tokens)
            .saturating_add(self.cache_write_tokens)
    }
}

/// Gigabyte-hours, counted in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GigabyteHours(u64);

impl GigabyteHours {
    /// Decimal places that are kept.
    pub(crate) const PLACES: usize = 6;

    /// Reads a decimal such as `0.25` with at most 6 places.
    pub fn parse(text: &str) -> Option<Self> {
        decimal::parse(text, Self::PLACES)
            .filter(|micro| *micro <= MAX_QUANTITY * 1_000_000)
            .map(Self)
    }

    /// The count of millionths.
    pub const fn micro(self) -> u64 {
        self.0
    }
}

impl fmt::Display for GigabyteHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::print(self.0.into(), Self::PLACES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meter_is_found_by_its_name() {
        for meter in Meter::ALL {
            assert_eq!(Meter::named(meter.as_str()), Some(meter));
        }
        assert_eq!(Meter::named("AI_TOKENS"), None);
    }

    #[test]
    fn gigabyte_hours_have_six_places_and_a_limit() {
        for (text, micro) in [
            ("0.25", Some(250_000)),
            ("0.250000", Some(250_000)),
            ("1000000000000", Some(1_000_000_000_000_000_000)),
            ("1000000000000.000001", None),
            ("0.1234567", None),
            ("-1", None),
        ] {
            assert_eq!(
                GigabyteHours::parse(text).map(GigabyteHours::micro),
                micro,
                "{text}"
            );
        }
    }

    #[test]
    fn token_classes_of_zero_are_not_stored() {
        let tokens = Tokens {
            input_tokens: 12,
            ..Tokens::default()
        };
        let line = Line::AiTokens {
            model: None,
            tokens,
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(text, r#"{"meter":"ai_tokens","input_tokens":12}"#);
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
