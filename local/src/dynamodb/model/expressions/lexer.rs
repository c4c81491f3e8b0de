//! The lexer of expressions.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that are not attribute names, unless given by a placeholder.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>
static RESERVED: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("reserved.txt").split_whitespace().collect());

/// All operators and punctuation, the longer ones first.
const SIGNS: [&str; 11] = ["<>", "<=", ">=", "<", ">", "=", "+", "-", "(", ")", ","];

/// One word of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// An operator or punctuation.
    Sign(&'a str),
    /// A placeholder of a value, with its colon.
    Value(&'a str),
    /// A name, a placeholder of a name with its `#`, a function or a keyword.
    Name(&'a str),
}

/// The remaining words of an expression.
pub(super) struct Words<'a> {
    words: Vec<Word<'a>>,
    next: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(mut text: &'a str) -> Result<Self, String> {
        let mut words = Vec::new();
        loop {
            text = text.trim_ascii_start();
            let Some(first) = text.chars().next() else {
                break;
            };
            let sign = SIGNS.iter().find(|sign| text.starts_with(**sign));
            let length = match (first, sign) {
                (_, Some(sign)) => sign.len(),
                ('#' | ':', None) => 1 + word_length(&text[1..]),
                ('a'..='z' | 'A'..='Z' | '_', None) => word_length(text),
                ('.' | '[', None) => {
                    return Err(
                        "the model of DynamoDB does not support paths into documents".to_owned(),
                    );
                }
                _ => return Err(format!("Syntax error; token: \"{first}\"")),
            };
            let (word, rest) = text.split_at(length);
            words.push(match first {
                _ if sign.is_some() => Word::Sign(word),
                ':' => Word::Value(word),
                _ => Word::Name(word),
            });
            text = rest;
        }
        if words.is_empty() {
            return Err("The expression can not be empty;".to_owned());
        }
        Ok(Self { words, next: 0 })
    }

    pub(super) fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    pub(super) fn take(&mut self) -> Option<Word<'a>> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// Takes the next word if it is this sign.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.peek() == Some(Word::Sign(sign));
        self.next += usize::from(is);
        is
    }

    /// Takes the next word if it is this keyword.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let is =
            matches!(self.peek(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword));
        self.next += usize::from(is);
        is
    }

    /// Takes a function and its opening parenthesis, if they are next.
    pub(super) fn take_function(&mut self) -> Option<&'a str> {
        let Some(Word::Name(name)) = self.peek() else {
            return None;
        };
        let opened = self.words.get(self.next + 1) == Some(&Word::Sign("("));
        // A name before a parenthesis may be a keyword.
        if !opened
            || ["AND", "OR", "NOT", "IN", "BETWEEN"]
                .iter()
                .any(|word| name.eq_ignore_ascii_case(word))
        {
            return None;
        }
        self.next += 2;
        Some(name)
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.wrong())
    }

    pub(super) fn expect_value(&mut self) -> Result<String, String> {
        match self.peek() {
            Some(Word::Value(name)) => {
                self.next += 1;
                Ok(name.to_owned())
            }
            _ => Err(self.wrong()),
        }
    }

    /// Takes an attribute's name or its placeholder.
    pub(super) fn expect_name(&mut self) -> Result<String, String> {
        match self.peek() {
            Some(Word::Name(name)) => {
                if RESERVED.contains(name.to_ascii_uppercase().as_str()) {
                    return Err(format!(
                        "Attribute name is a reserved keyword; reserved keyword: {name}"
                    ));
                }
                self.next += 1;
                Ok(name.to_owned())
            }
            _ => Err(self.wrong()),
        }
    }

    /// Refuses redundant parentheses.
    pub(super) fn check_parentheses(&self) -> Result<(), String> {
        let (mut open, mut last_closed) = (Vec::new(), None);
        for (place, word) in self.words.iter().enumerate() {
            match word {
                Word::Sign("(") => open.push(place),
                Word::Sign(")") => {
                    let from = open.pop();
                    let around = from.map(|from| (from + 1, place.saturating_sub(1)));
                    if around.is_some() && around == last_closed {
                        return Err("The expression has redundant parentheses;".to_owned());
                    }
                    last_closed = from.map(|from| (from, place));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses any remaining word.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong()),
        }
    }

    /// Returns the error for an unexpected word.
    pub(super) fn wrong(&self) -> String {
        let token = match self.peek() {
            Some(Word::Sign(word) | Word::Value(word) | Word::Name(word)) => word,
            None => "<EOF>",
        };
        format!("Syntax error; token: \"{token}\"")
    }
}

fn word_length(text: &str) -> usize {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.bytes().take_while(is_of_word).count()
}
