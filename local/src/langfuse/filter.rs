//! Conditions on observations, from the parameters and from the JSON in `filter`.
//!
//! It supports the columns by which traces are searched, but no numeric ones; anything unknown is refused.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::span::Span;

/// A condition on a column.
#[derive(Debug)]
pub(super) struct Condition {
    column: String,
    /// The entry, for a column that has entries.
    key: Option<String>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    AllOf(Vec<String>),
    Contains(String),
    ContainsNot(String),
    StartsWith(String),
    EndsWith(String),
    Time(String, Timestamp),
    Truth(bool),
    Null(bool),
}

/// One condition of the JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    column: String,
    operator: String,
    #[serde(default)]
    value: Value,
    key: Option<String>,
}

/// The text columns.
const TEXTS: [&str; 11] = [
    "id",
    "type",
    "name",
    "traceId",
    "environment",
    "level",
    "statusMessage",
    "version",
    "userId",
    "sessionId",
    "traceName",
];

/// Reads the value of `filter`; the error says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Vec<Condition>, String> {
    let written: Vec<Written> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    written.into_iter().map(Condition::read).collect()
}

impl Condition {
    /// Returns the condition that a column is one of these texts.
    pub(super) fn one_of(column: &str, texts: Vec<String>) -> Self {
        Self::of(column, Test::OneOf(texts))
    }

    /// Returns the condition that a time compares to another in this way.
    pub(super) fn time(column: &str, operator: &str, time: Timestamp) -> Self {
        Self::of(column, Test::Time(operator.to_owned(), time))
    }

    /// Returns the condition that a column is true, or is false.
    pub(super) fn truth(column: &str, truth: bool) -> Self {
        Self::of(column, Test::Truth(truth))
    }

    fn of(column: &str, test: Test) -> Self {
        Self {
            column: column.to_owned(),
            key: None,
            test,
        }
    }

    fn read(written: Written) -> Result<Self, String> {
        let unknown = format!(
            "this fake does not know {} `{}` with `{}`",
            written.kind, written.column, written.operator
        );
        let (column, operator) = (written.column.as_str(), written.operator.as_str());
        let test = match (written.kind.as_str(), column) {
            ("string", _) if TEXTS.contains(&column) => of_text(operator, &written.value),
            ("stringObject", "metadata") if written.key.is_some() => {
                of_text(operator, &written.value)
            }
            ("stringOptions", _) if TEXTS.contains(&column) => of_list(operator, &written.value),
            ("arrayOptions", "tags" | "traceTags") => of_list(operator, &written.value),
            ("datetime", "startTime" | "endTime") => of_time(operator, &written.value),
            ("boolean", "isRootObservation") => match (operator, written.value.as_bool()) {
                ("=", Some(truth)) => Some(Test::Truth(truth)),
                ("<>", Some(truth)) => Some(Test::Truth(!truth)),
                _ => None,
            },
            ("null", _) if TEXTS.contains(&column) => match operator {
                "is null" => Some(Test::Null(true)),
                "is not null" => Some(Test::Null(false)),
                _ => None,
            },
            _ => None,
        };
        Ok(Self {
            test: test.ok_or(unknown)?,
            column: written.column,
            key: written.key,
        })
    }

    /// Returns whether another condition is on the same column.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.column == other.column
    }

    /// Returns the earliest and the latest start of the observations that can meet it.
    pub(super) fn starts(&self) -> (Timestamp, Timestamp) {
        match &self.test {
            Test::Time(operator, time) if self.column == "startTime" => {
                if operator.starts_with('>') {
                    (*time, Timestamp::MAX)
                } else {
                    (Timestamp::MIN, *time)
                }
            }
            _ => (Timestamp::MIN, Timestamp::MAX),
        }
    }

    /// Returns whether an observation meets it.
    pub(super) fn holds(&self, span: &Span) -> bool {
        match &self.test {
            Test::Truth(truth) => span.is_root() == *truth,
            Test::Time(operator, time) => {
                let own = if self.column == "startTime" {
                    span.started()
                } else {
                    span.ended()
                };
                match operator.as_str() {
                    ">" => own > *time,
                    ">=" => own >= *time,
                    "<" => own < *time,
                    _ => own <= *time,
                }
            }
            Test::Null(null) => self.texts(span).is_empty() == *null,
            test => test.holds(&self.texts(span)),
        }
    }

    /// Returns the column's texts: one, none, or several for a list.
    fn texts(&self, span: &Span) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let one = match self.column.as_str() {
            "id" => Some(span.span_id.clone()),
            "type" => Some(span.shown_kind()),
            "name" => Some(span.name.clone()),
            "traceId" => Some(span.trace_id.clone()),
            "environment" => Some(span.environment.clone()),
            "level" => Some(span.shown_level().to_owned()),
            "statusMessage" => text(&span.status_message),
            "version" => text(&span.version),
            "userId" => text(&span.user_id),
            "sessionId" => text(&span.session_id),
            "traceName" => text(&span.trace_name),
            // A missing parent is the empty text, so that a filter can select it.
            "parentObservationId" => Some(span.parent_span_id.clone().unwrap_or_default()),
            "metadata" => {
                let key = self.key.as_deref().unwrap_or_default();
                span.metadata.get(key).and_then(text)
            }
            _ => {
                let tags = span.tags.as_array().into_iter().flatten();
                return tags.filter_map(text).collect();
            }
        };
        one.into_iter().collect()
    }
}

impl Test {
    fn holds(&self, own: &[String]) -> bool {
        match self {
            Self::OneOf(texts) => own.iter().any(|own| texts.contains(own)),
            Self::NoneOf(texts) => !own.iter().any(|own| texts.contains(own)),
            Self::AllOf(texts) => texts.iter().all(|text| own.contains(text)),
            Self::Contains(text) => own.iter().any(|own| own.contains(text)),
            Self::ContainsNot(text) => !own.iter().any(|own| own.contains(text)),
            Self::StartsWith(text) => own.iter().any(|own| own.starts_with(text)),
            Self::EndsWith(text) => own.iter().any(|own| own.ends_with(text)),
            Self::Time(..) | Self::Truth(_) | Self::Null(_) => false,
        }
    }
}

fn of_text(operator: &str, value: &Value) -> Option<Test> {
    let text = value.as_str()?.to_owned();
    Some(match operator {
        "=" => Test::OneOf(vec![text]),
        "contains" => Test::Contains(text),
        "does not contain" => Test::ContainsNot(text),
        "starts with" => Test::StartsWith(text),
        "ends with" => Test::EndsWith(text),
        _ => return None,
    })
}

fn of_list(operator: &str, value: &Value) -> Option<Test> {
    let texts = value.as_array()?.iter();
    let texts = texts.map(|text| text.as_str().map(str::to_owned));
    let texts = texts.collect::<Option<Vec<_>>>()?;
    Some(match operator {
        "any of" => Test::OneOf(texts),
        "none of" => Test::NoneOf(texts),
        "all of" => Test::AllOf(texts),
        _ => return None,
    })
}

fn of_time(operator: &str, value: &Value) -> Option<Test> {
    let time = value.as_str()?.parse().ok()?;
    let known = [">", ">=", "<", "<="].contains(&operator);
    known.then(|| Test::Time(operator.to_owned(), time))
}
