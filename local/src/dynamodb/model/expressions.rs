//! Expressions, each parsed once and cached, since the same few occur again and again.

mod condition;
mod key_condition;
mod lexer;
mod placeholders;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

use super::refusal::Refusal;
pub(super) use condition::Condition;
use key_condition::KeyCondition;
use lexer::Words;
use placeholders::References;
pub(super) use placeholders::{Names, Placeholders};
pub(super) use update::Update;

/// A parsed expression and its references.
#[derive(Debug)]
pub(super) struct Parsed<E> {
    pub(super) expression: E,
    pub(super) references: References,
}

/// The names of attributes, placeholders unresolved.
pub(super) type Projected = Vec<String>;

/// The cached expressions.
#[derive(Default)]
pub(super) struct Expressions {
    conditions: Known<Condition>,
    updates: Known<Update>,
    keys: Known<KeyCondition>,
    projections: Known<Projected>,
}

type Known<E> = HashMap<String, Arc<Parsed<E>>>;

/// The most bytes of an expression, as sent.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_BYTES: usize = 4_096;

impl Expressions {
    /// Parses a condition, if there is one, and checks its placeholders. `member` is the request's member.
    pub(super) fn condition(
        &mut self,
        text: Option<&str>,
        member: &str,
        given: Placeholders<'_>,
    ) -> Result<Option<Arc<Parsed<Condition>>>, Refusal> {
        let parsed = known(&mut self.conditions, text, member, |text| {
            let expression = Condition::parse(text)?;
            let references = expression.references();
            Ok((expression, references))
        })?;
        if let Some(parsed) = &parsed {
            let checked = given.define(&parsed.references);
            let checked = checked.and_then(|()| parsed.expression.check_values(given));
            checked.map_err(|wrong| Refusal::Invalid(format!("Invalid {member}: {wrong}")))?;
        }
        Ok(parsed)
    }

    pub(super) fn update(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<Arc<Parsed<Update>>>, Refusal> {
        known(&mut self.updates, text, "UpdateExpression", |text| {
            let expression = Update::parse(text)?;
            let references = expression.references();
            Ok((expression, references))
        })
    }

    pub(super) fn key_condition(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<Arc<Parsed<KeyCondition>>>, Refusal> {
        known(&mut self.keys, text, "KeyConditionExpression", |text| {
            let condition = Condition::parse(text)?;
            let references = condition.references();
            Ok((KeyCondition::of(condition)?, references))
        })
    }

    /// Parses a projection, if there is one.
    pub(super) fn projection(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<Arc<Parsed<Projected>>>, Refusal> {
        known(
            &mut self.projections,
            text,
            "ProjectionExpression",
            |text| {
                let mut words = Words::of(text)?;
                let mut names = vec![words.expect_name()?];
                while words.take_sign(",") {
                    names.push(words.expect_name()?);
                }
                words.end()?;
                let mut references = References::default();
                for name in &names {
                    references.see_name(name);
                }
                Ok((names, references))
            },
        )
    }
}

fn known<E>(
    known: &mut Known<E>,
    text: Option<&str>,
    member: &str,
    parse: impl FnOnce(&str) -> Result<(E, References), String>,
) -> Result<Option<Arc<Parsed<E>>>, Refusal> {
    let Some(text) = text else {
        return Ok(None);
    };
    if let Some(parsed) = known.get(text) {
        return Ok(Some(parsed.clone()));
    }
    let checked = if text.len() > MAX_BYTES {
        Err("Expression size has exceeded the maximum allowed size;".to_owned())
    } else {
        parse(text)
    };
    let (expression, references) =
        checked.map_err(|wrong| Refusal::Invalid(format!("Invalid {member}: {wrong}")))?;
    let parsed = Arc::new(Parsed {
        expression,
        references,
    });
    known.insert(text.to_owned(), parsed.clone());
    Ok(Some(parsed))
}

impl Parsed<Projected> {
    /// Returns the attribute names with placeholders resolved.
    pub(super) fn names<'a>(&'a self, given: Placeholders<'a>) -> Result<Vec<&'a str>, Refusal> {
        let names = self.expression.iter().map(|name| given.name(name));
        let names: Result<Vec<&str>, String> = names.collect();
        let wrong = |what| Refusal::Invalid(format!("Invalid ProjectionExpression: {what}"));
        let names = names.map_err(wrong)?;
        let mut sorted = names.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(wrong(
                "Two document paths overlap with each other".to_owned(),
            ));
        }
        Ok(names)
    }
}
