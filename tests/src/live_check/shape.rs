//! The shape of an answer. It is the type at each path, and the values of fields from fixed lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The fields whose values are compared: Stripe takes them from fixed lists.
const WORDS: [&str; 10] = [
    "billing_reason",
    "case_type",
    "code",
    "collection_method",
    "currency",
    "mode",
    "object",
    "payment_status",
    "status",
    "type",
];

/// The longest word.
const MAX_WORD_BYTES: usize = 60;

/// The shape of a JSON value: a field for each path, such as `data[].id`. All elements of a list share one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shape(BTreeMap<String, Field>);

/// The content of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) types: BTreeSet<Type>,
    /// The values of a field of [`WORDS`]; `null` is one of them.
    pub(super) words: BTreeSet<String>,
}

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Null,
    Boolean,
    Number,
    String,
    List,
    Object,
}

impl Shape {
    /// Returns the shape of a body; it is empty if the body is not JSON.
    pub(super) fn of(body: &[u8]) -> Self {
        let mut shape = Self::default();
        if let Ok(body) = serde_json::from_slice::<Value>(body) {
            shape.add_content("", &body);
        }
        shape
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(path, field)| (path.as_str(), field))
    }

    pub(super) fn field(&self, path: &str) -> Option<&Field> {
        self.0.get(path)
    }

    fn add(&mut self, path: &str, name: &str, value: &Value) {
        let field = self.0.entry(path.to_owned()).or_default();
        field.types.insert(Type::of(value));
        if WORDS.contains(&name) {
            field.words.extend(word(value));
        }
        self.add_content(path, value);
    }

    fn add_content(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    // The keys of metadata are free, and those of other objects in the account are not ours.
                    if is_metadata(path) && !is_our_key(name) {
                        continue;
                    }
                    let below = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    self.add(&below, name, value);
                }
            }
            Value::Array(list) => {
                for value in list {
                    self.add(&format!("{path}[]"), "", value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn is_metadata(path: &str) -> bool {
    path == "metadata" || path.ends_with(".metadata")
}

fn is_our_key(name: &str) -> bool {
    name == "account" || name.starts_with("sparks_")
}

/// Returns a value as a word; None if it may be a buyer's free text.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::String(text) => {
            let clear = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte)
            };
            let is_word = text.len() <= MAX_WORD_BYTES && text.bytes().all(clear);
            is_word.then(|| text.clone())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Type {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl Field {
    /// Returns the types without null, because a field may be empty.
    pub(super) fn filled(&self) -> BTreeSet<Type> {
        let types = self.types.iter().copied();
        types.filter(|kind| *kind != Type::Null).collect()
    }

    /// The types in words.
    pub(super) fn type_names(&self) -> String {
        let names: Vec<&str> = self.types.iter().map(|kind| kind.as_str()).collect();
        names.join(" or ")
    }

    /// The words in one text.
    pub(super) fn word_list(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        words.join(" or ")
    }
}

/// The types, and the words behind a colon: `string: open or paid`.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_names())?;
        if self.words.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.word_list())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
