//! Updates: parsing and evaluation.

use std::sync::Arc;

use super::super::item::{Attributes, Number, Value};
use super::lexer::Words;
use super::placeholders::{Placeholders, References};

const MISSING: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const TYPE: &str = "An operand in the update expression has an incorrect data type";

/// A parsed update.
#[derive(Debug, Default)]
pub(in super::super) struct Update {
    sets: Vec<(String, Change)>,
    removes: Vec<String>,
    adds: Vec<(String, String)>,
}

/// The change of an attribute.
#[derive(Debug)]
enum Change {
    To(Operand),
    Plus(Operand, Operand),
    Minus(Operand, Operand),
}

#[derive(Debug)]
enum Operand {
    Attribute(String),
    Value(String),
    IfNotExists(String, Box<Self>),
}

impl Update {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words::of(text)?;
        let mut update = Self::default();
        let mut seen = Vec::new();
        while words.peek().is_some() {
            let section = ["SET", "REMOVE", "ADD", "DELETE"]
                .into_iter()
                .find(|section| words.take_keyword(section));
            let section = section.ok_or_else(|| words.wrong())?;
            if seen.contains(&section) {
                return Err(format!(
                    "The \"{section}\" section can only be used once in an update expression;"
                ));
            }
            seen.push(section);
            loop {
                update.part(section, &mut words)?;
                if !words.take_sign(",") {
                    break;
                }
            }
        }
        Ok(update)
    }

    fn part(&mut self, section: &str, words: &mut Words<'_>) -> Result<(), String> {
        if section == "DELETE" {
            return Err("the model of DynamoDB does not support `DELETE` in updates".to_owned());
        }
        let name = words.expect_name()?;
        match section {
            "SET" => {
                words.expect_sign("=")?;
                self.sets.push((name, change(words)?));
            }
            "ADD" => self.adds.push((name, words.expect_value()?)),
            _ => self.removes.push(name),
        }
        Ok(())
    }

    /// Returns the names of the attributes that it writes, placeholders unresolved.
    pub(in super::super) fn targets(&self) -> impl Iterator<Item = &str> {
        let sets = self.sets.iter().map(|(name, _)| name);
        let adds = self.adds.iter().map(|(name, _)| name);
        sets.chain(&self.removes).chain(adds).map(String::as_str)
    }

    pub(super) fn references(&self) -> References {
        let mut references = References::default();
        for name in self.targets() {
            references.see_name(name);
        }
        for (_, value) in &self.adds {
            references.see_value(value);
        }
        for operand in self.sets.iter().flat_map(|(_, change)| change.operands()) {
            operand.see(&mut references);
        }
        references
    }

    /// Refuses two changes of one attribute.
    pub(in super::super) fn check_targets(&self, given: Placeholders<'_>) -> Result<(), String> {
        let mut names: Vec<&str> = self
            .targets()
            .map(|name| given.name(name).unwrap_or(name))
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(format!(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [{0}], path two: [{0}]",
                pair[0]
            )),
        }
    }

    /// Refuses operands of a wrong type, whatever the item.
    pub(in super::super) fn check_values(&self, given: Placeholders<'_>) -> Result<(), String> {
        let wrong = |operator: &str, value: &Value| {
            Err(format!(
                "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                value.type_name()
            ))
        };
        for (_, value) in &self.adds {
            match given.value(value)? {
                Value::N(_) | Value::Ss(_) => {}
                value @ Value::S(_) => return wrong("ADD", value),
            }
        }
        for (_, change) in &self.sets {
            let (sign, operands) = match change {
                Change::To(_) => continue,
                Change::Plus(one, other) => ("+", [one, other]),
                Change::Minus(one, other) => ("-", [one, other]),
            };
            for operand in operands {
                if let Operand::Value(value) = operand {
                    match given.value(value)? {
                        Value::N(_) => {}
                        value => return wrong(sign, value),
                    }
                }
            }
        }
        Ok(())
    }

    /// Applies it to an item; every operand is read from the item before the update.
    pub(in super::super) fn apply(
        &self,
        was: &Attributes,
        given: Placeholders<'_>,
    ) -> Result<Attributes, String> {
        let mut item = was.clone();
        for (name, value) in &self.adds {
            match (was.get(given.name(name)?), given.value(value)?) {
                (None | Some(Value::N(_)), Value::N(_))
                | (None | Some(Value::Ss(_)), Value::Ss(_)) => {}
                _ => return Err(TYPE.to_owned()),
            }
        }
        for (name, change) in &self.sets {
            item.set(given.name(name)?, change.value(was, given)?);
        }
        for (name, value) in &self.adds {
            let name = given.name(name)?;
            let sum = match (was.get(name), given.value(value)?) {
                (Some(Value::N(one)), Value::N(other)) => number(one.plus(*other))?,
                (Some(Value::Ss(one)), Value::Ss(other)) => union(one, other),
                (_, value) => value.clone(),
            };
            item.set(name, sum);
        }
        for name in &self.removes {
            item.remove(given.name(name)?);
        }
        Ok(item)
    }
}

impl Change {
    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::To(operand) => vec![operand],
            Self::Plus(one, other) | Self::Minus(one, other) => vec![one, other],
        }
    }

    fn value(&self, was: &Attributes, given: Placeholders<'_>) -> Result<Value, String> {
        let (one, other) = match self {
            Self::To(operand) => return operand.value(was, given).cloned(),
            Self::Plus(one, other) | Self::Minus(one, other) => {
                (one.value(was, given)?, other.value(was, given)?)
            }
        };
        match (self, one, other) {
            (Self::Plus(..), Value::N(one), Value::N(other)) => number(one.plus(*other)),
            (_, Value::N(one), Value::N(other)) => number(one.minus(*other)),
            _ => Err(TYPE.to_owned()),
        }
    }
}

impl Operand {
    fn value<'a>(&self, was: &'a Attributes, given: Placeholders<'a>) -> Result<&'a Value, String> {
        match self {
            Self::Attribute(name) => was.get(given.name(name)?).ok_or_else(|| MISSING.to_owned()),
            Self::Value(value) => given.value(value),
            Self::IfNotExists(name, default) => match was.get(given.name(name)?) {
                Some(value) => Ok(value),
                None => default.value(was, given),
            },
        }
    }

    fn see(&self, references: &mut References) {
        match self {
            Self::Attribute(name) => references.see_name(name),
            Self::Value(value) => references.see_value(value),
            Self::IfNotExists(name, default) => {
                references.see_name(name);
                default.see(references);
            }
        }
    }
}

fn number(number: Option<Number>) -> Result<Value, String> {
    number.map(Value::N).ok_or_else(|| {
        "the model of DynamoDB does not support numbers of more than 38 digits".to_owned()
    })
}

fn union(one: &[Arc<str>], other: &[Arc<str>]) -> Value {
    let mut texts = [one, other].concat();
    texts.sort_unstable();
    texts.dedup();
    Value::Ss(texts.into())
}

fn change(words: &mut Words<'_>) -> Result<Change, String> {
    let one = operand(words)?;
    if words.take_sign("+") {
        return Ok(Change::Plus(one, operand(words)?));
    }
    if words.take_sign("-") {
        return Ok(Change::Minus(one, operand(words)?));
    }
    Ok(Change::To(one))
}

fn operand(words: &mut Words<'_>) -> Result<Operand, String> {
    match words.take_function() {
        None => {}
        Some(name) if name.eq_ignore_ascii_case("if_not_exists") => {
            let name = words.expect_name()?;
            words.expect_sign(",")?;
            let default = operand(words)?;
            words.expect_sign(")")?;
            return Ok(Operand::IfNotExists(name, default.into()));
        }
        Some(name) => {
            return Err(format!(
                "the model of DynamoDB does not support `{name}` in updates"
            ));
        }
    }
    match words.peek() {
        Some(super::lexer::Word::Value(_)) => words.expect_value().map(Operand::Value),
        _ => words.expect_name().map(Operand::Attribute),
    }
}
