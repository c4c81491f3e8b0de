//! Stripe's parameters: form-encoded, with brackets for nested ones (`payload[value]`). The JSON of version 2 is read
//! into the same shape.
//!
//! An operation takes the parameters that it knows; [`Form::finish`] refuses the rest.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::error::{Error, Result};
use super::json::pointer;

const MAX_METADATA_PAIRS: usize = 50;
const MAX_METADATA_KEY_CHARACTERS: usize = 40;
const MAX_METADATA_VALUE_CHARACTERS: usize = 500;

/// The way in which a parameter changes the member of an object that it names.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// A text of at most so many characters.
    Text(usize),
    /// A text of at most so many characters; an empty one becomes null.
    Optional(usize),
    Truth,
    /// Changes of metadata.
    Metadata,
    /// Changes of metadata, which is null when it is empty.
    MetadataOrNull,
}

/// The parameters of a call that the operation has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body or a query. Refuses a repeated parameter, since one of the two would be lost.
    /// Numbers the values of a list without numbers, `expand[]`.
    pub(crate) fn read(encoded: &[u8]) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        let mut unnumbered = 0;
        for (name, value) in form_urlencoded::parse(encoded) {
            let name = match name.strip_suffix("[]") {
                Some(list) => {
                    unnumbered += 1;
                    format!("{list}[{unnumbered}]")
                }
                None => name.into_owned(),
            };
            let earlier = parameters.insert(name.clone(), value.into_owned());
            if earlier.is_some() {
                let message = format!("Parameter given twice: {name}.");
                return Err(Error::param("parameter_invalid", &name, message));
            }
        }
        Ok(Self(parameters))
    }

    /// Reads a JSON body of version 2. All values must be strings; nested ones get brackets. A null removes a nested
    /// value, and is ignored elsewhere.
    pub(crate) fn of_json(body: &[u8]) -> Result<Self> {
        let read: Value = serde_json::from_slice(body)
            .map_err(|error| Error::invalid(format!("The body is not JSON: {error}")))?;
        let Value::Object(fields) = read else {
            return Err(Error::invalid("The body must be a JSON object."));
        };
        let mut form = Self::default();
        for (name, value) in fields {
            form.add(name, value)?;
        }
        Ok(form)
    }

    fn add(&mut self, name: String, value: Value) -> Result<()> {
        match value {
            Value::String(text) => drop(self.0.insert(name, text)),
            Value::Null if name.ends_with(']') => drop(self.0.insert(name, String::new())),
            Value::Null => {}
            Value::Array(list) => {
                for (number, value) in list.into_iter().enumerate() {
                    self.add(format!("{name}[{number}]"), value)?;
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.add(format!("{name}[{key}]"), value)?;
                }
            }
            Value::Bool(_) | Value::Number(_) => {
                let message = format!("Invalid {name}: it must be a string, and is `{value}`.");
                return Err(Error::param("parameter_invalid", &name, message));
            }
        }
        Ok(())
    }

    /// Takes a text of at most `max` characters, which may be empty.
    pub(crate) fn text(&mut self, name: &str, max: usize) -> Result<Option<String>> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        if text.chars().count() > max {
            let message = format!("Invalid string: {name} must be at most {max} characters.");
            return Err(Error::param("parameter_invalid", name, message));
        }
        Ok(Some(text))
    }

    /// Returns a parameter without taking it.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes a required text, which must not be empty.
    pub(crate) fn required(&mut self, name: &str, max: usize) -> Result<String> {
        match self.text(name, max)? {
            None => Err(Error::missing(name)),
            Some(text) if text.is_empty() => {
                let message = format!("You passed an empty string for '{name}'.");
                Err(Error::param("parameter_invalid_empty", name, message))
            }
            Some(text) => Ok(text),
        }
    }

    /// Takes a whole number.
    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let message = format!("Invalid integer: {text}");
            Error::param("parameter_invalid_integer", name, message)
        })
    }

    /// Takes one of the given words.
    pub(crate) fn word<'w>(&mut self, name: &str, words: &[&'w str]) -> Result<Option<&'w str>> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        let known = words.iter().find(|word| **word == text).copied();
        known.map(Some).ok_or_else(|| {
            let words = words.join(", ");
            let message = format!("Invalid {name}: must be one of {words}");
            Error::param("parameter_invalid", name, message)
        })
    }

    /// Takes `true` or `false`.
    pub(crate) fn truth(&mut self, name: &str) -> Result<Option<bool>> {
        let word = self.word(name, &["true", "false"])?;
        Ok(word.map(|word| word == "true"))
    }

    /// Takes `name[0]`, `name[1]` and so on, in their order.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let numbered = self.nested(name).into_iter();
        let mut numbered: Vec<_> = numbered
            .map(|(number, value)| (number.parse::<u32>().unwrap_or(u32::MAX), value))
            .collect();
        numbered.sort();
        numbered.into_iter().map(|(_, value)| value).collect()
    }

    /// Returns whether `name` or any `name[…]` is present.
    pub(crate) fn has(&self, name: &str) -> bool {
        let below = format!("{name}[");
        self.0
            .keys()
            .any(|key| key == name || key.starts_with(&below))
    }

    /// Takes all of `name[…]`, by the text between the brackets.
    pub(crate) fn nested(&mut self, name: &str) -> BTreeMap<String, String> {
        let inside = |key: &str| -> Option<String> {
            let key = key.strip_prefix(name)?.strip_prefix('[')?;
            Some(key.strip_suffix(']')?.to_owned())
        };
        let taken = self.0.extract_if(.., |key, _| inside(key).is_some());
        taken
            .filter_map(|(key, value)| Some((inside(&key)?, value)))
            .collect()
    }

    /// Changes metadata by the parameters `name[…]`. An empty value removes its key, an empty `name` all keys.
    pub(crate) fn change_metadata(
        &mut self,
        name: &str,
        metadata: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        if self.text(name, 0)?.is_some() {
            metadata.clear();
        }
        for (key, value) in self.nested(name) {
            let long = key.chars().count() > MAX_METADATA_KEY_CHARACTERS
                || value.chars().count() > MAX_METADATA_VALUE_CHARACTERS;
            if long {
                let message = format!(
                    "Metadata keys have at most {MAX_METADATA_KEY_CHARACTERS} characters, \
                     values at most {MAX_METADATA_VALUE_CHARACTERS}."
                );
                let param = format!("{name}[{key}]");
                return Err(Error::param("parameter_invalid", &param, message));
            }
            if value.is_empty() {
                metadata.remove(&key);
            } else {
                metadata.insert(key, value);
            }
        }
        if metadata.len() > MAX_METADATA_PAIRS {
            let message = format!("Metadata has at most {MAX_METADATA_PAIRS} keys.");
            return Err(Error::param("parameter_invalid", name, message));
        }
        Ok(())
    }

    /// Takes the metadata given under `name`.
    pub(crate) fn metadata(&mut self, name: &str) -> Result<BTreeMap<String, String>> {
        let mut metadata = BTreeMap::new();
        self.change_metadata(name, &mut metadata)?;
        Ok(metadata)
    }

    /// Changes an object by the parameters that are given.
    pub(crate) fn change(&mut self, object: &mut Value, rules: &[(&str, Rule)]) -> Result<()> {
        for (name, rule) in rules {
            let changed = match rule {
                Rule::Text(max) => self.text(name, *max)?.map(Value::from),
                Rule::Optional(max) => {
                    let text = self.text(name, *max)?;
                    text.map(|text| Some(text).filter(|text| !text.is_empty()).into())
                }
                Rule::Truth => self.truth(name)?.map(Value::from),
                Rule::Metadata | Rule::MetadataOrNull => {
                    let known = serde_json::from_value(object[*name].take());
                    let mut metadata = known.unwrap_or_default();
                    self.change_metadata(name, &mut metadata)?;
                    let null = matches!(rule, Rule::MetadataOrNull) && metadata.is_empty();
                    let pairs = metadata.into_iter();
                    Some(if null { Value::Null } else { pairs.collect() })
                }
            };
            let member = object.pointer_mut(&pointer(name));
            if let (Some(member), Some(changed)) = (member, changed) {
                *member = changed;
            }
        }
        Ok(())
    }

    /// Takes a required whole number.
    pub(crate) fn required_integer(&mut self, name: &str) -> Result<i64> {
        self.integer(name)?.ok_or_else(|| Error::missing(name))
    }

    /// Takes one of the given words, which is required.
    pub(crate) fn required_word<'w>(&mut self, name: &str, words: &[&'w str]) -> Result<&'w str> {
        self.word(name, words)?.ok_or_else(|| Error::missing(name))
    }

    /// Takes a whole number above zero.
    pub(crate) fn positive(&mut self, name: &str) -> Result<Option<i64>> {
        let number = self.integer(name)?;
        if number.is_some_and(|number| number < 1) {
            let message = "This value must be greater than or equal to 1.";
            return Err(Error::param("parameter_invalid_integer", name, message));
        }
        Ok(number)
    }

    /// Fails if any parameter has not been taken.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(unknown) => {
                let message = format!("Received unknown parameter: {unknown}");
                Err(Error::param("parameter_unknown", unknown, message))
            }
        }
    }
}

/// Formats the parameters in the order of their names.
impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        formatter.write_str(&encoded.extend_pairs(&self.0).finish())
    }
}
