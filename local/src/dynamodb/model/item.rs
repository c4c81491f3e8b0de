//! Items: attributes by their names, which are shared and never change once they are an item.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::value::{Text, Value};

/// Attributes in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(Vec<(Arc<str>, Value)>);

impl Attributes {
    /// The value of an attribute.
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

    /// Takes an attribute away, if it is there.
    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.0.remove(place);
        }
    }

    /// All names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes that they count for, as DynamoDB counts.
    pub(super) fn size(&self) -> usize {
        let sizes = self.0.iter().map(|(name, value)| name.len() + value.size());
        sizes.sum()
    }

    /// Only those that are named.
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

/// An item as it is, or was; a clone is the same.
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

    /// Reads an item in DynamoDB's JSON.
    pub(in super::super) fn of_json(json: serde_json::Value) -> serde_json::Result<Self> {
        serde_json::from_value(json).map(Self::new)
    }

    /// A text attribute; nothing when it is absent or no text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::S(text)) => Some(text),
            _ => None,
        }
    }

    /// A number attribute; nothing when it is absent or no number.
    pub fn integer(&self, name: &str) -> Option<i128> {
        match self.get(name) {
            Some(Value::N(number)) => Some(*number),
            _ => None,
        }
    }

    /// The texts of a set; none when it is absent or no set.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = match self.get(name) {
            Some(Value::Ss(texts)) => &**texts,
            _ => &[],
        };
        texts.iter().map(|text| &**text)
    }

    /// Its attributes' names, in order.
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

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.attributes().serialize(serializer)
    }
}
