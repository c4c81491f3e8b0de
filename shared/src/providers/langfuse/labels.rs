//! A usage's labels as Langfuse keeps them. Pure.
//!
//! Only the span is made of these: the entry keeps what the caller sent. Langfuse keeps a session's id up to 200 characters
//! of ASCII, takes an empty text for none, reads a dot in a key of metadata as a path, and lets a trace's metadata stand over
//! the observation's. <https://langfuse.com/docs/observability/features/sessions>
//! <https://langfuse.com/docs/observability/features/metadata>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ring::digest;

use crate::words::id::hex;

/// How long a session's id may be.
const MAX_SESSION_CHARACTERS: usize = 200;

/// How much of a session's id is kept where it is too long; the rest is a hash, so that two sessions stay two.
const SESSION_HEAD: usize = MAX_SESSION_CHARACTERS - 17;

/// What a key of the caller's metadata begins with where it would stand for something else.
const CALLER: &str = "caller_";

/// Keys of metadata that are not the caller's: those that Sparks sends, and those that Langfuse reads or writes itself.
const RESERVED: [&str; 15] = [
    "__proto__",
    "account",
    "attributes",
    "input_cut_at_bytes",
    "langfuse_session_id",
    "langfuse_tags",
    "langfuse_user_id",
    "lines",
    "output_cut_at_bytes",
    "price_version",
    "resourceAttributes",
    "scope",
    "scopeAttributes",
    "sparks",
    "usage_id",
];

/// A name or a tag: control characters are replaced. None if it is empty.
pub(super) fn name(given: &str) -> Option<Cow<'_, str>> {
    let is_refused = |byte: u8| byte.is_ascii_control();
    (!given.is_empty()).then(|| replaced(given, is_refused))
}

/// A text of many lines: control characters other than tabs and line breaks are replaced. None if it is empty.
pub(super) fn text(given: &str) -> Option<Cow<'_, str>> {
    let is_refused = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    (!given.is_empty()).then(|| replaced(given, is_refused))
}

/// A session's id in visible ASCII: what is not is percent-encoded. None if it is empty.
pub(super) fn session_id(given: &str) -> Option<Cow<'_, str>> {
    let is_kept = |byte: u8| matches!(byte, b' '..=b'~');
    if given.is_empty() {
        return None;
    }
    if given.len() <= MAX_SESSION_CHARACTERS && given.bytes().all(is_kept) {
        return Some(given.into());
    }
    let mut id = String::with_capacity(given.len() * 3);
    for byte in given.bytes() {
        if is_kept(byte) && byte != b'%' {
            id.push(char::from(byte));
        } else {
            let _ = write!(id, "%{byte:02X}");
        }
    }
    if id.len() > MAX_SESSION_CHARACTERS {
        let hash = digest::digest(&digest::SHA256, given.as_bytes());
        id.truncate(SESSION_HEAD);
        let _ = write!(id, "-{}", hex(&hash.as_ref()[..8]));
    }
    Some(id.into())
}

/// The caller's metadata under keys that are only the caller's: none stands for what Sparks or Langfuse says, and no two
/// are the same.
pub(super) fn metadata(
    given: &BTreeMap<String, String>,
) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut taken = BTreeSet::new();
    let as_they_are = given
        .keys()
        .filter(|key| matches!(kept(key), Cow::Borrowed(_)));
    taken.extend(as_they_are.map(|key| Cow::Borrowed(key.as_str())));
    given.iter().map(move |(key, value)| {
        let mut kept = kept(key);
        if let Cow::Owned(base) = &mut kept {
            let first = base.clone();
            let mut number = 1;
            while !taken.insert(Cow::Owned(base.clone())) {
                number += 1;
                *base = format!("{first}_{number}");
            }
        }
        (kept, text(value).unwrap_or_default())
    })
}

/// A key of letters, digits, `_` and `-`; borrowed where it stays as it is.
fn kept(key: &str) -> Cow<'_, str> {
    let is_kept = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    if key.is_empty() || RESERVED.contains(&key) {
        return format!("{CALLER}{key}").into();
    }
    if key.chars().all(is_kept) {
        return key.into();
    }
    let kept: String = key
        .chars()
        .map(|character| if is_kept(character) { character } else { '_' })
        .collect();
    if RESERVED.contains(&kept.as_str()) {
        return format!("{CALLER}{kept}").into();
    }
    kept.into()
}

/// A text with U+FFFD in place of what is refused.
fn replaced(given: &str, is_refused: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if !given.bytes().any(&is_refused) {
        return given.into();
    }
    let is_refused = |character: char| u8::try_from(character).is_ok_and(&is_refused);
    given.replace(is_refused, "\u{fffd}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_ascii_of_200_characters_at_most_and_stays_its_own() {
        for (given, kept) in [
            ("s_1", "s_1"),
            ("100% sure", "100% sure"),
            ("sesión-123", "sesi%C3%B3n-123"),
            ("a\0b", "a%00b"),
            ("é%", "%C3%A9%25"),
        ] {
            assert_eq!(session_id(given).unwrap(), kept);
        }
        let longest = "s".repeat(200);
        assert_eq!(session_id(&longest).unwrap(), longest);
        let (one, other) = ("é".repeat(100), format!("{}è", "é".repeat(99)));
        let (one, other) = (session_id(&one).unwrap(), session_id(&other).unwrap());
        assert_eq!((one.len(), other.len()), (200, 200));
        assert!(one.is_ascii() && one != other);
        assert_eq!(session_id(""), None);
    }

    #[test]
    fn keys_of_metadata_are_the_callers_own_and_stay_apart() {
        let given = [
            ("", "1"),
            ("a b", "2"),
            ("a.b", "3"),
            ("a_b", "4"),
            ("account", "5"),
            ("caller_account", "6"),
            ("größe", "7"),
            ("langfuse_user_id", "8"),
            ("sparks.content", "9"),
            ("usage\0id", "10"),
        ];
        let given: BTreeMap<_, _> = given.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let kept: Vec<(String, String)> = metadata(&given)
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let expected = [
            ("caller_", "1"),
            ("a_b_2", "2"),
            ("a_b_3", "3"),
            ("a_b", "4"),
            ("caller_account_2", "5"),
            ("caller_account", "6"),
            ("größe", "7"),
            ("caller_langfuse_user_id", "8"),
            ("sparks_content", "9"),
            ("caller_usage_id", "10"),
        ];
        assert_eq!(kept, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn control_characters_are_replaced_and_lines_stay() {
        assert_eq!(name("a\0b\n").unwrap(), "a\u{fffd}b\u{fffd}");
        assert_eq!(
            text("a\0b\r\n\tü\u{7f}").unwrap(),
            "a\u{fffd}b\r\n\tü\u{fffd}"
        );
        assert_eq!((name(""), text("")), (None, None));
    }
}
