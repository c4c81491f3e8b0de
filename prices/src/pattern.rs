//! Translates a regular expression into the parts the lookup understands.
//!
//! Only what the source uses: text from the start, `\d`, `.`, listed classes, counts, alternatives, and "must not
//! follow". Anything else is refused, so that a new expression is looked at before it decides about prices.

use std::fmt::{self, Display, Formatter};

/// A piece of a pattern; [`Display`] writes it as the lookup's Rust.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Text(String),
    /// Characters of one class, between a minimum and a maximum number; no maximum if None.
    Run(Class, usize, Option<usize>),
    /// One of these alternatives.
    Either(Vec<Vec<Part>>),
    /// The text that follows does not match these parts.
    Not(Vec<Part>),
    /// The name ends here.
    End,
}

/// A class of characters.
#[derive(Debug, PartialEq, Eq)]
pub enum Class {
    /// Every character.
    Any,
    /// `0` to `9`.
    Digit,
    /// These characters.
    In(String),
    /// Every character but these.
    NotIn(String),
}

/// Reason for which an expression is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {at}")]
pub struct Error {
    reason: &'static str,
    at: usize,
}

/// Translates `expression`.
pub fn translate(expression: &str) -> Result<Vec<Part>, Error> {
    let mut reader = Reader {
        characters: expression.chars().collect(),
        at: 0,
    };
    if !reader.take("^") {
        return Err(reader.refuse("an expression that is not anchored at the start"));
    }
    let parts = reader.sequence()?;
    if reader.at < reader.characters.len() {
        return Err(reader.refuse("alternatives outside of a group, or a group that is not open"));
    }
    Ok(parts)
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn refuse(&self, reason: &'static str) -> Error {
        Error {
            reason,
            at: self.at,
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Result<char, Error> {
        let next = self
            .peek()
            .ok_or_else(|| self.refuse("an unfinished expression"))?;
        self.at += 1;
        Ok(next)
    }

    fn take(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let taken = self
            .characters
            .get(self.at..self.at + length)
            .is_some_and(|next| next.iter().copied().eq(text.chars()));
        if taken {
            self.at += length;
        }
        taken
    }

    /// Reads up to `|`, `)` or the end.
    fn sequence(&mut self) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek().filter(|next| !matches!(next, '|' | ')')) {
            let part = match next {
                '$' => {
                    self.at += 1;
                    Part::End
                }
                '(' => self.group()?,
                _ => self.characters()?,
            };
            match (parts.last_mut(), part) {
                (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        Ok(parts)
    }

    fn group(&mut self) -> Result<Part, Error> {
        let refused = self.take("(?!");
        if !refused && !self.take("(?:") {
            return Err(self.refuse("a group of an unknown kind"));
        }
        let mut alternatives = vec![self.sequence()?];
        while self.take("|") {
            alternatives.push(self.sequence()?);
        }
        if !self.take(")") {
            return Err(self.refuse("a group without an end"));
        }
        if refused {
            return Ok(Part::Not(match alternatives.len() {
                1 => alternatives.remove(0),
                _ => vec![Part::Either(alternatives)],
            }));
        }
        if self.take("?") {
            alternatives.push(Vec::new());
        }
        Ok(Part::Either(alternatives))
    }

    /// Reads one character or class, and its count.
    fn characters(&mut self) -> Result<Part, Error> {
        let (class, literal) = match self.next()? {
            '.' => (Class::Any, None),
            '[' => (self.class()?, None),
            '\\' => match self.next()? {
                'd' => (Class::Digit, None),
                mark if mark.is_ascii_punctuation() => (Class::In(mark.into()), Some(mark)),
                _ => return Err(self.refuse("an unknown escape")),
            },
            mark @ ('?' | '*' | '+' | '{' | '}' | ']' | '^') => {
                return Err(self.refuse(match mark {
                    '^' => "a second start",
                    _ => "a count of nothing",
                }));
            }
            letter if letter.is_ascii() => (Class::In(letter.into()), Some(letter)),
            _ => return Err(self.refuse("a character that is not ASCII")),
        };
        Ok(match (self.count()?, literal) {
            ((1, Some(1)), Some(letter)) => Part::Text(letter.into()),
            ((min, max), _) => Part::Run(class, min, max),
        })
    }

    fn class(&mut self) -> Result<Class, Error> {
        let without = self.take("^");
        let mut members = String::new();
        loop {
            match self.next()? {
                ']' if !members.is_empty() => break,
                // A dash is itself only at an end; ranges are not needed.
                '-' if !members.is_empty() && self.peek() != Some(']') => {
                    return Err(self.refuse("a range of characters"));
                }
                '\\' | '[' | ']' | '&' | '~' => {
                    return Err(self.refuse("a class that is not a list"));
                }
                member if member.is_ascii() => members.push(member),
                _ => return Err(self.refuse("a character that is not ASCII")),
            }
        }
        Ok(if without {
            Class::NotIn(members)
        } else {
            Class::In(members)
        })
    }

    fn count(&mut self) -> Result<(usize, Option<usize>), Error> {
        if self.take("?") {
            return Ok((0, Some(1)));
        }
        if self.take("*") {
            return Ok((0, None));
        }
        if self.take("+") {
            return Ok((1, None));
        }
        if !self.take("{") {
            return Ok((1, Some(1)));
        }
        let mut digits = String::new();
        loop {
            match self.next()? {
                '}' => break,
                digit => digits.push(digit),
            }
        }
        let count = digits
            .parse()
            .map_err(|_| self.refuse("a count that is not one number"))?;
        Ok((count, Some(count)))
    }
}

impl Display for Part {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "Text({text:?})"),
            Self::Run(class, min, None) => write!(out, "Run({class}, {min}, usize::MAX)"),
            Self::Run(class, min, Some(max)) => write!(out, "Run({class}, {min}, {max})"),
            Self::Either(alternatives) => {
                let alternatives: Vec<_> = alternatives.iter().map(|parts| list(parts)).collect();
                write!(out, "Either(&[{}])", alternatives.join(", "))
            }
            Self::Not(parts) => write!(out, "Not({})", list(parts)),
            Self::End => out.write_str("End"),
        }
    }
}

impl Display for Class {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("Any"),
            Self::Digit => out.write_str("Digit"),
            Self::In(members) => write!(out, "In({members:?})"),
            Self::NotIn(members) => write!(out, "NotIn({members:?})"),
        }
    }
}

/// Writes parts as a Rust slice.
pub fn list(parts: &[Part]) -> String {
    let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    format!("&[{}]", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_that_the_source_uses_is_translated() {
        for (expression, parts) in [
            (r"^o[134]", r#"&[Text("o"), Run(In("134"), 1, 1)]"#),
            (
                r"^gpt-5\.6-\d{4}$",
                r#"&[Text("gpt-5.6-"), Run(Digit, 4, 4), End]"#,
            ),
            (
                r"^a[-@]\d",
                r#"&[Text("a"), Run(In("-@"), 1, 1), Run(Digit, 1, 1)]"#,
            ),
            (r"^a\[b=c\]$", r#"&[Text("a[b=c]"), End]"#),
            (
                r"^(?!.*-[tT](?:$|-))",
                r#"&[Not(&[Run(Any, 0, usize::MAX), Text("-"), Run(In("tT"), 1, 1), Either(&[&[End], &[Text("-")]])])]"#,
            ),
            (
                r"^(?![^/]+/)(?:labs-)?(?:(?:mi|co)stral|open-(?:a|b))",
                r#"&[Not(&[Run(NotIn("/"), 1, usize::MAX), Text("/")]), Either(&[&[Text("labs-")], &[]]), Either(&[&[Either(&[&[Text("mi")], &[Text("co")]]), Text("stral")], &[Text("open-"), Either(&[&[Text("a")], &[Text("b")]])]])]"#,
            ),
        ] {
            assert_eq!(
                translate(expression).map(|parts| list(&parts)).as_deref(),
                Ok(parts),
                "{expression}"
            );
        }
    }

    #[test]
    fn all_other_syntax_is_refused() {
        for expression in [
            "", "a", "a|^b", "^a|b", "^(a)", "^(?=a)", "^(?i)a", "^a)", "^(?:a", r"^\w", r"^\bx",
            "^[a-z]", r"^[\d]", "^[]", "^*", "^a**", "^a+?", "^a{1,2}", "^a{,2}", "^a{", "^^a",
            "^é", "^(?:a)*", "^(?!a)?",
        ] {
            assert!(translate(expression).is_err(), "{expression}");
        }
    }
}
