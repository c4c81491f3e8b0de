//! An operator's reason, which is kept with an entry and shown to the account.

use std::str::FromStr;

/// The longest reason, in characters.
const MAX_CHARACTERS: usize = 200;

/// Reason of an operator's change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(String);

/// Error for a text that is not a valid reason.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be 1 to 200 characters, without line breaks and other control characters")]
pub(crate) struct NotAReason;

impl Reason {
    /// The reason as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = NotAReason;

    fn from_str(text: &str) -> Result<Self, NotAReason> {
        let characters = text.chars().count();
        let says_something = !text.trim().is_empty();
        if says_something && characters <= MAX_CHARACTERS && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAReason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_at_most_200_characters_and_not_blank() {
        let (most, more) = ("é".repeat(200), "é".repeat(201));
        for (text, is_one) in [
            ("double click", true),
            ("x", true),
            (most.as_str(), true),
            (more.as_str(), false),
            ("", false),
            ("  ", false),
            ("two\nlines", false),
            ("\u{1b}[2J", false),
            ("\u{9b}2J", false),
            ("\u{7f}", false),
        ] {
            let read = text.parse::<Reason>();
            assert_eq!(read.is_ok(), is_one, "{text:?}");
            assert!(read.is_err() || read.is_ok_and(|reason| reason.as_str() == text));
        }
    }
}
