//! Conditions on keys: a hash key, and a range of range keys.

use std::ops::Bound;

use super::super::key::{KeyAttribute, Part, Schema};
use super::super::refusal::Refusal;
use super::super::table::Span;
use super::condition::{Comparison, Condition, Operand};
use super::placeholders::Placeholders;

const TYPE: &str = "One or more parameter values were invalid: Condition parameter type does not match schema type";

/// A condition on keys: one clause for each attribute.
#[derive(Debug)]
pub(in super::super) struct KeyCondition(Vec<Clause>);

#[derive(Debug)]
struct Clause {
    name: String,
    test: Test,
}

/// The test of an attribute, with placeholders of values.
#[derive(Debug)]
enum Test {
    Compare(Comparison, String),
    Between(String, String),
    BeginsWith(String),
}

impl KeyCondition {
    pub(super) fn of(condition: Condition) -> Result<Self, String> {
        let mut clauses = Vec::new();
        collect(condition, &mut clauses)?;
        Ok(Self(clauses))
    }

    /// Returns the rows that it selects in a table or index with this key schema.
    pub(in super::super) fn span(
        &self,
        schema: &Schema,
        given: Placeholders<'_>,
    ) -> Result<Span, Refusal> {
        let invalid = |message: &str| Refusal::Invalid(message.to_owned());
        let mut named = Vec::new();
        for clause in &self.0 {
            let name = given.name(&clause.name).map_err(Refusal::Invalid)?;
            if named.iter().any(|(known, _)| *known == name) {
                let twice = "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key";
                return Err(invalid(twice));
            }
            named.push((name, &clause.test));
        }
        let of = |attribute: &KeyAttribute| {
            let mut named = named.iter();
            named
                .find(|(name, _)| *name == attribute.name)
                .map(|(_, test)| *test)
        };
        let hash = match of(&schema.hash) {
            Some(Test::Compare(Comparison::Equal, value)) => part(&schema.hash, value, given)?,
            Some(_) => return Err(invalid("Query key condition not supported")),
            None => {
                return Err(Refusal::Invalid(format!(
                    "Query condition missed key schema element: {}",
                    schema.hash.name
                )));
            }
        };
        if named.iter().any(|(name, _)| !schema.has(name)) {
            return Err(invalid("Query condition missed key schema element"));
        }
        let range = schema.range.as_ref();
        let test = range.and_then(|range| Some((range, of(range)?)));
        let (from, to) = match test {
            Some((range, test)) => test.bounds(range, given)?,
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        Ok(Span::of(&hash, from, to))
    }
}

impl Test {
    fn bounds(
        &self,
        range: &KeyAttribute,
        given: Placeholders<'_>,
    ) -> Result<(Bound<Part>, Bound<Part>), Refusal> {
        use Bound::{Excluded, Included, Unbounded};
        let part = |value: &String| part(range, value, given);
        Ok(match self {
            Self::Compare(Comparison::Equal, value) => {
                let value = part(value)?;
                (Included(value.clone()), Included(value))
            }
            Self::Compare(Comparison::Less, value) => (Unbounded, Excluded(part(value)?)),
            Self::Compare(Comparison::LessOrEqual, value) => (Unbounded, Included(part(value)?)),
            Self::Compare(Comparison::Greater, value) => (Excluded(part(value)?), Unbounded),
            Self::Compare(_, value) => (Included(part(value)?), Unbounded),
            Self::Between(low, high) => {
                let (low, high) = (part(low)?, part(high)?);
                if low > high {
                    return Err(Refusal::Invalid(
                        "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than \
                         or equal to lower bound"
                            .to_owned(),
                    ));
                }
                (Included(low), Included(high))
            }
            Self::BeginsWith(start) => {
                let Part::S(start) = part(start)? else {
                    return Err(Refusal::Invalid(
                        "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or \
                         function: begins_with"
                            .to_owned(),
                    ));
                };
                let end = after_all_that_begin_with(&start);
                (Included(Part::S(start)), end.map_or(Unbounded, Excluded))
            }
        })
    }
}

fn part(attribute: &KeyAttribute, value: &str, given: Placeholders<'_>) -> Result<Part, Refusal> {
    let value = given.value(value).map_err(Refusal::Invalid)?;
    let part = attribute.accepts(value).then(|| Part::of(value)).flatten();
    part.ok_or_else(|| Refusal::Invalid(TYPE.to_owned()))
}

/// Returns the first text that sorts after all that begin with `start`. `None` if there is none.
fn after_all_that_begin_with(start: &str) -> Option<Part> {
    let mut letters: Vec<char> = start.chars().collect();
    while let Some(last) = letters.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            letters.push(next);
            return Some(Part::S(letters.iter().collect::<String>().into()));
        }
    }
    None
}

fn collect(condition: Condition, clauses: &mut Vec<Clause>) -> Result<(), String> {
    use Operand::{Attribute, Value};
    let (name, test) = match condition {
        Condition::And(one, other) => {
            collect(*one, clauses)?;
            return collect(*other, clauses);
        }
        Condition::Compare(_, Comparison::NotEqual, _) => {
            return Err("Unsupported operator in KeyConditionExpression: <>".to_owned());
        }
        Condition::Compare(Attribute(name), comparison, Value(value)) => {
            (name, Test::Compare(comparison, value))
        }
        Condition::Compare(Value(value), comparison, Attribute(name)) => {
            (name, Test::Compare(comparison.turned(), value))
        }
        Condition::Between(Attribute(name), Value(low), Value(high)) => {
            (name, Test::Between(low, high))
        }
        Condition::BeginsWith(Attribute(name), Value(start)) => (name, Test::BeginsWith(start)),
        _ => return Err("Unsupported operator in KeyConditionExpression".to_owned()),
    };
    clauses.push(Clause { name, test });
    Ok(())
}
