//! Whole numbers as JSON may write them: `1200`, `1200.0` and `1.2e3` are one number. Exact, with no float in between.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

/// A JSON number in a field that expects a whole one.
///
/// Any JSON number can be read, however large, so one that is out of range is refused by the rule of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(Option<u64>);

impl Whole {
    /// The number; None if it is negative, has a fraction or is over `most`.
    pub fn at_most(self, most: u64) -> Option<u64> {
        self.0.filter(|number| *number <= most)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&'de RawValue>::deserialize(deserializer)?.get();
        if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            Ok(Self(parse(text)))
        } else {
            Err(D::Error::custom("must be a number"))
        }
    }
}

/// Reads a number in JSON's grammar. None if it is not a whole number from 0 to 2⁶⁴ − 1.
///
/// ```
/// use shared::words::whole::parse;
/// assert_eq!(parse("1.2e3"), Some(1_200));
/// assert_eq!(parse("1.5"), None);
/// ```
pub fn parse(text: &str) -> Option<u64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power(exponent)?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, places) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let zero_first = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || zero_first || !digits(whole) || !digits(places) {
        return None;
    }
    if unsigned.len() == text.len() && places.is_empty() {
        return whole.parse().ok();
    }
    let all = format!("{whole}{places}");
    let significant = all.trim_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let scale = exponent + i64::try_from(zeros).ok()? - i64::try_from(places.len()).ok()?;
    let scale = 10_u64.checked_pow(u32::try_from(scale).ok()?)?;
    let positive = unsigned.len() == mantissa.len();
    let number = significant.parse::<u64>().ok()?.checked_mul(scale)?;
    positive.then_some(number)
}

/// Parses an exponent of ten. An exponent beyond the digits that any body can have is clamped.
fn power(text: &str) -> Option<i64> {
    const FAR: i64 = 1_000_000_000;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let power = digits.parse().map_or(FAR, |power: i64| power.min(FAR));
    Some(if text.starts_with('-') { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_numbers_are_read_in_every_json_spelling() {
        for (text, number) in [
            ("0", Some(0)),
            ("1200", Some(1_200)),
            ("1200.0", Some(1_200)),
            ("1200.000000000000000000000000000000", Some(1_200)),
            ("1e3", Some(1_000)),
            ("1E+3", Some(1_000)),
            ("1.2e3", Some(1_200)),
            ("0.0012e6", Some(1_200)),
            ("120000e-2", Some(1_200)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("0e99999999999999999999", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615.0", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1.5", None),
            ("1200.00000000000000000000000001", None),
            ("0.99999999999999999999999999999", None),
            ("1e-1", None),
            ("12e-2", None),
            ("-1", None),
            ("-1.0", None),
            ("1e309", None),
            ("1e-309", None),
            ("1e99999999999999999999", None),
            ("1e-99999999999999999999", None),
            // Not JSON's grammar.
            ("", None),
            ("-", None),
            ("+1", None),
            ("01", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("1e+", None),
            ("1e1.0", None),
            ("--1", None),
            (" 1", None),
            ("1_000", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
        let long = "9".repeat(4_001);
        assert_eq!(parse(&long), None);
        assert_eq!(parse(&format!("1{}e-4000", "0".repeat(4_000))), Some(1));
    }

    #[test]
    fn values_other_than_numbers_are_refused() {
        assert_eq!(
            serde_json::from_str::<Whole>("7.0").unwrap().at_most(7),
            Some(7)
        );
        assert_eq!(serde_json::from_str::<Whole>("7").unwrap().at_most(6), None);
        assert_eq!(
            serde_json::from_str::<Whole>("1e999")
                .unwrap()
                .at_most(u64::MAX),
            None
        );
        for other in ["\"7\"", "[7]", "{}", "true", "null"] {
            let refused = serde_json::from_str::<Whole>(other).unwrap_err();
            assert_eq!(refused.to_string(), "must be a number", "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_value_in_every_spelling(number: u64, zeros in 0_usize..30) {
            let padding = "0".repeat(zeros);
            prop_assert_eq!(parse(&number.to_string()), Some(number));
            prop_assert_eq!(parse(&format!("{number}.{padding}0")), Some(number));
            prop_assert_eq!(parse(&format!("{number}{padding}e-{zeros}")), Some(number));
            if number > 0 {
                prop_assert_eq!(parse(&format!("{number}.{padding}1")), None);
                prop_assert_eq!(parse(&format!("-{number}")), None);
            }
        }
    }
}
