//! Parses the bodies of `POST /v1/usage` and `/v1/usage/batch` into valid usages.

mod line;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ledger::{RequestHash, TraceLabels};
use crate::process::clock;
use crate::words::id::{AccountId, IdempotencyKey, MemberId, sha256};
use crate::words::meter::Line;
use crate::words::object::{Object, Texts};
use line::LineBody;

/// Maximum number of lines of a usage.
const MAX_LINES: usize = 20;
/// Maximum number of items of a batch.
pub const MAX_ITEMS: usize = 45;
/// Maximum length of a trace's or session's name, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Maximum number of tags of a trace, and their maximum length in bytes.
const MAX_TAGS: (usize, usize) = (10, 50);
/// Maximum number of a trace's metadata pairs, and the maximum bytes of key and value.
const MAX_METADATA: (usize, usize, usize) = (16, 40, 200);

/// The body of `POST /v1/usage`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageBody {
    /// The account, for services.
    pub account_id: Option<AccountId>,
    #[serde(default, deserialize_with = "member")]
    member_id: Option<MemberId>,
    #[serde(default, deserialize_with = "time")]
    occurred_at: Option<Timestamp>,
    usage: Vec<Object<LineBody>>,
    trace: Option<Object<TraceBody>>,
}

/// The body of `POST /v1/usage/batch`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// The account, for services.
    pub account_id: Option<AccountId>,
    items: Vec<Object<ItemBody>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    idempotency_key: String,
    #[serde(default, deserialize_with = "member")]
    member_id: Option<MemberId>,
    #[serde(default, deserialize_with = "time")]
    occurred_at: Option<Timestamp>,
    usage: Vec<Object<LineBody>>,
    trace: Option<Object<TraceBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraceBody {
    name: Option<String>,
    session_id: Option<String>,
    tags: Option<Vec<String>>,
    metadata: Option<Texts>,
    input: Option<String>,
    output: Option<String>,
}

/// Reads a member; None if it is absent or empty.
fn member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MemberId>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    Ok(given.as_deref().and_then(MemberId::mended))
}

/// Reads a time; None if it is absent.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    let read = |text: String| {
        let must = "must be a time such as `2026-11-22T20:15:00Z`";
        clock::read(&text).ok_or_else(|| serde::de::Error::custom(must))
    };
    given.map(read).transpose()
}

impl std::fmt::Debug for TraceBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TraceBody(..)")
    }
}

/// A usage as requested.
#[derive(Serialize)]
pub struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) lines: Vec<Line>,
    pub(super) trace: TraceLabels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
}

/// One item of a batch. It has its key as text, and its key and usage if both are valid.
pub struct BatchItem {
    /// The key as it was sent.
    pub key: String,
    /// The key and usage, or the reason why they are invalid.
    pub request: Result<(IdempotencyKey, Usage), Invalid>,
}

/// The reason why a usage is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The broken rule.
    pub rule: Rule,
    /// The field.
    pub field: String,
    /// The requirement that it breaks.
    pub detail: String,
}

/// The rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The body does not match the schema. A batch with it is refused as a whole.
    Schema,
    /// The idempotency key is malformed.
    Key,
    /// The meter is unknown.
    Meter,
    /// A quantity is negative, too large, has no price, or is not whole where required.
    Quantity,
    /// The model has no price at that time.
    Model,
    /// It occurred too long ago, or in the future.
    Window,
}

fn invalid<T>(
    rule: Rule,
    field: impl Into<String>,
    detail: impl Into<String>,
) -> Result<T, Invalid> {
    Err(Invalid::new(rule, field, detail))
}

impl Invalid {
    pub(super) fn new(rule: Rule, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            rule,
            field: field.into(),
            detail: detail.into(),
        }
    }
}

impl UsageBody {
    /// Returns the usage, if it is valid.
    pub fn into_usage(self) -> Result<Usage, Invalid> {
        usage(self.member_id, self.occurred_at, self.usage, self.trace)
    }
}

impl BatchBody {
    /// Returns the items, valid or not; an error if one does not match the schema.
    pub fn into_items(self) -> Result<Vec<BatchItem>, Invalid> {
        if self.items.is_empty() || self.items.len() > MAX_ITEMS {
            return invalid(
                Rule::Schema,
                "items",
                format!("must have 1 to {MAX_ITEMS} items"),
            );
        }
        let items = self
            .items
            .into_iter()
            .enumerate()
            .map(|(index, Object(item))| {
                let usage = usage(item.member_id, item.occurred_at, item.usage, item.trace);
                let key = item.idempotency_key.parse::<IdempotencyKey>();
                let key = key
                    .map_err(|error| Invalid::new(Rule::Key, "idempotency_key", error.to_string()));
                let request = match (key, usage) {
                    (
                        _,
                        Err(Invalid {
                            rule: Rule::Schema,
                            field,
                            detail,
                        }),
                    ) => {
                        return invalid(Rule::Schema, format!("items[{index}].{field}"), detail);
                    }
                    (Err(invalid), _) | (Ok(_), Err(invalid)) => Err(invalid),
                    (Ok(key), Ok(usage)) => Ok((key, usage)),
                };
                Ok(BatchItem {
                    key: item.idempotency_key,
                    request,
                })
            });
        items.collect()
    }
}

impl Usage {
    /// Returns the hash of the request's meaning, not of its bytes.
    ///
    /// It distinguishes this request from another one under the same key.
    ///
    /// Entries store it for years, so the canonical form must not change.
    ///
    /// # Panics
    /// Never: a usage is always representable as JSON.
    pub fn hash(&self) -> RequestHash {
        let canonical = serde_json::to_string(self).expect("a usage has text keys only");
        RequestHash(sha256(&["usage-1", &canonical]))
    }
}

fn usage(
    member: Option<MemberId>,
    occurred_at: Option<Timestamp>,
    lines: Vec<Object<LineBody>>,
    trace: Option<Object<TraceBody>>,
) -> Result<Usage, Invalid> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        return invalid(
            Rule::Schema,
            "usage",
            format!("must have 1 to {MAX_LINES} lines"),
        );
    }
    let checked: Vec<_> = lines
        .into_iter()
        .enumerate()
        .map(|(index, Object(line))| line.check(index))
        .collect();
    // A schema error takes precedence, even over an earlier invalid line.
    let (labels, input, output) =
        trace.map_or(Ok(Default::default()), |Object(trace)| trace.check())?;
    if let Some(schema) = checked
        .iter()
        .filter_map(|line| line.as_ref().err())
        .find(|error| error.rule == Rule::Schema)
    {
        return Err(schema.clone());
    }
    let lines = checked.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Usage {
        member,
        occurred_at,
        lines,
        trace: labels,
        input,
        output,
    })
}

impl TraceBody {
    fn check(self) -> Result<(TraceLabels, Option<String>, Option<String>), Invalid> {
        let at_most = |field: &str, text: Option<&String>, bytes: usize| match text {
            Some(text) if text.len() > bytes => invalid(
                Rule::Schema,
                format!("trace.{field}"),
                format!("must be at most {bytes} bytes"),
            ),
            _ => Ok(()),
        };
        let Self {
            name,
            session_id,
            tags,
            metadata,
            input,
            output,
        } = self;
        let tags = tags.unwrap_or_default();
        let metadata = metadata.map(|Texts(pairs)| pairs).unwrap_or_default();
        at_most("name", name.as_ref(), MAX_NAME_BYTES)?;
        at_most("session_id", session_id.as_ref(), MAX_NAME_BYTES)?;
        let (most_tags, tag_bytes) = MAX_TAGS;
        if tags.len() > most_tags {
            return invalid(
                Rule::Schema,
                "trace.tags",
                format!("must be at most {most_tags}"),
            );
        }
        for (index, tag) in tags.iter().enumerate() {
            at_most(&format!("tags[{index}]"), Some(tag), tag_bytes)?;
        }
        let (most_pairs, key_bytes, value_bytes) = MAX_METADATA;
        if metadata.len() > most_pairs {
            return invalid(
                Rule::Schema,
                "trace.metadata",
                format!("must be at most {most_pairs} pairs"),
            );
        }
        for (key, value) in &metadata {
            if key.len() > key_bytes || value.len() > value_bytes {
                let detail = format!(
                    "must have keys of at most {key_bytes} and values of at most {value_bytes} bytes"
                );
                return invalid(Rule::Schema, "trace.metadata", detail);
            }
        }
        Ok((
            TraceLabels {
                name,
                session_id,
                tags,
                metadata,
                content: false,
            },
            input,
            output,
        ))
    }
}

#[cfg(test)]
mod tests;
