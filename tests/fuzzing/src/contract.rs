//! The rules of `openapi.yaml` for requests, implemented plainly and without any of the production code.
//!
//! They decide which bytes are a request. What a usage costs and what an account holds is the subject of
//! `tests/src/model.rs`, which starts from numbers and not from bytes.

use serde_json::Value;

/// The largest quantity of a line, in the unit it is stated in.
const MAX_QUANTITY: u64 = 1_000_000_000_000;

/// The classes of tokens.
const TOKENS: [&str; 5] = [
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
];

/// Returns whether a text is an account.
pub(crate) fn is_account(text: &str) -> bool {
    let visible = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'#';
    (1..=128).contains(&text.len()) && text.bytes().all(visible)
}

/// Returns whether a text is a member as it is stored.
pub(crate) fn is_member(text: &str) -> bool {
    let control = |char: char| matches!(char, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    (1..=200).contains(&text.len()) && !text.contains(control)
}

/// Parses a body as common JSON readers do. Returns None if it is not JSON, or has a number that no float holds.
///
/// The reader ignores a byte order mark, and reads U+FFFD for half a surrogate pair.
pub(crate) fn plainly_read(data: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(data).ok()?;
    let mut escapes = text.strip_prefix('\u{FEFF}').unwrap_or(text).split('\\');
    let mut read = escapes.next()?.to_owned();
    let mut units = Vec::new();
    while let Some(escape) = escapes.next() {
        if let Some(unit) = unit(escape) {
            units.push(unit);
            if escape.len() == 5 {
                continue;
            }
        }
        read += &as_escapes(&mut units);
        match unit(escape) {
            Some(_) => read += &escape[5..],
            // The character after an escaped backslash is literal.
            None if escape.is_empty() => read.extend(["\\\\", escapes.next()?]),
            None => read.extend(["\\", escape]),
        }
    }
    serde_json::from_str(&(read + &as_escapes(&mut units))).ok()
}

/// Returns the UTF-16 unit of an escape, which is given without its backslash.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Drains a run of UTF-16 units, and returns them as the escapes of one text.
fn as_escapes(units: &mut Vec<u16>) -> String {
    let characters = char::decode_utf16(units.drain(..));
    let characters = characters.map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER));
    let text: String = characters.collect();
    let units = text.encode_utf16();
    let escapes: Vec<String> = units.map(|unit| format!("\\u{unit:04x}")).collect();
    escapes.concat()
}

/// Returns whether a text is an idempotency key.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns whether a text is a Stripe id that needs no escaping in a URL.
pub(crate) fn is_stripe_id(text: &str) -> bool {
    let clear = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len()) && text.bytes().all(clear)
}

/// Returns whether a text has this form, in which `0` stands for any digit.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte.eq_ignore_ascii_case(&form),
            })
}

fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(u32::MAX)
}

/// Returns whether a text is a day of RFC 3339, such as `2026-11-22`.
pub(crate) fn is_day(text: &str) -> bool {
    if !has_form(text, "0000-00-00") {
        return false;
    }
    let (year, month) = (number(&text[..4]), number(&text[5..7]));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&number(&text[8..]))
}

/// Returns whether a text is a time of RFC 3339, such as `2026-11-22T20:15:00.5+01:00`.
/// <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>
pub(crate) fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_at_checked(10) else {
        return false;
    };
    let Some((clock, rest)) = time.split_at_checked(9) else {
        return false;
    };
    let digits = rest.strip_prefix('.').map_or(0, |places| {
        let others = places.trim_start_matches(|place: char| place.is_ascii_digit());
        places.len() - others.len()
    });
    let zone = match (rest.strip_prefix('.'), digits) {
        (None, _) => rest,
        (Some(_), 0) => return false,
        (Some(places), digits) => &places[digits..],
    };
    let hour_and_minute = |text: &str| number(&text[..2]) <= 23 && number(&text[3..5]) <= 59;
    let offset = |sign: &str| {
        zone.strip_prefix(sign)
            .is_some_and(|offset| has_form(offset, "00:00") && hour_and_minute(offset))
    };
    is_day(date)
        && has_form(clock, "T00:00:00")
        && hour_and_minute(&clock[1..])
        && number(&clock[7..]) <= 60
        && (zone.eq_ignore_ascii_case("z") || offset("+") || offset("-"))
}

/// Returns the part of a usage that breaks the contract, if any. A batch item has a key in place of an account.
pub(crate) fn usage_breaks(usage: &Value, of_batch: bool) -> Option<&'static str> {
    let first = if of_batch {
        "idempotency_key"
    } else {
        "account_id"
    };
    let broken = [
        (
            has_only(
                usage,
                &[first, "member_id", "occurred_at", "usage", "trace"],
            ),
            "the fields",
        ),
        (
            of_batch || is_none_or(&usage["account_id"], is_account),
            "the account",
        ),
        (
            !of_batch || usage["idempotency_key"].as_str().is_some_and(is_key),
            "the key",
        ),
        // Any member is accepted: an invalid one is mended.
        (is_none_or(&usage["member_id"], |_| true), "the member"),
        (is_none_or(&usage["occurred_at"], is_time), "the time"),
        (is_list(&usage["usage"], 1..=20, is_line), "the lines"),
        (
            usage["trace"].is_null() || is_trace(&usage["trace"]),
            "the trace",
        ),
    ];
    broken
        .into_iter()
        .find_map(|(holds, name)| (!holds).then_some(name))
}

fn has_only(value: &Value, fields: &[&str]) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.keys().all(|field| fields.contains(&field.as_str())))
}

fn is_none_or(value: &Value, is: impl Fn(&str) -> bool) -> bool {
    value.is_null() || value.as_str().is_some_and(is)
}

fn is_list(
    value: &Value,
    lengths: std::ops::RangeInclusive<usize>,
    is: impl Fn(&Value) -> bool,
) -> bool {
    value
        .as_array()
        .is_some_and(|list| lengths.contains(&list.len()) && list.iter().all(is))
}

/// Returns whether a value is a quantity. The value of one with a fraction or an exponent is checked elsewhere.
fn is_count(value: &Value) -> bool {
    let whole = value.as_u64().is_some_and(|count| count <= MAX_QUANTITY);
    whole
        || value
            .as_f64()
            .is_some_and(|count| (0.0..=1e12).contains(&count))
}

/// Returns whether a line has the fields of its meter. A field of another meter must be null.
fn is_line(line: &Value) -> bool {
    let Some(object) = line.as_object() else {
        return false;
    };
    let given = || {
        TOKENS
            .iter()
            .map(|class| &line[*class])
            .filter(|count| !count.is_null())
    };
    let (own, holds): (Vec<&str>, bool) = match line["meter"].as_str() {
        Some("ai_tokens") => (
            ["meter", "model"].into_iter().chain(TOKENS).collect(),
            is_none_or(&line["model"], |model| (1..=128).contains(&model.len()))
                && given().next().is_some()
                && given().all(is_count),
        ),
        Some("compute") => (
            vec!["meter", "milliseconds"],
            is_count(&line["milliseconds"]),
        ),
        Some("storage") => (
            vec!["meter", "gigabyte_hours"],
            line["gigabyte_hours"].as_str().is_some_and(is_quantity),
        ),
        _ => return false,
    };
    let all = ["meter", "model", "milliseconds", "gigabyte_hours"];
    holds
        && object.iter().all(|(field, value)| {
            let known = all.contains(&field.as_str()) || TOKENS.contains(&field.as_str());
            own.contains(&field.as_str()) || known && value.is_null()
        })
}

/// Returns whether a text is a decimal with at most 6 places.
fn is_quantity(text: &str) -> bool {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(places) && places.len() <= 6
}

fn is_trace(trace: &Value) -> bool {
    let fields = ["name", "session_id", "tags", "metadata", "input", "output"];
    let short = |value: &Value, bytes: usize| is_none_or(value, |text| text.len() <= bytes);
    let pair = |(key, value): (&String, &Value)| {
        key.len() <= 40 && value.as_str().is_some_and(|value| value.len() <= 200)
    };
    let (tags, metadata) = (&trace["tags"], &trace["metadata"]);
    has_only(trace, &fields)
        && short(&trace["name"], 200)
        && short(&trace["session_id"], 200)
        && (tags.is_null() || is_list(tags, 0..=10, |tag| tag.is_string() && short(tag, 50)))
        && (metadata.is_null()
            || metadata
                .as_object()
                .is_some_and(|pairs| pairs.len() <= 16 && pairs.iter().all(pair)))
        && is_none_or(&trace["input"], |_| true)
        && is_none_or(&trace["output"], |_| true)
}
