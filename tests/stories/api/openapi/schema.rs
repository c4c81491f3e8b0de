//! Checks values against the part of JSON Schema that `openapi.yaml` uses; any other keyword fails.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// The treatment of members that a schema does not list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// Accepted unless the schema says otherwise.
    AsDocumented,
    /// Refused always: every member of an answer must be documented.
    Refused,
}

/// A schema, and the document that its references point into.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a> {
    pub(super) document: &'a Value,
    pub(super) rules: &'a Value,
    pub(super) unlisted: Unlisted,
}

/// Keywords that describe and do not constrain.
const ANNOTATIONS: [&str; 6] = [
    "description",
    "discriminator",
    "example",
    "examples",
    "format",
    "title",
];

impl<'a> Schema<'a> {
    /// Checks a value; an error says where it violates the schema, and why.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        self.check_at("", value)
    }

    fn of(self, rules: &'a Value) -> Self {
        Self { rules, ..self }
    }

    fn check_at(&self, path: &str, value: &Value) -> Result<(), String> {
        let schema = self.rules.as_object().expect("a schema is an object");
        for (keyword, rule) in schema {
            let holds = match keyword.as_str() {
                "$ref" => {
                    let pointer = rule
                        .as_str()
                        .and_then(|text| text.strip_prefix('#'))
                        .expect("a local reference");
                    let target = self
                        .document
                        .pointer(pointer)
                        .unwrap_or_else(|| panic!("no value at {pointer}"));
                    self.of(target).check_at(path, value)?;
                    true
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(Map::keys) {
                        let name = Value::from(name.as_str());
                        self.of(rule).check_at(path, &name)?;
                    }
                    true
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.of(rule).check_at(&format!("{path}[{index}]"), item)?;
                    }
                    true
                }
                "oneOf" => self.matching(rule, path, value)? == 1,
                "anyOf" => self.matching(rule, path, value)? >= 1,
                "properties" => {
                    self.check_members(schema, path, value)?;
                    true
                }
                "additionalProperties" => {
                    if rule.is_object() {
                        self.check_members(schema, path, value)?;
                    }
                    true
                }
                other => bounds(other, rule, value).unwrap_or_else(|| {
                    ANNOTATIONS.contains(&other) || panic!("`{other}` at `{path}` is not supported")
                }),
            };
            if !holds {
                return Err(format!("`{path}` violates {keyword} {rule}: {value}"));
            }
        }
        Ok(())
    }

    fn check_members(
        &self,
        schema: &'a Map<String, Value>,
        path: &str,
        value: &Value,
    ) -> Result<(), String> {
        let listed = schema.get("properties");
        let additional = schema.get("additionalProperties");
        for (name, member) in value.as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            match (listed.and_then(|listed| listed.get(name)), additional) {
                (Some(schema), _) => self.of(schema).check_at(&path, member)?,
                (None, Some(Value::Object(_))) => self
                    .of(&schema["additionalProperties"])
                    .check_at(&path, member)?,
                (None, Some(Value::Bool(false))) => return Err(format!("`{path}` is not listed")),
                (None, _) if self.unlisted == Unlisted::Refused => {
                    return Err(format!("`{path}` is not listed"));
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Counts the schemas that a value matches; an error says why it matches none.
    fn matching(&self, schemas: &'a Value, path: &str, value: &Value) -> Result<usize, String> {
        let outcomes: Vec<_> = list(schemas)
            .iter()
            .map(|schema| self.of(schema).check_at(path, value))
            .collect();
        let matching = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if matching == 0 {
            let why: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
            return Err(format!("`{path}` matches none: {}", why.join("; or ")));
        }
        Ok(matching)
    }
}

fn is_of(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(types) => types.iter().any(|one| is_of(one, value)),
        rule => match rule.as_str().expect("a type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            // A number without a fraction, in any notation.
            "integer" => value
                .as_f64()
                .is_some_and(|number| number.fract().abs() < f64::EPSILON),
            other => panic!("the type `{other}` is not supported"),
        },
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn size(rule: &Value) -> usize {
    usize::try_from(rule.as_u64().expect("a size")).expect("a small size")
}

/// Returns whether a value keeps to a keyword that looks at nothing inside it. None for any other keyword.
fn bounds(keyword: &str, rule: &Value, value: &Value) -> Option<bool> {
    let holds = match keyword {
        "type" => is_of(rule, value),
        "const" => rule == value,
        "enum" => list(rule).contains(value),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| number >= rule.as_f64().expect("a minimum")),
        "maximum" => value
            .as_f64()
            .is_none_or(|number| number <= rule.as_f64().expect("a maximum")),
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() >= size(rule)),
        "maxLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() <= size(rule)),
        "pattern" => value.as_str().is_none_or(|text| {
            Regex::new(rule.as_str().expect("a pattern"))
                .expect("a regular expression")
                .is_match(text)
        }),
        "minItems" => value
            .as_array()
            .is_none_or(|items| items.len() >= size(rule)),
        "maxItems" => value
            .as_array()
            .is_none_or(|items| items.len() <= size(rule)),
        "maxProperties" => value
            .as_object()
            .is_none_or(|members| members.len() <= size(rule)),
        "required" => value.as_object().is_none_or(|members| {
            list(rule)
                .iter()
                .all(|name| members.contains_key(name.as_str().expect("a name")))
        }),
        _ => return None,
    };
    Some(holds)
}
