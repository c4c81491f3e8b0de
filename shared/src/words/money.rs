//! Money: an amount of one currency, and shares of what was paid. Exact, with no float in between.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sparks::Sparks;

/// A currency, by its code as Stripe writes it: `usd`.
///
/// An unusual code is a currency, too. It is none that anything is sold in, and leaves Stripe's object readable.
/// <https://docs.stripe.com/currencies>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; MAX_CODE_BYTES]);

/// Longest code of a currency; shorter ones are followed by zeros.
const MAX_CODE_BYTES: usize = 8;

/// A text that is not the code of a currency.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be 1 to 8 ASCII letters or digits, like `usd`")]
pub struct ParseError;

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(*b"usd\0\0\0\0\0");

    /// The code.
    ///
    /// # Panics
    /// Never: the code is ASCII since it was parsed.
    pub fn as_str(&self) -> &str {
        let code = str::from_utf8(&self.0).expect("a code is ASCII");
        code.trim_end_matches('\0')
    }
}

impl FromStr for Currency {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_code = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if text.is_empty() || text.len() > MAX_CODE_BYTES || !is_code {
            return Err(ParseError);
        }
        let mut code = [0; MAX_CODE_BYTES];
        code[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in a currency's smallest unit, such as cents. Negative amounts are withdrawals.
///
/// ```
/// use shared::words::money::{Currency, Money};
/// let price = Money::new(500, Currency::USD);
/// assert_eq!(price.checked_add(price), Some(Money::new(1_000, Currency::USD)));
/// assert_eq!(price.checked_add(Money::new(500, "eur".parse()?)), None);
/// # Ok::<(), shared::words::money::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    #[serde(rename = "amount")]
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount in the smallest unit of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount in the currency's smallest unit.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Returns the sum; None on overflow, or if the currencies differ.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, ..self })
    }

    /// Returns the difference; None on overflow, or if the currencies differ.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_sub(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, ..self })
    }

    /// Returns the price of a quantity; None on overflow.
    pub fn checked_mul(self, quantity: u32) -> Option<Self> {
        let minor = self.minor.checked_mul(quantity.into())?;
        Some(Self { minor, ..self })
    }

    /// Returns the amount with the other sign; None on overflow.
    pub fn checked_neg(self) -> Option<Self> {
        let minor = self.minor.checked_neg()?;
        Some(Self { minor, ..self })
    }

    /// Returns the share that this is of a whole. None if the whole is not above zero, or of another currency.
    pub fn share_of(self, whole: Self) -> Option<Share> {
        if self.currency != whole.currency || whole.minor <= 0 {
            return None;
        }
        Some(Share {
            part: self.minor.clamp(0, whole.minor),
            whole: whole.minor,
        })
    }
}

/// A share of a whole, from nothing to all of it.
///
/// A negative part counts as nothing. A part above the whole counts as all: Stripe can dispute more than was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From zero to the whole.
    part: i64,
    /// Above zero.
    whole: i64,
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self { part: 1, whole: 1 };

    /// Returns the share of some Sparks, rounded up once to a milli-Spark.
    ///
    /// # Panics
    /// Never: a share is not more than its whole.
    pub fn rounded_up(self, all: Sparks) -> Sparks {
        let (part, whole) = (i128::from(self.part), i128::from(self.whole));
        let milli = (i128::from(all.milli()) * part + whole - 1) / whole;
        let milli = i64::try_from(milli).expect("a share is not more than its whole");
        Sparks::from_milli(milli)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn eur(minor: i64) -> Money {
        Money::new(minor, "eur".parse().unwrap())
    }

    #[test]
    fn an_unusual_currency_is_readable_and_another_one() {
        assert_eq!("usd".parse(), Ok(Currency::USD));
        for text in ["us", "usdc", "USD", "us1", "12345678"] {
            let currency: Currency = text.parse().unwrap();
            assert_eq!(currency.as_str(), text);
            assert_ne!(currency, Currency::USD);
        }
        for text in ["", "123456789", "€", "us d", "usd\0"] {
            assert_eq!(text.parse::<Currency>(), Err(ParseError), "{text}");
        }
    }

    #[test]
    fn money_is_stored_as_amount_and_currency() {
        let json = r#"{"amount":-500,"currency":"usd"}"#;
        assert_eq!(serde_json::to_string(&usd(-500)).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), usd(-500));
    }

    #[test]
    fn arithmetic_fails_on_overflow_and_across_currencies() {
        assert_eq!(usd(3).checked_sub(usd(5)), Some(usd(-2)));
        assert_eq!(usd(3).checked_sub(eur(2)), None);
        assert_eq!(usd(3).checked_add(eur(2)), None);
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), None);
        assert_eq!(usd(i64::MIN).checked_sub(usd(1)), None);
        assert_eq!(usd(i64::MAX).checked_mul(2), None);
        assert_eq!(usd(i64::MIN).checked_neg(), None);
    }

    #[test]
    fn there_is_no_share_of_nothing_or_of_another_currency() {
        for (part, whole) in [(usd(1), usd(0)), (usd(1), usd(-1)), (usd(1), eur(1))] {
            assert_eq!(part.share_of(whole), None, "{part:?} of {whole:?}");
        }
        assert_eq!(usd(-1).share_of(usd(2)), usd(0).share_of(usd(2)));
        assert_eq!(usd(3).share_of(usd(2)), usd(2).share_of(usd(2)));
    }

    proptest! {
        #[test]
        fn a_share_of_sparks_is_within_them_monotone_and_never_rounded_down(
            whole in 1_i64.., parts: (i64, i64), milli in 0_i64..,
        ) {
            let all = Sparks::from_milli(milli);
            let share = |part: i64| usd(part).share_of(usd(whole)).unwrap().rounded_up(all);
            let (less, more) = (parts.0.min(parts.1), parts.0.max(parts.1));
            prop_assert!(share(less) <= share(more));
            prop_assert!((Sparks::ZERO..=all).contains(&share(more)));
            prop_assert_eq!(share(whole), all);
            prop_assert_eq!(Share::ALL.rounded_up(all), all);
            let exact = i128::from(milli) * i128::from(more.clamp(0, whole));
            let rounded = i128::from(share(more).milli()) * i128::from(whole);
            prop_assert!((0..i128::from(whole)).contains(&(rounded - exact)));
        }
    }
}
