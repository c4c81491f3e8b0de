//! Billing periods: calendar months and years, not numbers of days.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::price::Recurring;

/// The most periods that are counted from an anchor.
const MAX_PERIODS: i64 = 10_000;

/// The end of a period that would end after the year 9999.
const NEVER: i64 = 253_402_300_799;

/// Returns the end of the period that begins at `start`.
///
/// Periods are counted from `anchor`: after 31 January come 28 February and 31 March.
pub(crate) fn end(anchor: i64, start: i64, recurring: &Recurring) -> i64 {
    let ends = (1..=MAX_PERIODS).map_while(|number| after(anchor, number, recurring));
    let mut later = ends.filter(|end| *end > start);
    later.next().unwrap_or(NEVER)
}

/// Returns the moment `number` periods after `anchor`, in UTC.
fn after(anchor: i64, number: i64, recurring: &Recurring) -> Option<i64> {
    let count = number.checked_mul(recurring.interval_count)?;
    let span = match recurring.interval.as_str() {
        "day" => Span::new().try_days(count),
        "week" => Span::new().try_weeks(count),
        "year" => Span::new().try_years(count),
        _ => Span::new().try_months(count),
    };
    let from = Timestamp::from_second(anchor).ok()?;
    let to = from.to_zoned(TimeZone::UTC).checked_add(span.ok()?).ok()?;
    Some(to.timestamp().as_second())
}
