//! Compares the table's keys and indexes with what the ledger needs.

use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement, TableDescription};

use super::failure;
use super::{Error, Table};
use crate::process::deadline::Deadline;

/// The two attributes of a key, each with its type.
type Keys = [(&'static str, &'static str); 2];

/// The table's own keys.
const KEYS: Keys = [("pk", "S"), ("sk", "S")];

/// The indexes and their keys.
const INDEXES: [(&str, Keys); 2] = [
    ("ledger", [("account", "S"), ("ledger_at", "S")]),
    ("pending", [("pending_bucket", "S"), ("pending_due", "N")]),
];

/// The states in which a table or an index can be used.
const USABLE: [&str; 2] = ["ACTIVE", "UPDATING"];

impl Table {
    /// Returns the differences between the table and what the ledger needs, in sentences.
    pub async fn findings(&self, deadline: &Deadline) -> Result<Vec<String>, Error> {
        let describe = self.client.describe_table().table_name(&self.name);
        let described = self
            .persist(deadline, || async {
                describe.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        let table = described
            .table
            .ok_or_else(|| Error::Broken("the description of the table is empty".into()))?;
        Ok(findings(&table))
    }
}

fn findings(table: &TableDescription) -> Vec<String> {
    let types = table.attribute_definitions();
    let mut findings = Vec::new();
    let status = table.table_status().map_or("", |status| status.as_str());
    if !USABLE.contains(&status) {
        findings.push(format!("the table is {status}"));
    }
    if !are(table.key_schema(), types, KEYS) {
        findings.push("the table's keys are not `pk` and `sk`".to_owned());
    }
    for (name, keys) in INDEXES {
        let mut indexes = table.global_secondary_indexes().iter();
        let Some(index) = indexes.find(|index| index.index_name() == Some(name)) else {
            findings.push(format!("the index `{name}` is missing"));
            continue;
        };
        let status = index.index_status().map_or("", |status| status.as_str());
        if !USABLE.contains(&status) {
            findings.push(format!("the index `{name}` is {status}"));
        }
        if !are(index.key_schema(), types, keys) {
            let [(hash, _), (range, _)] = keys;
            findings.push(format!(
                "the index `{name}` does not have the keys `{hash}` and `{range}`"
            ));
        }
    }
    findings
}

/// Returns whether these are the keys, hash first, with these types.
fn are(schema: &[KeySchemaElement], types: &[AttributeDefinition], keys: Keys) -> bool {
    let is = |element: &KeySchemaElement, role: &str, (name, kind): (&str, &str)| {
        let mut types = types.iter();
        element.key_type().as_str() == role
            && element.attribute_name() == name
            && types
                .any(|one| one.attribute_name() == name && one.attribute_type().as_str() == kind)
    };
    match schema {
        [hash, range] => is(hash, "HASH", keys[0]) && is(range, "RANGE", keys[1]),
        _ => false,
    }
}
