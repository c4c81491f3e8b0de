//! Converts a usage's labels to ones that Langfuse keeps. Pure.
//!
//! Only the span uses the result: the entry keeps the labels that the caller sent. Langfuse keeps session ids of up to
//! 200 ASCII characters, treats an empty text as none, reads a dot in a metadata key as a path, and lets a trace's
//! metadata override the observation's. <https://langfuse.com/docs/observability/features/sessions>
//! <https://langfuse.com/docs/observability/features/metadata>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ring::digest;

use crate::words::hex;

/// The longest session id.
const MAX_SESSION_CHARACTERS: usize = 200;

/// The length that is kept of a longer session id. A hash replaces the rest, so that sessions stay distinct.
const SESSION_HEAD: usize = MAX_SESSION_CHARACTERS - 17;

/// The prefix for a key of the caller's metadata that is empty or reserved.
const CALLER: &str = "caller_";

/// Reserved metadata keys: those that Sparks sends, and those that Langfuse reads or writes itself.
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

/// A session id in printable ASCII: other bytes are percent-encoded. None if it is empty.
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
        let _ = write!(id, "-{}", hex::print(&hash.as_ref()[..8]));
    }
    Some(id.into())
}

/// The caller's metadata under distinct keys, none of which is one of Sparks' or Langfuse's.
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

/// Converts a key to letters, digits, `_` and `-`; borrowed if it is unchanged.
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

/// Replaces refused characters with U+FFFD.
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
    fn session_ids_are_distinct_and_at_most_200_ascii_characters() {
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
    fn metadata_keys_are_distinct_and_never_reserved() {
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
    fn control_characters_are_replaced_except_line_breaks_in_texts() {
        assert_eq!(name("a\0b\n").unwrap(), "a\u{fffd}b\u{fffd}");
        assert_eq!(
            text("a\0b\r\n\tü\u{7f}").unwrap(),
            "a\u{fffd}b\r\n\tü\u{fffd}"
        );
        assert_eq!((name(""), text("")), (None, None));
    }
}
