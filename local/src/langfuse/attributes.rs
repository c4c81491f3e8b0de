//! OpenTelemetry's attributes: a list of keys and typed values, read into plain JSON.

use serde_json::{Map, Value};

/// The attributes of a span or a resource, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(Map<String, Value>);

impl Attributes {
    /// Reads `[{"key":…,"value":{"stringValue":…}}]`; none is no list at all.
    pub(super) fn read(list: &Value) -> Result<Self, String> {
        let list = match list {
            Value::Null => return Ok(Self::default()),
            Value::Array(list) => list,
            _ => return Err("`attributes` is no list".to_owned()),
        };
        let mut attributes = Map::new();
        for attribute in list {
            let key = attribute["key"].as_str().unwrap_or_default();
            if key.is_empty() {
                return Err("an attribute has no key".to_owned());
            }
            let value = plain(&attribute["value"]).ok_or_else(|| {
                format!(
                    "attribute `{key}` is no stringValue, intValue (in quotes), doubleValue, \
                     boolValue or arrayValue of them"
                )
            })?;
            if attributes.insert(key.to_owned(), value).is_some() {
                return Err(format!(
                    "attribute `{key}` is there twice: Langfuse keeps one"
                ));
            }
        }
        Ok(Self(attributes))
    }

    /// An attribute, as plain JSON.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The first of some attributes that is there.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The first of some attributes that is there and no empty text.
    pub(super) fn given(&self, keys: &[&str]) -> Option<&Value> {
        let mut there = keys.iter().filter_map(|key| self.get(key));
        there.find(|value| value.as_str() != Some(""))
    }

    /// All attributes whose key begins with `prefix`, by the rest of the key.
    pub(super) fn below(&self, prefix: &str) -> Map<String, Value> {
        let entries = self.0.iter();
        let below = entries.filter_map(|(key, value)| {
            let rest = key.strip_prefix(prefix)?;
            Some((rest.to_owned(), value.clone()))
        });
        below.collect()
    }

    /// All of them.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

fn plain(value: &Value) -> Option<Value> {
    let typed = value.as_object().filter(|typed| typed.len() == 1)?;
    let (kind, value) = typed.iter().next()?;
    match (kind.as_str(), value) {
        ("stringValue", Value::String(_))
        | ("boolValue", Value::Bool(_))
        | ("doubleValue", Value::Number(_)) => Some(value.clone()),
        ("intValue", Value::String(digits)) => digits.parse::<i64>().ok().map(Value::from),
        ("arrayValue", _) => {
            let values = value["values"].as_array()?.iter();
            values
                .map(plain)
                .collect::<Option<Vec<_>>>()
                .map(Value::from)
        }
        _ => None,
    }
}
