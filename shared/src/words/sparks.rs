//! `Sparks`, the credits accounts hold and usage burns: whole milli-Sparks inside, decimal text outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal;

/// Milli-Sparks per Spark.
const MILLI: i64 = 1_000;

/// Decimal places of an amount of Sparks.
const PLACES: usize = 3;

/// An exact amount of Sparks, counted in milli-Sparks.
///
/// Negative amounts exist: an account whose purchase was refunded can owe Sparks.
///
/// ```
/// use shared::words::sparks::Sparks;
/// let price: Sparks = "137.2".parse()?;
/// assert_eq!(price.to_string(), "137.200");
/// assert_eq!(price.milli(), 137_200);
/// # Ok::<(), shared::words::sparks::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sparks(i64);

/// A text that is not an amount of Sparks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a decimal number of Sparks with at most 3 places, like `137.2`")]
pub struct ParseError;

impl Sparks {
    /// No Sparks.
    pub const ZERO: Self = Self(0);

    /// An amount of milli-Sparks.
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// The amount in milli-Sparks, the unit of the ledger and of Stripe's meter.
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// Returns the sum; None on overflow.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(milli) => Some(Self(milli)),
            None => None,
        }
    }

    /// Returns the difference; None on overflow.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(milli) => Some(Self(milli)),
            None => None,
        }
    }

    /// Returns the amount with the other sign, as an entry books a debit. None on overflow.
    pub const fn checked_neg(self) -> Option<Self> {
        Self::ZERO.checked_sub(self)
    }

    /// Returns the exact sum of many amounts; None on overflow.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Returns whether the amount is negative: a debt.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Sparks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let milli = self.0.unsigned_abs();
        let unit = MILLI.unsigned_abs();
        write!(f, "{sign}{}.{:03}", milli / unit, milli % unit)
    }
}

impl FromStr for Sparks {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let milli = decimal::parse(digits, PLACES).ok_or(ParseError)?;
        let milli = i64::try_from(milli).map_err(|_| ParseError)?;
        Ok(Self(if negative { -milli } else { milli }))
    }
}

impl Serialize for Sparks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sparks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_read_and_print_exactly() {
        for (text, milli, printed) in [
            ("0", 0, "0.000"),
            ("137.2", 137_200, "137.200"),
            ("137.200", 137_200, "137.200"),
            ("0.001", 1, "0.001"),
            ("-0.5", -500, "-0.500"),
            ("9223372036854775.807", i64::MAX, "9223372036854775.807"),
        ] {
            let amount: Sparks = text.parse().unwrap();
            assert_eq!(amount.milli(), milli, "{text}");
            assert_eq!(amount.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn negative_amounts_are_debts() {
        let debts = [-1, 0, 1].map(|milli| Sparks::from_milli(milli).is_negative());
        assert_eq!(debts, [true, false, false]);
    }

    #[test]
    fn malformed_amounts_are_refused() {
        for text in [
            "",
            "-",
            ".",
            ".5",
            "1.",
            "1.2345",
            "+1",
            "1e3",
            " 1",
            "1 ",
            "1,5",
            "--1",
            "0x1",
            "1.2.3",
            "٣",
            "9223372036854775.808",
        ] {
            assert_eq!(text.parse::<Sparks>(), Err(ParseError), "{text:?}");
        }
    }

    #[test]
    fn arithmetic_never_wraps() {
        let most = Sparks::from_milli(i64::MAX);
        assert_eq!(most.checked_add(Sparks::from_milli(1)), None);
        assert_eq!(
            Sparks::from_milli(i64::MIN).checked_sub(Sparks::from_milli(1)),
            None
        );
        assert_eq!(Sparks::checked_sum([most, most]), None);
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(milli in (i64::MIN + 1)..) {
            let amount = Sparks::from_milli(milli);
            prop_assert_eq!(amount.to_string().parse::<Sparks>(), Ok(amount));
        }

        #[test]
        fn reading_never_panics(text in ".{0,40}") {
            let _ = text.parse::<Sparks>();
        }
    }
}
