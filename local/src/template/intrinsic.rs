//! Resolves a template to plain JSON: parameters, conditions, `!Ref`, `!Sub` and `!GetAtt`.
//!
//! A reference to a resource becomes the resource's name in the template.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::Error;

/// The reference that removes a property.
const NO_VALUE: &str = "AWS::NoValue";

/// Pseudo parameters of a deployment.
const PSEUDO: [(&str, &str); 4] = [
    ("AWS::AccountId", "000000000000"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackName", "sparks-local"),
];

/// Returns the resolved `Globals` and `Resources` of the template.
pub(super) fn resolve(text: &str, given: &BTreeMap<String, String>) -> Result<Value, Error> {
    let document: Yaml = serde_yaml_ng::from_str(text).map_err(Error::Yaml)?;
    let names = Names::new(&document, given)?;
    let mut resolved = Map::new();
    for section in ["Globals", "Resources"] {
        let value = document
            .get(section)
            .map_or(Ok(Value::Null), |value| names.resolve(value))?;
        resolved.insert(section.to_owned(), value);
    }
    Ok(Value::Object(resolved))
}

/// Everything that a reference can name.
struct Names<'a> {
    values: BTreeMap<String, Value>,
    conditions: Option<&'a Yaml>,
}

impl<'a> Names<'a> {
    fn new(document: &'a Yaml, given: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut names = BTreeMap::new();
        let declared = document.get("Parameters").and_then(Yaml::as_mapping);
        for (name, parameter) in declared.into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let value = given
                .get(name)
                .cloned()
                .or_else(|| parameter.get("Default").and_then(scalar))
                .ok_or_else(|| Error::Missing(name.to_owned()))?;
            names.insert(name.to_owned(), typed(parameter, value));
        }
        if let Some(name) = given.keys().find(|name| !names.contains_key(*name)) {
            return Err(Error::Undeclared(name.clone()));
        }
        let resources = document.get("Resources").and_then(Yaml::as_mapping);
        let resources = resources
            .into_iter()
            .flat_map(|all| all.keys())
            .filter_map(Yaml::as_str);
        for name in resources {
            names.insert(name.to_owned(), name.into());
        }
        for (name, value) in PSEUDO {
            names.insert(name.to_owned(), value.into());
        }
        Ok(Self {
            values: names,
            conditions: document.get("Conditions"),
        })
    }

    fn resolve(&self, yaml: &Yaml) -> Result<Value, Error> {
        match yaml {
            Yaml::Tagged(tagged) => self.intrinsic(&tagged.tag.to_string(), &tagged.value),
            Yaml::Sequence(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Yaml::Mapping(entries) => {
                let mut object = Map::new();
                for (key, value) in entries {
                    let key = scalar(key).ok_or_else(|| Error::Intrinsic(format!("{key:?}")))?;
                    if !self.is_none(value) {
                        object.insert(key, self.resolve(value)?);
                    }
                }
                Ok(Value::Object(object))
            }
            plain => serde_yaml_ng::from_value(plain.clone()).map_err(Error::Yaml),
        }
    }

    fn intrinsic(&self, tag: &str, argument: &Yaml) -> Result<Value, Error> {
        match (tag, argument.as_str()) {
            ("!Ref", Some(name)) => self.named(name).cloned(),
            ("!Sub", Some(text)) => self.substitute(text).map(Value::String),
            ("!GetAtt", Some(path)) => {
                let (resource, _) = path.split_once('.').unwrap_or((path, ""));
                self.named(resource).map(|_| path.into())
            }
            ("!Join", None) => self.join(argument).map(Value::String),
            ("!If", None) => self.resolve(self.chosen(argument)?),
            _ => Err(Error::Intrinsic(tag.to_owned())),
        }
    }

    /// Returns whether a property's value is `AWS::NoValue`.
    fn is_none(&self, yaml: &Yaml) -> bool {
        match yaml {
            Yaml::Tagged(tagged) if tagged.tag == "Ref" => tagged.value.as_str() == Some(NO_VALUE),
            Yaml::Tagged(tagged) if tagged.tag == "If" => {
                let chosen = self.chosen(&tagged.value);
                chosen.is_ok_and(|chosen| self.is_none(chosen))
            }
            _ => false,
        }
    }

    /// Returns one of the two values of `!If [Condition, one, other]`.
    fn chosen<'y>(&self, argument: &'y Yaml) -> Result<&'y Yaml, Error> {
        let unclear = || Error::Intrinsic("!If".to_owned());
        let parts = argument.as_sequence().map(Vec::as_slice);
        let Some([Yaml::String(name), one, other]) = parts else {
            return Err(unclear());
        };
        let condition = self.conditions.and_then(|all| all.get(name.as_str()));
        let holds = self.holds(condition.ok_or_else(unclear)?)?;
        Ok(if holds { one } else { other })
    }

    /// Returns whether a condition holds: `!Not [condition]` or `!Equals [one, other]`.
    fn holds(&self, condition: &Yaml) -> Result<bool, Error> {
        let unclear = || Error::Intrinsic("a condition".to_owned());
        let Yaml::Tagged(tagged) = condition else {
            return Err(unclear());
        };
        let parts = tagged.value.as_sequence().map(Vec::as_slice);
        match (tagged.tag.to_string().as_str(), parts) {
            ("!Not", Some([inner])) => Ok(!self.holds(inner)?),
            // Parameters are texts, whatever their type.
            ("!Equals", Some([one, other])) => {
                let text = |yaml: &Yaml| match scalar(yaml) {
                    Some(text) => Ok(Value::String(text)),
                    None => self.resolve(yaml),
                };
                Ok(text(one)? == text(other)?)
            }
            _ => Err(unclear()),
        }
    }

    /// Joins texts. The form is `!Join [",", !Ref List]`, or with a list of texts in place of the reference.
    fn join(&self, argument: &Yaml) -> Result<String, Error> {
        let unclear = || Error::Intrinsic("!Join".to_owned());
        let resolved = self.resolve(argument)?;
        let Some([Value::String(joint), Value::Array(parts)]) =
            resolved.as_array().map(Vec::as_slice)
        else {
            return Err(unclear());
        };
        let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
        Ok(parts.ok_or_else(unclear)?.join(joint))
    }

    fn named(&self, name: &str) -> Result<&Value, Error> {
        self.values
            .get(name)
            .ok_or_else(|| Error::Unresolved(name.to_owned()))
    }

    /// Replaces `${Name}`; `${!Name}` becomes a literal `${Name}`.
    fn substitute(&self, text: &str) -> Result<String, Error> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| Error::Unresolved(text.to_owned()))?;
            filled.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => filled.extend(["${", literal, "}"]),
                None => match self.named(name.split('.').next().unwrap_or(name))? {
                    Value::String(value) if !name.contains('.') => filled.push_str(value),
                    _ => filled.push_str(name),
                },
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// Returns a parameter's value as `!Ref` does: a text, or a list of texts.
fn typed(parameter: &Yaml, value: String) -> Value {
    match parameter.get("Type").and_then(Yaml::as_str) {
        Some("CommaDelimitedList") => value.split(',').map(str::trim).collect(),
        _ => Value::String(value),
    }
}

fn scalar(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
