//! Matches a model's name against the rules of the price table.
//!
//! The rules come from the source of the table; `make prices` translates them, the few regular expressions among
//! them included, and refuses what it cannot translate. Names are lower-case ASCII here, and so is a rule's text.

/// A condition on a name.
#[derive(Debug)]
pub(super) enum Rule {
    Equals(&'static str),
    StartsWith(&'static str),
    EndsWith(&'static str),
    Contains(&'static str),
    /// The name starts with these parts, one after another.
    Matches(&'static [Part]),
    AnyOf(&'static [Rule]),
    AllOf(&'static [Rule]),
}

/// A piece of a pattern.
#[derive(Debug)]
pub(super) enum Part {
    Text(&'static str),
    /// Between the two numbers of characters of one class.
    Run(Class, usize, usize),
    /// One of these alternatives; an optional piece has an empty one.
    Either(&'static [&'static [Part]]),
    /// A negative lookahead; it consumes nothing.
    Not(&'static [Part]),
    /// The name ends here.
    End,
}

/// A class of characters.
#[derive(Debug)]
pub(super) enum Class {
    Any,
    Digit,
    In(&'static str),
    NotIn(&'static str),
}

impl Rule {
    /// Returns whether `name` matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name == *text,
            Self::StartsWith(text) => name.starts_with(text),
            Self::EndsWith(text) => name.ends_with(text),
            Self::Contains(text) => name.contains(text),
            Self::Matches(parts) => follow(parts, name.as_bytes(), &|_| true),
            Self::AnyOf(rules) => rules.iter().any(|rule| rule.matches(name)),
            Self::AllOf(rules) => rules.iter().all(|rule| rule.matches(name)),
        }
    }
}

/// Returns whether the parts match the start of `text`, and `then` accepts the rest.
fn follow(parts: &[Part], text: &[u8], then: &dyn Fn(&[u8]) -> bool) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return then(text);
    };
    match part {
        Part::Text(expected) => text
            .strip_prefix(expected.as_bytes())
            .is_some_and(|after| follow(rest, after, then)),
        Part::Run(class, min, max) => {
            let run = text.iter().take_while(|byte| class.has(**byte)).count();
            (*min..=run.min(*max)).any(|length| follow(rest, &text[length..], then))
        }
        Part::Either(alternatives) => alternatives
            .iter()
            .any(|parts| follow(parts, text, &|after| follow(rest, after, then))),
        Part::Not(parts) => !follow(parts, text, &|_| true) && follow(rest, text, then),
        Part::End => text.is_empty() && follow(rest, text, then),
    }
}

impl Class {
    fn has(&self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Digit => byte.is_ascii_digit(),
            Self::In(bytes) => bytes.as_bytes().contains(&byte),
            Self::NotIn(bytes) => !bytes.as_bytes().contains(&byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(parts: &'static [Part], name: &str) -> bool {
        Rule::Matches(parts).matches(name)
    }

    #[test]
    fn a_dated_name_has_exactly_its_digits() {
        const PARTS: &[Part] = &[
            Part::Text("opus-5"),
            Part::Run(Class::In("-@"), 1, 1),
            Part::Run(Class::Digit, 8, 8),
            Part::End,
        ];
        assert!(accepts(PARTS, "opus-5-20260101"));
        assert!(accepts(PARTS, "opus-5@20260101"));
        assert!(!accepts(PARTS, "opus-5.20260101"));
        assert!(!accepts(PARTS, "opus-5-2026010"));
        assert!(!accepts(PARTS, "opus-5-202601011"));
        assert!(!accepts(PARTS, "an-opus-5-20260101"));
    }

    #[test]
    fn a_negative_lookahead_refuses_a_match_anywhere() {
        const PARTS: &[Part] = &[Part::Not(&[
            Part::Run(Class::Any, 0, usize::MAX),
            Part::Text("-tts"),
            Part::Either(&[&[Part::End], &[Part::Text("-")]]),
        ])];
        assert!(accepts(PARTS, "flash"));
        assert!(accepts(PARTS, "flash-ttsx"));
        assert!(!accepts(PARTS, "flash-tts"));
        assert!(!accepts(PARTS, "flash-ttsx-tts-1"));
    }

    #[test]
    fn an_optional_piece_may_be_absent() {
        const PARTS: &[Part] = &[
            Part::Not(&[Part::Run(Class::NotIn("/"), 1, usize::MAX), Part::Text("/")]),
            Part::Either(&[&[Part::Text("labs-")], &[]]),
            Part::Either(&[&[Part::Text("mi")], &[Part::Text("code")]]),
            Part::Text("stral"),
        ];
        assert!(accepts(PARTS, "mistral-large"));
        assert!(accepts(PARTS, "labs-codestral"));
        assert!(!accepts(PARTS, "stral"));
        assert!(!accepts(PARTS, "else/mistral-large"));
    }

    #[test]
    fn a_class_may_exclude_characters() {
        const PARTS: &[Part] = &[Part::Run(Class::NotIn("/"), 1, usize::MAX), Part::End];
        assert!(accepts(PARTS, "mistral"));
        assert!(!accepts(PARTS, "/"));
    }
}
