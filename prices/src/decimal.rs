//! Reads the decimal text of a price, with no float in between.

/// Number of decimals that are kept: one dollar is 10¹² pico-dollars.
const PLACES: usize = 12;

/// Reads dollars as pico-dollars. More than 12 decimals are rounded to 12, halves up.
///
/// Returns None for a sign, an exponent, or a price that does not fit.
pub fn pico_dollars(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) {
        return None;
    }
    let (kept, cut) = decimals.split_at(decimals.len().min(PLACES));
    let pico: u64 = format!("{whole}{kept:0<PLACES$}").parse().ok()?;
    pico.checked_add(u64::from(cut.starts_with(['5', '6', '7', '8', '9'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly_and_rounded_at_the_thirteenth_decimal() {
        for (text, pico) in [
            ("0", Some(0)),
            ("10", Some(10_000_000_000_000)),
            ("1.25", Some(1_250_000_000_000)),
            ("0.003625", Some(3_625_000_000)),
            ("0.000000000001", Some(1)),
            ("0.18000000000000002", Some(180_000_000_000)),
            ("0.08333333333333333", Some(83_333_333_333)),
            ("0.0000000000005", Some(1)),
            ("0.0000000000004999", Some(0)),
            ("0.9999999999995", Some(1_000_000_000_000)),
            ("18446744.073709551615", Some(u64::MAX)),
            ("18446744.0737095516155", None),
            ("18446745", None),
            ("-1", None),
            ("1e-05", None),
            (".5", None),
            ("5.", None),
            ("", None),
            ("+1", None),
        ] {
            assert_eq!(pico_dollars(text), pico, "{text:?}");
        }
    }
}
