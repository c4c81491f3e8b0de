//! DynamoDB items: attributes written and read as typed values. Pure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::words::sparks::Sparks;

/// An item of the table, or a part of one.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A stored attribute that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the stored attribute `{attribute}` is missing or malformed")]
pub struct Malformed {
    /// The attribute.
    pub attribute: &'static str,
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A time, as milliseconds since 1970.
pub(crate) fn time(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// An amount, as milli-Sparks.
pub(crate) fn amount(value: Sparks) -> AttributeValue {
    number(value.milli())
}

/// Reads a text attribute.
pub(crate) fn read_text<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a str, Malformed> {
    optional_text(item, attribute)?.ok_or(Malformed { attribute })
}

/// Reads a text attribute that may be absent.
pub(crate) fn optional_text<'a>(
    item: &'a Item,
    attribute: &'static str,
) -> Result<Option<&'a str>, Malformed> {
    match item.get(attribute) {
        None => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value)),
        Some(_) => Err(Malformed { attribute }),
    }
}

/// Reads a text attribute and parses it.
pub(crate) fn read_parsed<T: std::str::FromStr>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, Malformed> {
    read_text(item, attribute)?
        .parse()
        .map_err(|_| Malformed { attribute })
}

/// Reads a text attribute that may be absent, and parses it.
pub(crate) fn optional_parsed<T: std::str::FromStr>(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<T>, Malformed> {
    let text = optional_text(item, attribute)?;
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| Malformed { attribute })
}

/// Reads a whole number.
pub(crate) fn read_number(item: &Item, attribute: &'static str) -> Result<i64, Malformed> {
    match item.get(attribute) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| Malformed { attribute }),
        _ => Err(Malformed { attribute }),
    }
}

/// Reads an amount of Sparks.
pub(crate) fn read_amount(item: &Item, attribute: &'static str) -> Result<Sparks, Malformed> {
    read_number(item, attribute).map(Sparks::from_milli)
}

/// Reads an amount of Sparks that an entry takes away, as a positive one.
pub(crate) fn read_debit(item: &Item, attribute: &'static str) -> Result<Sparks, Malformed> {
    let debit = read_amount(item, attribute)?.checked_neg();
    debit.ok_or(Malformed { attribute })
}

/// Reads a time.
pub(crate) fn read_time(item: &Item, attribute: &'static str) -> Result<Timestamp, Malformed> {
    Timestamp::from_millisecond(read_number(item, attribute)?).map_err(|_| Malformed { attribute })
}

/// Reads a time that may be absent.
pub(crate) fn optional_time(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<Timestamp>, Malformed> {
    match item.get(attribute) {
        Some(_) => read_time(item, attribute).map(Some),
        None => Ok(None),
    }
}

/// Reads JSON stored in a text attribute.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, Malformed> {
    serde_json::from_str(read_text(item, attribute)?).map_err(|_| Malformed { attribute })
}

/// Reads JSON stored in a text attribute that may be absent.
pub(crate) fn optional_json<T: serde::de::DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<T>, Malformed> {
    match item.get(attribute) {
        Some(_) => read_json(item, attribute).map(Some),
        None => Ok(None),
    }
}

/// Writes JSON into a text attribute.
///
/// # Panics
/// If a value cannot be JSON, which no stored type can cause.
pub(crate) fn json(value: &impl serde::Serialize) -> AttributeValue {
    text(
        serde_json::to_string(value)
            .expect("stored types have text keys and no failing serializer"),
    )
}
