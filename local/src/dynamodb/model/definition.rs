//! The definition of a table: the request of `CreateTable` and the response of `DescribeTable`.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::{KeyAttribute, Kind, Schema};
use super::refusal::Refusal;
use super::table::{Index, Projection, Table};

/// A `CreateTable` request.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) table_name: String,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Element>,
    #[serde(default)]
    global_secondary_indexes: Vec<IndexDefinition>,
    /// Has no effect here.
    billing_mode: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: Kind,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Element {
    attribute_name: String,
    key_type: Role,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    Hash,
    Range,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct IndexDefinition {
    index_name: String,
    key_schema: Vec<Element>,
    projection: ProjectionDefinition,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ProjectionDefinition {
    projection_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    non_key_attributes: Vec<String>,
}

impl Definition {
    /// Returns an empty table with this definition.
    pub(super) fn table(&self) -> Result<Table, Refusal> {
        let kinds = self.attribute_definitions.iter();
        let kinds = kinds.map(|one| (one.attribute_name.as_str(), one.attribute_type));
        let kinds: HashMap<&str, Kind> = kinds.collect();
        let schema = schema(&self.key_schema, &kinds)?;
        let mut indexes = Vec::new();
        for index in &self.global_secondary_indexes {
            indexes.push(Index::new(
                index.index_name.clone(),
                self::schema(&index.key_schema, &kinds)?,
                index.projection.of(&schema)?,
            ));
        }
        self.check_attributes()?;
        Ok(Table::new(self.table_name.as_str().into(), schema, indexes))
    }

    /// Refuses attributes that no key uses, and an attribute that is defined twice.
    ///
    /// DynamoDB only compares the numbers of both, since each attribute of a key is defined.
    fn check_attributes(&self) -> Result<(), Refusal> {
        let indexes = self.global_secondary_indexes.iter();
        let indexes = indexes.flat_map(|index| &index.key_schema);
        let used = self.key_schema.iter().chain(indexes);
        let used: BTreeSet<&str> = used.map(|one| one.attribute_name.as_str()).collect();
        let defined = self.attribute_definitions.iter();
        let defined: Vec<&str> = defined.map(|one| one.attribute_name.as_str()).collect();
        if defined.len() == used.len() {
            return Ok(());
        }
        let wrong = if self.global_secondary_indexes.is_empty() {
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions"
                .to_owned()
        } else {
            let used: Vec<&str> = used.into_iter().collect();
            format!(
                "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
                defined.join(", "),
                used.join(", ")
            )
        };
        Err(Refusal::Invalid(format!(
            "One or more parameter values were invalid: {wrong}"
        )))
    }

    /// Returns its description.
    pub(super) fn describe(&self, items: usize) -> Value {
        let indexes = self.global_secondary_indexes.iter().map(|index| {
            json!({
                "IndexName": index.index_name,
                "IndexStatus": "ACTIVE",
                "KeySchema": index.key_schema,
                "Projection": index.projection,
            })
        });
        let indexes: Vec<Value> = indexes.collect();
        let mut described = json!({
            "TableName": self.table_name,
            "TableStatus": "ACTIVE",
            "AttributeDefinitions": self.attribute_definitions,
            "KeySchema": self.key_schema,
            "ItemCount": items,
        });
        if !indexes.is_empty() {
            described["GlobalSecondaryIndexes"] = indexes.into();
        }
        described
    }
}

fn schema(elements: &[Element], kinds: &HashMap<&str, Kind>) -> Result<Schema, Refusal> {
    let attribute = |element: &Element| {
        let name = element.attribute_name.clone();
        let kind = kinds.get(name.as_str()).copied();
        let kind =
            kind.ok_or_else(|| Refusal::Invalid(format!("the attribute {name} is not defined")))?;
        Ok(KeyAttribute { name, kind })
    };
    match elements {
        [hash] if hash.key_type == Role::Hash => Ok(Schema {
            hash: attribute(hash)?,
            range: None,
        }),
        [hash, range] if (hash.key_type, range.key_type) == (Role::Hash, Role::Range) => {
            Ok(Schema {
                hash: attribute(hash)?,
                range: Some(attribute(range)?),
            })
        }
        _ => Err(Refusal::Invalid(
            "a key is one HASH attribute, and at most one RANGE attribute after it".to_owned(),
        )),
    }
}

impl ProjectionDefinition {
    fn of(&self, table: &Schema) -> Result<Projection, Refusal> {
        match self.projection_type.as_str() {
            "ALL" => Ok(Projection::All),
            "KEYS_ONLY" | "INCLUDE" => {
                let names = table.names().map(str::to_owned);
                Ok(Projection::Only(
                    names
                        .chain(self.non_key_attributes.iter().cloned())
                        .collect(),
                ))
            }
            other => Err(Refusal::unknown(&format!("projection {other}"))),
        }
    }
}
