//! Keys of items: parts in DynamoDB's sort order, and key schemas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::item::{Attributes, Number, Value};
use super::refusal::Refusal;

/// The longest hash and range keys.
const MAX_HASH_BYTES: usize = 2048;
const MAX_RANGE_BYTES: usize = 1024;

const NOT_OF_SCHEMA: &str = "The provided key element does not match the schema";

/// A part of a key. `Last` sorts after all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    N(Number),
    S(Arc<str>),
    Last,
}

/// A key of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) hash: Part,
    pub(super) range: Option<Part>,
}

impl Key {
    /// A key that sorts after every other.
    pub(super) const LAST: Self = Self {
        hash: Part::Last,
        range: Some(Part::Last),
    };
}

impl Part {
    /// Converts a value to a part of a key. `None` if its type cannot be in a key.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::S(text) => Some(Self::S(text.clone())),
            Value::N(number) => Some(Self::N(*number)),
            Value::Ss(_) => None,
        }
    }
}

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    S,
    N,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
        }
    }
}

/// A key attribute and its type.
#[derive(Clone, Debug)]
pub(super) struct KeyAttribute {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl KeyAttribute {
    /// Returns whether a value is of its type.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        value.type_name() == self.kind.name()
    }
}

/// The attributes of a key.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) hash: KeyAttribute,
    pub(super) range: Option<KeyAttribute>,
}

impl Schema {
    /// Returns its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.range)
    }

    /// Returns the names of its attributes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes().map(|attribute| attribute.name.as_str())
    }

    /// Returns whether an attribute is part of it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Returns the key of an item. `None` if the item lacks one, since an index need not list all items.
    pub(super) fn key(&self, item: &Attributes) -> Option<Key> {
        let part = |attribute: &KeyAttribute| {
            let value = item.get(&attribute.name)?;
            attribute.accepts(value).then(|| Part::of(value))?
        };
        Some(Key {
            hash: part(&self.hash)?,
            range: match &self.range {
                Some(attribute) => Some(part(attribute)?),
                None => None,
            },
        })
    }

    /// Reads the key in a request.
    pub(super) fn named(&self, key: &Attributes) -> Result<Key, Refusal> {
        let refuse = || Refusal::Invalid(NOT_OF_SCHEMA.to_owned());
        if key.len() != self.attributes().count() {
            return Err(refuse());
        }
        for (place, attribute) in self.attributes().enumerate() {
            let value = key.get(&attribute.name).ok_or_else(refuse)?;
            if !attribute.accepts(value) {
                return Err(refuse());
            }
            check(attribute, value, place == 0)?;
        }
        self.key(key).ok_or_else(refuse)
    }

    /// Returns the key of an item to be written.
    pub(super) fn of_new(&self, item: &Attributes) -> Result<Key, Refusal> {
        let wrong =
            |what| Refusal::Invalid(format!("One or more parameter values were invalid: {what}"));
        for (place, attribute) in self.attributes().enumerate() {
            let name = &attribute.name;
            let value = item.get(name);
            let value =
                value.ok_or_else(|| wrong(format!("Missing the key {name} in the item")))?;
            if !attribute.accepts(value) {
                return Err(wrong(format!(
                    "Type mismatch for key {name} expected: {} actual: {}",
                    attribute.kind.name(),
                    value.type_name()
                )));
            }
            check(attribute, value, place == 0)?;
        }
        let key = self.key(item);
        key.ok_or_else(|| Refusal::Invalid(NOT_OF_SCHEMA.to_owned()))
    }
}

fn check(attribute: &KeyAttribute, value: &Value, is_hash: bool) -> Result<(), Refusal> {
    let Value::S(text) = value else {
        return Ok(());
    };
    if text.is_empty() {
        return Err(Refusal::EmptyKey(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
             empty string value. Key: {}",
            attribute.name
        )));
    }
    let (limit, what) = if is_hash {
        (
            MAX_HASH_BYTES,
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        )
    } else {
        (
            MAX_RANGE_BYTES,
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        )
    };
    if text.len() > limit {
        return Err(Refusal::Invalid(format!(
            "One or more parameter values were invalid: {what}"
        )));
    }
    Ok(())
}
