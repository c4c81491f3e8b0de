//! Starts of periods by time zones, and what a period refuses.

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn period(from: &str, to: &str, granularity: Granularity, zone: &str) -> Result<Period, Invalid> {
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
