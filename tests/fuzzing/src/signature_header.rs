//! The signature of a webhook.

use jiff::Timestamp;
use ring::hmac;
use secrecy::SecretString;
use shared::providers::stripe::verify;

use crate::{first_line, text};

/// The secrets of this target. The last one is blank: anyone could sign with it.
const SECRETS: [&str; 3] = ["whsec_test_secret", "whsec_test_secret_rolled_key", "  "];

/// The placeholders for the signatures by each secret.
const PLACES: [&str; 3] = ["{good}", "{rolled}", "{blank}"];

/// The time of this target, in seconds since 1970.
const NOW: i64 = 1_492_774_577;

/// The allowed difference between a signature's time and ours, in seconds.
const TOLERANCE: i128 = 300;

/// The most bytes of a header or a body that are changed, one by one.
const MOST_CHANGED: usize = 12;

/// Checks that a signature is accepted exactly if the plain implementation accepts it. It is for one body only.
///
/// The first line is the header, the rest is the body. Random input never contains a valid signature, so `{good}`,
/// `{rolled}` and `{blank}` stand for those by the three secrets.
pub fn signature_header(data: &[u8]) {
    let (header, body) = first_line(data);
    let Some(header) = text(header) else { return };
    let time = times(header).next().unwrap_or_default();
    let mut signed = header.to_owned();
    for (place, secret) in PLACES.iter().zip(SECRETS) {
        signed = signed.replace(place, &signature(secret, time, body));
    }
    if !hold(&signed, body) {
        return;
    }
    let mut other = body.to_vec();
    for position in (0..body.len()).step_by(step(body.len())) {
        other[position] ^= 1 << (position % 8);
        assert!(!hold(&signed, &other), "{signed:?} is valid for two bodies");
        other[position] = body[position];
    }
    other.push(b' ');
    assert!(!hold(&signed, &other), "{signed:?} is valid for two bodies");
    // A changed header may still be valid, if the change is in a part that is not read.
    for position in (0..signed.len()).step_by(step(signed.len())) {
        let mut other = signed.clone().into_bytes();
        other[position] ^= 1;
        if let Some(other) = text(&other) {
            hold(other, body);
        }
    }
}

/// Returns the distance between the bytes that are changed.
fn step(length: usize) -> usize {
    length.div_ceil(MOST_CHANGED).max(1)
}

/// Returns whether a header is accepted, and asserts that the plain implementation agrees.
fn hold(header: &str, body: &[u8]) -> bool {
    let secrets = SECRETS.map(SecretString::from);
    let now = Timestamp::from_second(NOW).expect("a time");
    let taken = verify(header, body, &secrets, now).is_ok();
    assert_eq!(taken, plainly(header, body), "{header:?} for {body:?}");
    taken
}

fn parts(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = header.split(',').map(str::trim);
    parts.filter_map(|part| part.split_once('='))
}

fn times(header: &str) -> impl Iterator<Item = &str> {
    parts(header).filter_map(|(name, value)| (name == "t").then_some(value))
}

/// Returns whether a header has one time, near ours, and a valid secret's signature.
fn plainly(header: &str, body: &[u8]) -> bool {
    let times: Vec<&str> = times(header).collect();
    let [time] = times[..] else { return false };
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let near = time
        .parse::<i128>()
        .is_ok_and(|seconds| (i128::from(NOW) - seconds).abs() <= TOLERANCE);
    digits
        && near
        && parts(header).any(|(name, value)| {
            let is_by = |secret: &str| value == signature(secret, time, body);
            name == "v1" && SECRETS.iter().take(2).any(|secret| is_by(secret))
        })
}

/// Returns the HMAC-SHA-256 of `<time>.<body>`, in lower-case hexadecimal digits.
pub(crate) fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [time.as_bytes(), b".", body].concat();
    let tag = hmac::sign(&key, &signed);
    let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}
