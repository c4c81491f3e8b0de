//! Items: immutable, shared attributes by name.

mod number;
mod value;

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

pub(super) use number::Number;
use value::Text;
pub(super) use value::{INVALID, Value};

/// Attributes in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Attributes(Vec<(Arc<str>, Value)>);

impl Attributes {
    /// Returns the value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let place = self.place(name).ok()?;
        Some(&self.0[place].1)
    }

    /// Sets an attribute.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match self.place(name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name.into(), value)),
        }
    }

    /// Removes an attribute, if it is present.
    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.0.remove(place);
        }
    }

    /// Returns all names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Returns all values.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Returns the number of attributes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns their size in bytes, as DynamoDB counts it.
    pub(super) fn size(&self) -> usize {
        let sizes = self.0.iter().map(|(name, value)| name.len() + value.size());
        sizes.sum()
    }

    /// Returns only the attributes with these names.
    pub(super) fn only<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut left = Self::default();
        for name in names {
            if let Some(value) = self.get(name) {
                left.set(name, value.clone());
            }
        }
        left
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// An item, now or in the past; clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item(Arc<Kept>);

#[derive(Debug, PartialEq, Eq)]
struct Kept {
    attributes: Attributes,
    size: usize,
}

impl Item {
    pub(super) fn new(attributes: Attributes) -> Self {
        let size = attributes.size();
        Self(Arc::new(Kept { attributes, size }))
    }

    /// Returns a text attribute; `None` if it is absent or not a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::S(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns a number attribute; `None` if it is absent or not an integer.
    pub fn integer(&self, name: &str) -> Option<i128> {
        match self.get(name) {
            Some(Value::N(number)) => number.integer(),
            _ => None,
        }
    }

    /// Returns the texts of a set; none if it is absent or not a set.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = match self.get(name) {
            Some(Value::Ss(texts)) => &**texts,
            _ => &[],
        };
        texts.iter().map(|text| &**text)
    }

    /// Returns the names of its attributes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.attributes.names()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.attributes.get(name)
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.0.attributes
    }

    pub(super) fn size(&self) -> usize {
        self.0.size
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of AttributeValues")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut read = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    read.push((name, value));
                }
                read.sort_by(|(one, _), (other, _): &(Arc<str>, Value)| one.cmp(other));
                Ok(Attributes(read))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Attributes::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.attributes().serialize(serializer)
    }
}
