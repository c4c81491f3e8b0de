//! Placeholders of expressions: their values, and the check that each is used.

use std::collections::BTreeMap;

use super::super::item::{Attributes, Value};
use super::super::refusal::Refusal;

pub(in super::super) type Names = BTreeMap<String, String>;

/// The placeholders of a request.
#[derive(Clone, Copy)]
pub(in super::super) struct Placeholders<'a> {
    pub(in super::super) names: Option<&'a Names>,
    pub(in super::super) values: Option<&'a Attributes>,
}

/// The placeholders that an expression uses.
#[derive(Debug, Default)]
pub(in super::super) struct References {
    names: Vec<String>,
    values: Vec<String>,
}

impl References {
    pub(super) fn see_name(&mut self, name: &str) {
        if name.starts_with('#') {
            self.names.push(name.to_owned());
        }
    }

    pub(super) fn see_value(&mut self, value: &str) {
        self.values.push(value.to_owned());
    }
}

impl<'a> Placeholders<'a> {
    /// Resolves an attribute's name, which may be a placeholder.
    pub(in super::super) fn name<'b>(&self, name: &'b str) -> Result<&'b str, String>
    where
        'a: 'b,
    {
        if !name.starts_with('#') {
            return Ok(name);
        }
        let known = self.names.and_then(|names| names.get(name));
        known.map(String::as_str).ok_or_else(|| {
            format!("An expression attribute name used in the document path is not defined; attribute name: {name}")
        })
    }

    /// Resolves a placeholder of a value.
    pub(super) fn value(&self, value: &str) -> Result<&'a Value, String> {
        let known = self.values.and_then(|values| values.get(value));
        known.ok_or_else(|| {
            format!("An expression attribute value used in expression is not defined; attribute value: {value}")
        })
    }

    /// Refuses an expression with undefined placeholders.
    pub(in super::super) fn define(&self, references: &References) -> Result<(), String> {
        for name in &references.names {
            self.name(name)?;
        }
        for value in &references.values {
            self.value(value)?;
        }
        Ok(())
    }

    /// Refuses unused, empty and malformed placeholders.
    pub(in super::super) fn check(
        &self,
        expressions: &[Option<&References>],
    ) -> Result<(), Refusal> {
        let mut used = expressions.iter().copied().flatten().peekable();
        let any = used.peek().is_some();
        let used: Vec<&References> = used.collect();
        if let Some(names) = self.names {
            let names = names.keys().map(String::as_str);
            let is_used = |name: &str| used.iter().any(|one| one.names.iter().any(|it| it == name));
            check(names, "ExpressionAttributeNames", '#', any, is_used)?;
        }
        if let Some(values) = self.values {
            let values = values.names();
            let is_used = |value: &str| {
                used.iter()
                    .any(|one| one.values.iter().any(|it| it == value))
            };
            check(values, "ExpressionAttributeValues", ':', any, is_used)?;
        }
        Ok(())
    }
}

fn check<'a>(
    keys: impl Iterator<Item = &'a str>,
    member: &str,
    sign: char,
    any_expression: bool,
    is_used: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::Invalid(message));
    if !any_expression {
        return refuse(format!(
            "{member} can only be specified when using expressions"
        ));
    }
    let mut keys = keys.peekable();
    if keys.peek().is_none() {
        return refuse(format!("{member} must not be empty"));
    }
    for key in keys {
        if !key.starts_with(sign) {
            return refuse(format!(
                "{member} contains invalid key: Syntax error; key: \"{key}\""
            ));
        }
        if !is_used(key) {
            return refuse(format!(
                "Value provided in {member} unused in expressions: keys: {{{key}}}"
            ));
        }
    }
    Ok(())
}
