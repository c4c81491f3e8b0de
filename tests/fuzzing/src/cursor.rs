//! The queries of `GET /v1/ledger` and `GET /v1/usage`: cursors, limits, days, times and time zones.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{self, Answer, Call};
use crate::{contract, event, first_line, text};

/// The account of the token.
const ACCOUNT: &str = "acct_a";

/// The longest sort key that DynamoDB takes, in bytes.
const LONGEST_SORT_KEY: usize = 1_024;

/// The longest period of a usage query. It is 92 days, one of them with an extra hour.
const LONGEST: SignedDuration = SignedDuration::from_hours(92 * 24 + 1);

/// Names of UTC.
const UTC: [&str; 3] = ["UTC", "Etc/UTC", "Z"];

/// Checks a query of `ledger` or `usage`. The first line names the route, the rest is the query.
///
/// An accepted query matches the contract, and reads from the table only what it names, of the token's account alone. A
/// refused query reads nothing.
pub fn cursor(data: &[u8]) {
    let (route, query) = first_line(data);
    let (Some(route @ ("ledger" | "usage")), Some(query)) = (text(route), text(query)) else {
        return;
    };
    let Some(arrival) = event::arrival(&event(route, query)) else {
        return;
    };
    let Some((answer, calls)) = world::with(|world| world.send(arrival.request)) else {
        return;
    };
    if !answer.status.is_success() {
        assert!(
            [403, 422].contains(&answer.status.as_u16()),
            "{query:?}: {answer:?}"
        );
        assert!(calls.is_empty(), "{query:?}: {calls:?}");
        return;
    }
    let mut given = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let before = given.insert(name, value);
        assert!(before.is_none(), "twice in {query:?}");
    }
    let given = |name: &str| given.get(name).map(Cow::as_ref);
    let day_or_time = |text: &str| contract::is_day(text) || contract::is_time(text);
    assert!(
        given("account_id").is_none_or(|named| named == ACCOUNT),
        "{query:?}"
    );
    assert!(given("from").is_none_or(day_or_time), "{query:?}");
    assert!(given("to").is_none_or(day_or_time), "{query:?}");
    for call in &calls {
        let Call::Ledger(operation, asked) = call else {
            panic!("{query:?}: {call:?}");
        };
        match operation.as_str() {
            "GetItem" => assert_eq!(asked["Key"]["pk"]["S"], format!("A#{ACCOUNT}")),
            "Query" if route == "ledger" => of_ledger(asked, &given),
            "Query" => of_rollups(asked),
            _ => panic!("{query:?}: {call:?}"),
        }
    }
    if route == "usage" {
        of_usage(&answer, &given);
    }
}

fn event(route: &str, query: &str) -> Vec<u8> {
    let path = format!("/v1/{route}");
    let http = json!({
        "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
        "userAgent": "fuzzing",
    });
    let event = json!({
        "version": "2.0", "routeKey": format!("GET {path}"), "rawPath": path,
        "rawQueryString": query, "headers": {"host": "api.example.com"},
        "requestContext": {
            "http": http, "stage": "$default", "requestId": "r1", "timeEpoch": 0,
            "authorizer": {"jwt": {"claims": {"sub": ACCOUNT}, "scopes": null}},
        },
        "isBase64Encoded": false,
    });
    event.to_string().into_bytes()
}

/// Returns the sort key bounds of a query, which DynamoDB must accept.
fn bounds(asked: &Value) -> (&str, &str) {
    let values = &asked["ExpressionAttributeValues"];
    let [first, last] =
        [":first", ":last"].map(|name| values[name]["S"].as_str().expect("a bound"));
    assert!(first <= last && last.len() <= LONGEST_SORT_KEY, "{asked}");
    (first, last)
}

fn of_ledger<'a>(asked: &Value, given: &impl Fn(&str) -> Option<&'a str>) {
    let account = &asked["ExpressionAttributeValues"][":account"]["S"];
    assert_eq!(account, ACCOUNT, "{asked}");
    let limit = given("limit").unwrap_or("50");
    let (limit, asked_for) = (number(limit), asked["Limit"].as_u64().expect("a limit"));
    assert!((2..=101).contains(&asked_for), "{asked}");
    assert_eq!(limit, Some(asked_for - 1), "{asked}");
    let (_, last) = bounds(asked);
    if let Some(cursor) = given("cursor") {
        let place = URL_SAFE_NO_PAD.decode(cursor).expect("a place");
        assert_eq!(URL_SAFE_NO_PAD.encode(&place), cursor);
        let place = String::from_utf8(place).expect("a place");
        let (time, _) = place.split_once('#').expect("a time");
        assert!(time.len() == 24 && contract::is_time(time), "{place:?}");
        assert!(
            last == place || last < place.as_str() && given("to").is_some(),
            "{asked}"
        );
    }
}

/// Parses a number as common JSON readers do.
fn number(text: &str) -> Option<u64> {
    let number: Value = serde_json::from_str(text).ok()?;
    let whole = |number: f64| format!("{number:.0}").parse().ok();
    number.as_u64().or_else(|| number.as_f64().and_then(whole))
}

fn of_rollups(asked: &Value) {
    let rollups = &asked["ExpressionAttributeValues"][":rollups"]["S"];
    assert_eq!(rollups, &format!("R#{ACCOUNT}"), "{asked}");
    bounds(asked);
}

/// Checks that the answer has the period and the zone of the query.
fn of_usage<'a>(answer: &Answer, given: &impl Fn(&str) -> Option<&'a str>) {
    let [from, to] = ["from", "to"].map(|name| {
        let told = answer.body[name].as_str().expect("a time");
        assert!(contract::is_time(told), "{answer:?}");
        let time: Timestamp = told.parse().expect("a time");
        let asked = given(name).filter(|text| contract::is_time(text));
        let asked = asked.map(|text| text.parse().expect("a time"));
        assert_eq!(asked.unwrap_or(time), time, "{answer:?}");
        let day = given(name).filter(|text| contract::is_day(text));
        // A day that a zone skips begins with the next one.
        let told_day = day.is_none_or(|day| told.starts_with(day) || told[..10] > *day);
        assert!(told_day, "{answer:?} for {day:?}");
        time
    });
    assert!(
        from < to && to.duration_since(from) <= LONGEST,
        "{answer:?}"
    );
    let (asked, told) = (given("tz").unwrap_or("UTC"), &answer.body["tz"]);
    let told = told.as_str().expect("a zone");
    let same = asked.eq_ignore_ascii_case(told) || UTC.contains(&asked) && UTC.contains(&told);
    assert!(same, "{told:?} for {asked:?}");
}
