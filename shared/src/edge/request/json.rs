//! Reads JSON as real senders write it. It may have a byte order mark, lone surrogates or huge numbers.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::Error;

/// UTF-8's byte order mark, which a JSON parser may ignore. <https://www.rfc-editor.org/rfc/rfc8259#section-8.1>
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An escape of U+FFFD, as long as the escape that it replaces.
const REPLACEMENT: &str = "\\ufffd";

/// Reads JSON. It ignores a byte order mark at the start, and reads each escape of a lone surrogate as U+FFFD.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let bytes = without_mark(bytes);
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::NotJson("The body is not UTF-8.".into()))?;
    let refused = match object(text) {
        Ok(read) => return Ok(read),
        Err(refused) => refused,
    };
    // Surrogates are looked for only in refused bodies: nearly all bodies are read once.
    let refused = match mended(text).map(|mended| object(&mended)) {
        Some(Ok(read)) => return Ok(read),
        Some(Err(of_mended)) => of_mended,
        None => refused,
    };
    // A body that is not JSON does not match any schema either.
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Err(refused),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let place = format!("The body is not JSON: see line {line}, column {column}.");
            Err(Error::NotJson(place))
        }
    }
}

/// Returns the bytes after a byte order mark, if there is one.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn object<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Error::NotOfSchema {
            field: "body".into(),
            detail: "must be an object".into(),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        not_of_schema(field, error.inner())
    })?;
    let end = deserializer.end();
    end.map_err(|error| not_of_schema(".".into(), &error))?;
    Ok(parsed)
}

/// Makes the error for a field that was refused.
pub(super) fn not_of_schema(field: String, error: &serde_json::Error) -> Error {
    let detail = error.to_string();
    // The position adds nothing to the field.
    let detail = detail.split(" at line ").next().unwrap_or_default();
    let field = if field == "." {
        "body".to_owned()
    } else {
        field
    };
    Error::NotOfSchema {
        field,
        detail: format!("is refused: {detail}"),
    }
}

/// Returns the text with U+FFFD for each escape of a lone surrogate. None if there is none.
fn mended(text: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(escape) = text[at..].find('\\').map(|found| at + found) {
        at = match (unit(text, escape), unit(text, escape + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => escape + 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str(&text[copied..escape]);
                mended.push_str(REPLACEMENT);
                copied = escape + 6;
                copied
            }
            // Any other escape is a backslash and one ASCII character, or this is not JSON.
            _ if text.is_char_boundary(escape + 2) => escape + 2,
            _ => break,
        };
    }
    mended.push_str(&text[copied..]);
    (copied > 0).then_some(mended)
}

/// Returns the UTF-16 unit escaped at a place, as `\u` and four hexadecimal digits.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_are_kept() {
        for (text, expected) in [
            (r#"{"a":"ok \ud83d"}"#, Some(r#"{"a":"ok \ufffd"}"#)),
            (r#"{"a":"\uD83D\uDE00"}"#, None),
            (r#"{"a":"\ude00\ud83d"}"#, Some(r#"{"a":"\ufffd\ufffd"}"#)),
            (
                r#"{"a":"\ud83d\ud83d\ude00"}"#,
                Some(r#"{"a":"\ufffd\ud83d\ude00"}"#),
            ),
            (r#"{"a":"\ud83d\n"}"#, Some(r#"{"a":"\ufffd\n"}"#)),
            (r#"{"\udfff":1}"#, Some(r#"{"\ufffd":1}"#)),
            // An escaped backslash escapes nothing.
            (r#"{"a":"\\ud83d"}"#, None),
            (r#"{"a":"\\\ud83d"}"#, Some(r#"{"a":"\\\ufffd"}"#)),
            // Invalid JSON must not cause a panic.
            (r#"{"a":"\ud83"}"#, None),
            (r#"{"a":"\ud8"#, None),
            (r#"{"a":"\é"#, None),
            (r"\", None),
            ("", None),
        ] {
            assert_eq!(mended(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn byte_order_marks_and_surrogates_are_read_as_meant() {
        for (body, text) in [
            (&b"\xEF\xBB\xBF{\"a\":\"b\"}"[..], "b"),
            (br#"{"a":"ok \ud83d"}"#, "ok \u{FFFD}"),
            (br#"{"a":"\ud83d\ude00"}"#, "\u{1F600}"),
        ] {
            let read: BTreeMap<String, String> = json(body).unwrap();
            assert_eq!(read["a"], text);
        }
    }

    #[test]
    fn valid_json_is_never_reported_as_invalid() {
        for (body, not_json) in [
            (&br#"{"a":1e309}"#[..], false),
            (br#"{"a":"\ud83d","b":1}"#, false),
            (br#"{"a":"\ud83d","b"}"#, true),
            (br#"{"a":"x"} 1"#, true),
            (br#"{"a":"\x"}"#, true),
            (b"{\"a\":\"\n\"}", true),
            (b"{\"a\":\"\xFF\"}", true),
            (b"\xEF\xBB\xBF", true),
            (b"\xEF\xBB\xBF\xEF\xBB\xBF{}", true),
            (b"[1e309]", false),
        ] {
            let refused = json::<BTreeMap<String, String>>(body).unwrap_err();
            assert_eq!(
                matches!(refused, Error::NotJson(_)),
                not_json,
                "{refused:?}"
            );
        }
    }
}
