//! The period of a history, and its hours, days or months in a time zone. Pure.

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

    /// Returns the first UTC day and the one after the last. An error if the period does not consist of whole UTC days.
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
mod tests;
