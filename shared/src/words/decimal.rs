//! Exact decimal text for whole numbers of a small unit, with no float in between.

/// Reads a non-negative decimal as a count of its smallest unit. It has at most `places` places.
///
/// None for a sign, an exponent, a missing digit, too many places, or an overflow.
pub fn parse(text: &str, places: usize) -> Option<u64> {
    let (whole, rest) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > places || !digits_only(whole) || !digits_only(rest) {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}

/// Prints a count of a unit that is 10 to the power of minus `places`. Leaves out trailing zeros.
pub fn print(count: u128, places: usize) -> String {
    let digits = format!("{count:0>width$}", width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_read_exactly() {
        for (text, expected) in [
            ("0.25", Some(250_000)),
            ("0.250", Some(250_000)),
            ("7", Some(7_000_000)),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text, 6), expected, "{text:?}");
        }
    }

    #[test]
    fn decimals_print_without_trailing_zeros() {
        for (count, places, text) in [
            (0, 6, "0"),
            (250_000, 6, "0.25"),
            (4_525, 6, "0.004525"),
            (12, 0, "12"),
        ] {
            assert_eq!(print(count, places), text);
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(count: u64) {
            prop_assert_eq!(parse(&print(count.into(), 6), 6), Some(count));
        }
    }
}
