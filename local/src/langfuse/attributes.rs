//! OpenTelemetry's attributes: a list of keys and typed values, converted to plain JSON.

use serde_json::{Map, Value};

/// The attributes of a span or a resource, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(Map<String, Value>);

impl Attributes {
    /// Reads `[{"key":…,"value":{"stringValue":…}}]`; null means no attributes.
    pub(super) fn read(list: &Value) -> Result<Self, String> {
        let list = match list {
            Value::Null => return Ok(Self::default()),
            Value::Array(list) => list,
            _ => return Err("`attributes` is not a list".to_owned()),
        };
        let mut attributes = Map::new();
        for attribute in list {
            let key = attribute["key"].as_str().unwrap_or_default();
            if key.is_empty() {
                return Err("an attribute has no key".to_owned());
            }
            let value = plain(&attribute["value"]).ok_or_else(|| {
                format!(
                    "attribute `{key}` is not a stringValue, intValue (in quotes), doubleValue, \
                     boolValue or arrayValue of them"
                )
            })?;
            if attributes.insert(key.to_owned(), value).is_some() {
                return Err(format!(
                    "attribute `{key}` is repeated: Langfuse would keep one"
                ));
            }
        }
        Ok(Self(attributes))
    }

    /// Returns an attribute, as plain JSON.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Returns the first of these attributes that is present.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Returns the first of these attributes that is present and not an empty text.
    pub(super) fn given(&self, keys: &[&str]) -> Option<&Value> {
        let mut there = keys.iter().filter_map(|key| self.get(key));
        there.find(|value| value.as_str() != Some(""))
    }

    /// Returns the attributes whose key begins with `prefix`, by the rest of the key.
    pub(super) fn below(&self, prefix: &str) -> Map<String, Value> {
        let entries = self.0.iter();
        let below = entries.filter_map(|(key, value)| {
            let rest = key.strip_prefix(prefix)?;
            Some((rest.to_owned(), value.clone()))
        });
        below.collect()
    }

    /// Returns all attributes.
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
