//! The period of a history, and the hours, days or months of a time zone in it. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{RoundMode, Span, Timestamp, Unit, Zoned, ZonedRound};
use serde::{Deserialize, Serialize};

use crate::process::clock;
use crate::reports::parameter::{Invalid, day_or_time, quoted};

/// Number of days of a history without a beginning.
const DEFAULT_DAYS: i32 = 30;

/// Maximum number of days of a history.
const MAX_DAYS: i32 = 92;

/// Length of the quarters of an hour by which usage is summed.
const QUARTER_MS: i64 = 900_000;

/// Names of UTC.
const UTC: [&str; 3] = ["UTC", "Etc/UTC", "Z"];

/// The length of the intervals of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Granularity {
    /// Hours of the zone's clock.
    Hour,
    /// The zone's days, of 23 to 25 hours.
    #[default]
    Day,
    /// The zone's calendar months.
    Month,
}

/// A half-open period, and the intervals that divide it.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    granularity: Granularity,
    zone: TimeZone,
}

impl Period {
    /// Parses a period.
    ///
    /// Without an end, it ends with today; without a beginning, it has 30 days.
    pub(super) fn new(
        (from, to): (Option<&str>, Option<&str>),
        granularity: Granularity,
        zone: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Invalid> {
        let zone = time_zone(zone)?;
        let to = match to {
            Some(text) => quarter("to", text, &zone)?,
            None => later(&zone.to_datetime(now).date().to_zoned(zone.clone()), 1)?,
        };
        let from = match from {
            Some(text) => quarter("from", text, &zone)?,
            None => later(&Ok(to.to_zoned(zone.clone())), -DEFAULT_DAYS)?,
        };
        if from >= to {
            return Err(Invalid::new("to", "must be after `from`"));
        }
        if later(&Ok(from.to_zoned(zone.clone())), MAX_DAYS)? < to {
            let detail = format!("must be at most {MAX_DAYS} days before `to`");
            return Err(Invalid::new("from", detail));
        }
        Ok(Self {
            from,
            to,
            granularity,
            zone,
        })
    }

    /// Returns the first UTC day and the one after the last; an error if the period does not consist of whole UTC days.
    pub(super) fn utc_days(&self) -> Result<(Date, Date), Invalid> {
        if self.granularity == Granularity::Hour {
            let detail = "must be `day` or `month`: members are summed up by days";
            return Err(Invalid::new("granularity", detail));
        }
        if !UTC.contains(&self.zone_name()) {
            let detail = "must be `UTC`: members are summed up by UTC days";
            return Err(Invalid::new("tz", detail));
        }
        let day = |field, time: Timestamp| {
            let at = time.to_zoned(TimeZone::UTC);
            let detail = "must be the beginning of a UTC day: members are summed up by UTC days";
            match at.start_of_day() {
                Ok(start) if start == at => Ok(at.date()),
                _ => Err(Invalid::new(field, detail)),
            }
        };
        Ok((day("from", self.from)?, day("to", self.to)?))
    }

    /// Returns the start of the hour, day or month that contains a time.
    pub(super) fn start_of(&self, at: Timestamp) -> Timestamp {
        let local = at.to_zoned(self.zone.clone());
        let start = match self.granularity {
            Granularity::Hour => {
                let hour = ZonedRound::new().smallest(Unit::Hour);
                local.round(hour.mode(RoundMode::Trunc))
            }
            Granularity::Day => local.start_of_day(),
            Granularity::Month => local
                .first_of_month()
                .and_then(|first| first.start_of_day()),
        };
        // Only the first and last representable days have no beginning or no end.
        start.map_or(at, |start| start.timestamp())
    }

    /// Returns the zone's name.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Formats a time by the zone's clock, with its offset.
    pub(super) fn print(&self, time: Timestamp) -> String {
        if UTC.contains(&self.zone_name()) {
            return clock::wire(time);
        }
        let local = time.to_zoned(self.zone.clone());
        local.strftime("%Y-%m-%dT%H:%M:%S.%3f%:z").to_string()
    }
}

fn time_zone(name: Option<&str>) -> Result<TimeZone, Invalid> {
    let name = name.unwrap_or("UTC");
    if UTC.contains(&name) {
        return Ok(TimeZone::UTC);
    }
    let unknown = |_| {
        let detail = format!(
            "must be a time zone such as `Europe/Paris`, not {}",
            quoted(name)
        );
        Invalid::new("tz", detail)
    };
    TimeZone::get(name).map_err(unknown)
}

/// Parses a time at which a roll-up begins.
fn quarter(field: &'static str, text: &str, zone: &TimeZone) -> Result<Timestamp, Invalid> {
    let time = day_or_time(field, text, zone)?;
    if time.as_millisecond().rem_euclid(QUARTER_MS) != 0
        || time.subsec_nanosecond() % 1_000_000 != 0
    {
        let detail = "must be a day, or a time at a whole quarter of an hour";
        return Err(Invalid::new(field, detail));
    }
    Ok(time)
}

/// Returns the time that is this number of the zone's days later.
fn later(start: &Result<Zoned, jiff::Error>, days: i32) -> Result<Timestamp, Invalid> {
    let outside = || Invalid::new("to", "must be a time between the years 2000 and 9998");
    let start = start.as_ref().map_err(|_| outside())?;
    let later = start.checked_add(Span::new().days(days));
    later.map(|later| later.timestamp()).map_err(|_| outside())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn period(
        from: &str,
        to: &str,
        granularity: Granularity,
        zone: &str,
    ) -> Result<Period, Invalid> {
        let now = at("2026-11-22T20:15:30Z");
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        let (from, to): (&'static str, &'static str) = (leak(from), leak(to));
        Period::new((given(from), given(to)), granularity, Some(zone), now)
    }

    fn leak(text: &str) -> &'static str {
        Box::leak(text.to_owned().into_boxed_str())
    }

    #[test]
    fn the_default_period_is_thirty_days_with_all_of_today() {
        for (from, to, zone, expected) in [
            (
                "",
                "",
                "UTC",
                ("2026-10-24T00:00:00Z", "2026-11-23T00:00:00Z"),
            ),
            (
                "",
                "",
                "Asia/Kolkata",
                ("2026-10-24T18:30:00Z", "2026-11-23T18:30:00Z"),
            ),
            (
                "2026-11-20",
                "",
                "UTC",
                ("2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z"),
            ),
            (
                "",
                "2026-11-01",
                "UTC",
                ("2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z"),
            ),
            // At the end of summer time, a day is 25 hours long.
            (
                "",
                "2026-10-26",
                "Europe/Paris",
                ("2026-09-25T22:00:00Z", "2026-10-25T23:00:00Z"),
            ),
            (
                "2026-11-22T20:15:00+01:00",
                "2026-11-22T19:45:00Z",
                "UTC",
                ("2026-11-22T19:15:00Z", "2026-11-22T19:45:00Z"),
            ),
        ] {
            let found = period(from, to, Granularity::Day, zone).unwrap();
            assert_eq!(
                (found.from, found.to),
                (at(expected.0), at(expected.1)),
                "{from} {to} {zone}"
            );
        }
    }

    #[test]
    fn an_invalid_time_is_refused_by_the_name_of_its_parameter() {
        for (from, to, zone, field) in [
            ("yesterday", "", "UTC", "from"),
            ("2026-02-30", "", "UTC", "from"),
            ("20261122", "", "UTC", "from"),
            ("2026-11-22T20:15:01Z", "", "UTC", "from"),
            ("2026-11-22T20:15:00.000001Z", "", "UTC", "from"),
            ("2026-11-22T20:20:00Z", "", "UTC", "from"),
            ("2026-11-22T20:15:00", "", "UTC", "from"),
            ("2026-11-22 20:15:00Z", "", "UTC", "from"),
            ("2026-11-22T20:15:00Z[UTC]", "", "UTC", "from"),
            ("-000001-01-01", "", "UTC", "from"),
            ("1969-12-31", "1970-01-02", "UTC", "to"),
            ("", "9999-12-31", "UTC", "to"),
            ("2026-11-22", "2026-11-22", "UTC", "to"),
            ("2026-11-23", "2026-11-22", "UTC", "to"),
            ("2026-08-01", "2026-11-02", "UTC", "from"),
            ("", "", "Mars/Olympus", "tz"),
            ("", "", "../../etc/passwd", "tz"),
            ("", "", "", "tz"),
        ] {
            let refused = period(from, to, Granularity::Day, zone).unwrap_err();
            assert_eq!(refused.field, field, "{from} {to} {zone}: {refused:?}");
        }
        assert!(period("2026-08-01", "2026-11-01", Granularity::Day, "UTC").is_ok());
        // These 92 days are one hour longer.
        assert!(period("2026-08-01", "2026-11-01", Granularity::Day, "Europe/Paris").is_ok());
    }

    #[test]
    fn hours_begin_by_the_zones_clock() {
        for (time, granularity, zone, start) in [
            (
                "2026-11-22T20:45:00Z",
                Granularity::Hour,
                "UTC",
                "2026-11-22T20:00:00Z",
            ),
            (
                "2026-11-22T20:45:00Z",
                Granularity::Hour,
                "Asia/Kolkata",
                "2026-11-22T20:30:00Z",
            ),
            (
                "2026-11-22T20:15:00Z",
                Granularity::Hour,
                "Asia/Kathmandu",
                "2026-11-22T20:15:00Z",
            ),
            // 02:30 occurs twice on the last day of summer time, each time in an hour of its own.
            (
                "2026-10-25T00:30:00Z",
                Granularity::Hour,
                "Europe/Paris",
                "2026-10-25T00:00:00Z",
            ),
            (
                "2026-10-25T01:30:00Z",
                Granularity::Hour,
                "Europe/Paris",
                "2026-10-25T01:00:00Z",
            ),
        ] {
            let period = period("", "", granularity, zone).unwrap();
            assert_eq!(period.start_of(at(time)), at(start), "{time} {zone}");
        }
    }

    #[test]
    fn days_and_months_begin_by_the_zones_clock() {
        for (time, granularity, zone, start) in [
            (
                "2026-11-22T18:15:00Z",
                Granularity::Day,
                "Asia/Kolkata",
                "2026-11-21T18:30:00Z",
            ),
            (
                "2026-11-22T18:30:00Z",
                Granularity::Day,
                "Asia/Kolkata",
                "2026-11-22T18:30:00Z",
            ),
            (
                "2026-10-25T22:45:00Z",
                Granularity::Day,
                "Europe/Paris",
                "2026-10-24T22:00:00Z",
            ),
            (
                "2026-10-25T23:00:00Z",
                Granularity::Day,
                "Europe/Paris",
                "2026-10-25T23:00:00Z",
            ),
            (
                "2026-03-29T21:45:00Z",
                Granularity::Day,
                "Europe/Paris",
                "2026-03-28T23:00:00Z",
            ),
            (
                "2026-03-29T22:00:00Z",
                Granularity::Day,
                "Europe/Paris",
                "2026-03-29T22:00:00Z",
            ),
            (
                "2026-10-31T23:00:00Z",
                Granularity::Month,
                "Europe/Paris",
                "2026-10-31T23:00:00Z",
            ),
            (
                "2026-10-31T22:45:00Z",
                Granularity::Month,
                "Europe/Paris",
                "2026-09-30T22:00:00Z",
            ),
        ] {
            let period = period("", "", granularity, zone).unwrap();
            assert_eq!(period.start_of(at(time)), at(start), "{time} {zone}");
        }
    }

    #[test]
    fn member_usage_is_reported_by_whole_utc_days_only() {
        let days = |from, to, granularity, zone| {
            let days = period(from, to, granularity, zone).unwrap().utc_days();
            days.map_err(|invalid| invalid.field)
        };
        let (from, to) = ("2026-11-20", "2026-11-22");
        assert!(days(from, to, Granularity::Day, "UTC").is_ok());
        assert!(days(from, to, Granularity::Month, "Etc/UTC").is_ok());
        assert_eq!(days(from, to, Granularity::Hour, "UTC"), Err("granularity"));
        assert_eq!(days(from, to, Granularity::Day, "Asia/Kolkata"), Err("tz"));
        assert_eq!(
            days("2026-11-20T00:15:00Z", to, Granularity::Day, "UTC"),
            Err("from")
        );
        assert_eq!(
            days(from, "2026-11-22T12:00:00Z", Granularity::Day, "UTC"),
            Err("to")
        );
    }

    #[test]
    fn times_are_printed_by_the_zones_clock() {
        for (zone, printed) in [
            ("UTC", "2026-10-25T00:30:00.000Z"),
            ("Asia/Kolkata", "2026-10-25T06:00:00.000+05:30"),
            ("Europe/Paris", "2026-10-25T02:30:00.000+02:00"),
            ("America/New_York", "2026-10-24T20:30:00.000-04:00"),
        ] {
            let period = period("", "", Granularity::Day, zone).unwrap();
            assert_eq!(period.print(at("2026-10-25T00:30:00Z")), printed);
            assert_eq!(at(printed), at("2026-10-25T00:30:00Z"));
        }
    }
}
