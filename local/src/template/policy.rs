//! The permissions of a function at AWS: the statements of its policies.

use serde::Deserialize;
use serde_json::Value;

/// Allows some actions on some resources. An action that no statement allows is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Actions such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// The resources; those of the template by their name in it, such as `Table.Arn/index/ledger`.
    pub resources: Vec<String>,
    /// Patterns of partition keys, where a final `*` matches any rest. Absent, any key is allowed.
    pub leading_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Policy {
    #[serde(rename = "Version")]
    _version: Version,
    statement: Vec<Raw>,
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    Current,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Raw {
    #[serde(rename = "Effect")]
    _effect: Effect,
    action: OneOrMany,
    resource: OneOrMany,
    condition: Option<Condition>,
}

/// Only `Allow` is supported.
#[derive(Deserialize)]
enum Effect {
    Allow,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "ForAllValues:StringLike")]
    all_like: LeadingKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeadingKeys {
    #[serde(rename = "dynamodb:LeadingKeys")]
    keys: Vec<String>,
}

impl OneOrMany {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Policy {
    pub(super) fn statements(self) -> impl Iterator<Item = Statement> {
        self.statement.into_iter().map(|raw| Statement {
            actions: raw.action.list(),
            resources: raw.resource.list(),
            leading_keys: raw.condition.map(|condition| condition.all_like.keys),
        })
    }
}

impl Statement {
    /// Returns whether this statement allows an action on a resource under a partition key.
    pub fn allows(&self, action: &str, resource: &str, key: Option<&str>) -> bool {
        let named = |list: &[String], name: &str| list.iter().any(|one| one == name);
        let like = |pattern: &String, key: &str| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == pattern,
        };
        let keyed = match (&self.leading_keys, key) {
            (Some(patterns), Some(key)) => patterns.iter().any(|pattern| like(pattern, key)),
            // A condition on keys does not restrict a request without a key.
            (None, _) | (Some(_), None) => true,
        };
        named(&self.actions, action) && named(&self.resources, resource) && keyed
    }
}

/// Reads a policy of a template; policies referenced by name are not supported.
pub(super) fn read(value: Value) -> Result<Policy, serde_json::Error> {
    Policy::deserialize(value)
}
