//! Parameters of a query: times, and the refusal of invalid ones. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::process::clock;

/// An invalid parameter of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The parameter.
    pub field: &'static str,
    /// The requirement that it breaks.
    pub detail: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }
}

/// Parses a time, or a day, which means its beginning.
pub(crate) fn day_or_time(
    field: &'static str,
    text: &str,
    zone: &TimeZone,
) -> Result<Timestamp, Invalid> {
    let day = text
        .parse::<Date>()
        .ok()
        .filter(|_| text.len() == "2026-11-22".len());
    let time = match day {
        Some(day) => day
            .to_zoned(zone.clone())
            .ok()
            .map(|start| start.timestamp()),
        None => clock::read(text),
    };
    let years = 2000..=9998;
    let in_range = |time: &Timestamp| years.contains(&time.to_zoned(TimeZone::UTC).year());
    time.filter(in_range).ok_or_else(|| {
        let detail = format!(
            "must be a day such as `2026-11-22` or a time such as `2026-11-22T20:15:00Z`, not {}",
            quoted(text)
        );
        Invalid::new(field, detail)
    })
}

/// Quotes a text of the caller for a message, truncated.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{:?}", format!("{short}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_text_is_quoted_and_truncated() {
        let (most, more) = ("é".repeat(40), "é".repeat(41));
        for (given, told) in [
            ("a \"b\"\n", "\"a \\\"b\\\"\\n\"".to_owned()),
            (most.as_str(), format!("\"{most}\"")),
            (more.as_str(), format!("\"{most}…\"")),
        ] {
            assert_eq!(quoted(given), told);
        }
    }
}
