//! Conditions and filters: parsing and evaluation.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::super::item::{Attributes, Number, Value};
use super::lexer::{Word, Words};
use super::placeholders::{Placeholders, References};

/// A parsed condition.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Condition {
    Or(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Operand, Comparison, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(String),
    NotExists(String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Operand {
    Attribute(String),
    Value(String),
    Size(String),
}

impl Condition {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words::of(text)?;
        words.check_parentheses()?;
        let condition = either(&mut words)?;
        words.end()?;
        condition.check()?;
        Ok(condition)
    }

    /// Returns whether it holds on an item; a missing item has no attributes.
    pub(in super::super) fn holds(
        &self,
        item: &Attributes,
        given: Placeholders<'_>,
    ) -> Result<bool, String> {
        Ok(match self {
            Self::Or(one, other) => one.holds(item, given)? || other.holds(item, given)?,
            Self::And(one, other) => one.holds(item, given)? && other.holds(item, given)?,
            Self::Not(other) => !other.holds(item, given)?,
            Self::Compare(one, comparison, other) => {
                match (one.value(item, given)?, other.value(item, given)?) {
                    (Some(one), Some(other)) => comparison.holds(&one, &other),
                    // A missing attribute equals nothing.
                    _ => *comparison == Comparison::NotEqual,
                }
            }
            Self::Between(operand, low, high) => {
                let value = operand.value(item, given)?;
                match (value, low.value(item, given)?, high.value(item, given)?) {
                    (Some(value), Some(low), Some(high)) => {
                        Comparison::GreaterOrEqual.holds(&value, &low)
                            && Comparison::LessOrEqual.holds(&value, &high)
                    }
                    _ => false,
                }
            }
            Self::In(operand, choice) => {
                let Some(value) = operand.value(item, given)? else {
                    return Ok(false);
                };
                for one in choice {
                    if one.value(item, given)?.as_ref() == Some(&value) {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Exists(name) => item.get(given.name(name)?).is_some(),
            Self::NotExists(name) => item.get(given.name(name)?).is_none(),
            Self::BeginsWith(one, other) => {
                match (
                    one.value(item, given)?.as_deref(),
                    other.value(item, given)?.as_deref(),
                ) {
                    (Some(Value::S(text)), Some(Value::S(start))) => text.starts_with(&**start),
                    _ => false,
                }
            }
            Self::Contains(one, other) => {
                match (
                    one.value(item, given)?.as_deref(),
                    other.value(item, given)?.as_deref(),
                ) {
                    (Some(Value::S(text)), Some(Value::S(part))) => text.contains(&**part),
                    (Some(Value::Ss(texts)), Some(Value::S(text))) => texts.contains(text),
                    _ => false,
                }
            }
        })
    }

    /// Refuses operands of a wrong type, whatever the item.
    pub(super) fn check_values(&self, given: Placeholders<'_>) -> Result<(), String> {
        match self {
            Self::Or(one, other) | Self::And(one, other) => {
                one.check_values(given)?;
                other.check_values(given)
            }
            Self::Not(other) => other.check_values(given),
            Self::BeginsWith(_, Operand::Value(start)) => match given.value(start)? {
                Value::S(_) => Ok(()),
                other => Err(format!(
                    "Incorrect operand type for operator or function; operator or function: begins_with, operand type: {}",
                    other.type_name()
                )),
            },
            Self::Between(_, Operand::Value(low), Operand::Value(high)) => {
                match order(given.value(low)?, given.value(high)?) {
                    Some(Ordering::Less | Ordering::Equal) => Ok(()),
                    Some(Ordering::Greater) => Err(
                        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound".to_owned(),
                    ),
                    None => Err(
                        "The BETWEEN operator requires same data type for lower and upper bounds".to_owned(),
                    ),
                }
            }
            _ => Ok(()),
        }
    }

    /// Calls `see` with each condition that is not composed of others.
    pub(super) fn each<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        match self {
            Self::Or(one, other) | Self::And(one, other) => {
                one.each(see);
                other.each(see);
            }
            Self::Not(other) => other.each(see),
            simple => see(simple),
        }
    }

    /// Calls `see` with the name of each attribute, placeholders unresolved.
    pub(in super::super) fn each_name<'a>(&'a self, see: &mut impl FnMut(&'a str)) {
        self.each(&mut |simple| {
            if let Self::Exists(name) | Self::NotExists(name) = simple {
                see(name);
            }
            for operand in simple.operands() {
                if let Operand::Attribute(name) | Operand::Size(name) = operand {
                    see(name);
                }
            }
        });
    }

    pub(super) fn references(&self) -> References {
        let mut references = References::default();
        self.each_name(&mut |name| references.see_name(name));
        self.each(&mut |simple| {
            for operand in simple.operands() {
                if let Operand::Value(value) = operand {
                    references.see_value(value);
                }
            }
        });
        references
    }

    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare(one, _, other)
            | Self::BeginsWith(one, other)
            | Self::Contains(one, other) => {
                vec![one, other]
            }
            Self::Between(operand, low, high) => vec![operand, low, high],
            Self::In(operand, choice) => std::iter::once(operand).chain(choice).collect(),
            _ => Vec::new(),
        }
    }

    /// Refuses conditions that are well-formed but meaningless.
    fn check(&self) -> Result<(), String> {
        let mut wrong = None;
        self.each(&mut |simple| {
            if let Self::Contains(one, other) = simple && one == other {
                wrong = Some("The first operand must be distinct from the remaining operands for this operator or function; operator: contains".to_owned());
            }
        });
        wrong.map_or(Ok(()), Err)
    }
}

impl Comparison {
    fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Returns the comparison with its sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    fn holds(self, one: &Value, other: &Value) -> bool {
        let order = match self {
            Self::Equal => return one == other,
            Self::NotEqual => return one != other,
            _ => order(one, other),
        };
        match self {
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// Returns the order of two texts or two numbers. `None` for sets and for different types.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::S(one), Value::S(other)) => Some(one.cmp(other)),
        (Value::N(one), Value::N(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

impl Operand {
    fn value<'a>(
        &self,
        item: &'a Attributes,
        given: Placeholders<'a>,
    ) -> Result<Option<Cow<'a, Value>>, String> {
        Ok(match self {
            Self::Attribute(name) => item.get(given.name(name)?).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(given.value(value)?)),
            Self::Size(name) => {
                let size = match item.get(given.name(name)?) {
                    Some(Value::S(text)) => text.encode_utf16().count(),
                    Some(Value::Ss(texts)) => texts.len(),
                    Some(Value::N(_)) | None => return Ok(None),
                };
                Some(Cow::Owned(Value::N(Number::of_size(size))))
            }
        })
    }
}

fn either(words: &mut Words<'_>) -> Result<Condition, String> {
    let mut one = both(words)?;
    while words.take_keyword("OR") {
        one = Condition::Or(one.into(), both(words)?.into());
    }
    Ok(one)
}

fn both(words: &mut Words<'_>) -> Result<Condition, String> {
    let mut one = single(words)?;
    while words.take_keyword("AND") {
        one = Condition::And(one.into(), single(words)?.into());
    }
    Ok(one)
}

fn single(words: &mut Words<'_>) -> Result<Condition, String> {
    if words.take_keyword("NOT") {
        return Ok(Condition::Not(single(words)?.into()));
    }
    if words.take_sign("(") {
        let inner = either(words)?;
        words.expect_sign(")")?;
        return Ok(inner);
    }
    match words.take_function() {
        None => {
            let operand = operand(words)?;
            compared(operand, words)
        }
        Some(name) => match name.to_ascii_lowercase().as_str() {
            "size" => {
                let operand = size(words)?;
                compared(operand, words)
            }
            function => called(function, words),
        },
    }
}

fn called(function: &str, words: &mut Words<'_>) -> Result<Condition, String> {
    let condition = match function {
        "attribute_exists" => Condition::Exists(words.expect_name()?),
        "attribute_not_exists" => Condition::NotExists(words.expect_name()?),
        "begins_with" | "contains" => {
            let one = operand(words)?;
            words.expect_sign(",")?;
            let other = operand(words)?;
            if function == "contains" {
                Condition::Contains(one, other)
            } else {
                Condition::BeginsWith(one, other)
            }
        }
        "attribute_type" => {
            return Err("the model of DynamoDB does not support `attribute_type`".to_owned());
        }
        other => return Err(format!("Invalid function name; function: {other}")),
    };
    words.expect_sign(")")?;
    Ok(condition)
}

fn compared(one: Operand, words: &mut Words<'_>) -> Result<Condition, String> {
    if words.take_keyword("BETWEEN") {
        let low = operand(words)?;
        if !words.take_keyword("AND") {
            return Err(words.wrong());
        }
        return Ok(Condition::Between(one, low, operand(words)?));
    }
    if words.take_keyword("IN") {
        words.expect_sign("(")?;
        let mut choice = vec![operand(words)?];
        while words.take_sign(",") {
            choice.push(operand(words)?);
        }
        words.expect_sign(")")?;
        return Ok(Condition::In(one, choice));
    }
    let comparison = match words.peek() {
        Some(Word::Sign(sign)) => Comparison::of(sign),
        _ => None,
    };
    let comparison = comparison.ok_or_else(|| words.wrong())?;
    words.take();
    Ok(Condition::Compare(one, comparison, operand(words)?))
}

fn operand(words: &mut Words<'_>) -> Result<Operand, String> {
    if let Some(Word::Value(_)) = words.peek() {
        return words.expect_value().map(Operand::Value);
    }
    match words.take_function() {
        None => words.expect_name().map(Operand::Attribute),
        Some(name) if name.eq_ignore_ascii_case("size") => size(words),
        Some(name) => Err(format!("Invalid function name; function: {name}")),
    }
}

/// Parses the rest of a `size(…)` after its parenthesis.
fn size(words: &mut Words<'_>) -> Result<Operand, String> {
    let name = words.expect_name()?;
    words.expect_sign(")")?;
    Ok(Operand::Size(name))
}
