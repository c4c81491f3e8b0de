//! A query for observations: its conditions, field groups and page.
//!
//! Langfuse silently ignores an unknown parameter or field group, so that a misspelt query returns everything. This
//! fake refuses it.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::{self, Condition};
use super::span::Span;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1000;

/// The groups of fields. `core` is always included.
const GROUPS: [&str; 10] = [
    "core",
    "basic",
    "time",
    "io",
    "metadata",
    "model",
    "usage",
    "prompt",
    "metrics",
    "trace_context",
];

const LEVELS: [&str; 4] = ["DEBUG", "DEFAULT", "WARNING", "ERROR"];

/// A place in the list's order, such as that of a page's last observation.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    #[serde(rename = "lastStartTimeTo")]
    started: Timestamp,
    #[serde(rename = "lastTraceId")]
    trace_id: String,
    #[serde(rename = "lastId")]
    id: String,
}

impl Place {
    /// Returns the place of an observation.
    pub(super) fn of(span: &Span) -> Self {
        Self {
            started: span.started(),
            trace_id: span.trace_id.clone(),
            id: span.span_id.clone(),
        }
    }

    /// Returns the place that precedes all observations that start at this time or later.
    fn before(started: Timestamp) -> Self {
        Self {
            started,
            trace_id: String::new(),
            id: String::new(),
        }
    }

    /// Returns the cursor for what follows it.
    pub(super) fn cursor(&self) -> String {
        let place = json!({
            "lastStartTimeTo": format!("{:.3}", self.started),
            "lastTraceId": self.trace_id,
            "lastId": self.id,
        });
        STANDARD.encode(place.to_string())
    }

    fn read(cursor: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(cursor).ok()?).ok()
    }
}

/// The reason why a query is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A parameter has an invalid value, or is unknown.
    Parameter(String, String),
    /// The cursor is malformed.
    Cursor,
}

impl Refusal {
    /// Returns Langfuse's response body for it.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::Parameter(name, message) => json!({
                "message": "Invalid request data",
                "error": [{ "code": "custom", "path": [name], "message": message }],
            }),
            Self::Cursor => json!({
                "message": "Invalid cursor format",
                "error": "InvalidRequestError",
            }),
        }
    }
}

/// A parsed query.
#[derive(Debug)]
pub(super) struct Query {
    conditions: Vec<Condition>,
    pub(super) groups: Vec<String>,
    /// Returns metadata uncut.
    pub(super) whole_metadata: bool,
    pub(super) limit: usize,
    after: Option<Place>,
}

impl Query {
    /// Reads a query; the error says what is wrong with it.
    pub(super) fn read(encoded: &str) -> Result<Self, Refusal> {
        let mut query = Self {
            conditions: Vec::new(),
            groups: vec!["basic".to_owned()],
            whole_metadata: false,
            limit: DEFAULT_LIMIT,
            after: None,
        };
        let mut environments = Vec::new();
        let mut filters = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
            let (name, value) = (name.into_owned(), value.into_owned());
            match name.as_str() {
                "cursor" => query.after = Some(Place::read(&value).ok_or(Refusal::Cursor)?),
                // An array may come as repeated `environment`, or as `environment[]`.
                "environment" | "environment[]" => environments.push(value),
                "filter" => filters = filter::read(&value).map_err(|why| of(&name, why))?,
                _ => query.take(&name, value).map_err(|why| of(&name, why))?,
            }
        }
        if !environments.is_empty() {
            let one = Condition::one_of("environment", environments);
            query.conditions.push(one);
        }
        // A filter overrides a parameter on the same column.
        let filtered = |one: &Condition| filters.iter().any(|filter| filter.is_of(one));
        query.conditions.retain(|one| !filtered(one));
        query.conditions.extend(filters);
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        let cannot = || format!("invalid value `{value}`");
        match name {
            "fields" if value.is_empty() => {}
            "fields" => self.groups = groups(&value)?,
            "expandMetadata" => self.whole_metadata = !value.is_empty(),
            "limit" => {
                let limit = value.parse().ok();
                let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
                self.limit = limit.ok_or_else(cannot)?;
            }
            "parseIoAsJson" if value == "false" => {}
            "parseIoAsJson" => {
                return Err("parseIoAsJson=true is no longer supported".to_owned());
            }
            "fromStartTime" | "toStartTime" => {
                let time: Timestamp = value.parse().map_err(|_| cannot())?;
                let from = name == "fromStartTime";
                let (operator, column) = (if from { ">=" } else { "<" }, "startTime");
                self.conditions
                    .push(Condition::time(column, operator, time));
            }
            "isRootObservation" => {
                let root = value.parse().map_err(|_| cannot())?;
                self.conditions.push(Condition::truth(name, root));
            }
            "level" if !LEVELS.contains(&value.as_str()) => return Err(cannot()),
            "type" if value != value.to_uppercase() => return Err(cannot()),
            "traceId"
            | "userId"
            | "sessionId"
            | "name"
            | "type"
            | "level"
            | "version"
            | "parentObservationId" => {
                self.conditions.push(Condition::one_of(name, vec![value]));
            }
            _ => return Err("unknown parameter: Langfuse would ignore it".to_owned()),
        }
        Ok(())
    }

    /// Returns the range of places in time that its conditions allow.
    pub(super) fn places(&self) -> Range<Place> {
        let starts = self.conditions.iter().map(Condition::starts);
        let (first, last) = starts.fold(
            (Timestamp::MIN, Timestamp::MAX),
            |(first, last), (from, to)| (first.max(from), last.min(to)),
        );
        let start = Place::before(first);
        // Later in the list is earlier in time. Times have milliseconds, so nothing lies between the two.
        let behind = last.saturating_add(SignedDuration::from_millis(1));
        let end = Place::before(behind.unwrap_or(Timestamp::MAX));
        let end = match &self.after {
            Some(after) => end.min(after.clone()),
            None => end,
        };
        start.clone()..end.max(start)
    }

    /// Returns whether an observation in this range meets its conditions.
    pub(super) fn holds(&self, span: &Span) -> bool {
        self.conditions.iter().all(|one| one.holds(span))
    }
}

fn of(name: &str, why: String) -> Refusal {
    Refusal::Parameter(name.to_owned(), why)
}

fn groups(list: &str) -> Result<Vec<String>, String> {
    let groups = list.split(',').map(|group| group.trim().to_owned());
    groups
        .map(|group| {
            if GROUPS.contains(&group.as_str()) {
                return Ok(group);
            }
            Err(format!(
                "unknown group `{group}`: Langfuse would ignore it; the groups are {}",
                GROUPS.join(", ")
            ))
        })
        .collect()
}
