//! Attribute values: texts, numbers and sets of texts, in DynamoDB's JSON.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::number::Number;

/// The prefix of an error that marks a body as invalid rather than unreadable.
pub(in super::super) const INVALID: &str = "VALIDATION:";

/// The value of an attribute; clones share its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Value {
    /// A text.
    S(Arc<str>),
    /// A number.
    N(Number),
    /// A set of texts, in order.
    Ss(Arc<[Arc<str>]>),
}

impl Value {
    /// Returns the name of its type.
    pub(in super::super) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::Ss(_) => "SS",
        }
    }

    /// Returns its size in bytes, as DynamoDB counts it.
    pub(in super::super) fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::Ss(texts) => texts.iter().map(|text| text.len()).sum(),
        }
    }
}

/// Sorts the texts of a set; `None` if one is repeated.
fn set_of(mut texts: Vec<Arc<str>>) -> Option<Arc<[Arc<str>]>> {
    texts.sort_unstable();
    let twice = texts.windows(2).any(|pair| pair[0] == pair[1]);
    (!twice).then(|| texts.into())
}

/// A text that is shared after reading.
pub(super) struct Text(pub(super) Arc<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl Visitor<'_> for Texts {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.into()))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Number::read(text).ok_or_else(|| {
                    let refused = "The parameter cannot be converted to a numeric value";
                    E::custom(format!(
                        "{INVALID}{refused}, or the model of DynamoDB does not support it: {text}"
                    ))
                })
            }
        }
        deserializer.deserialize_str(Numbers)
    }
}

/// The texts of a set.
struct Set(Arc<[Arc<str>]>);

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sets;
        impl<'de> Visitor<'de> for Sets {
            type Value = Set;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Set, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = list.next_element()? {
                    texts.push(text);
                }
                let wrong =
                    |what| format!("{INVALID}One or more parameter values were invalid: {what}");
                if texts.is_empty() {
                    return Err(de::Error::custom(wrong("An string set  may not be empty")));
                }
                let set = set_of(texts);
                set.map(Set)
                    .ok_or_else(|| de::Error::custom(wrong("Input collection contains duplicates")))
            }
        }
        deserializer.deserialize_seq(Sets)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AttributeValue")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let kind: Option<Text> = map.next_key()?;
                let value = match kind.as_ref().map_or("", |Text(kind)| kind) {
                    "S" => Value::S(map.next_value::<Text>()?.0),
                    "N" => Value::N(map.next_value()?),
                    "SS" => Value::Ss(map.next_value::<Set>()?.0),
                    "" => {
                        let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
                        return Err(de::Error::custom(format!("{INVALID}{empty}")));
                    }
                    kind => {
                        let unknown = format!(
                            "{INVALID}the model of DynamoDB does not support values of the type {kind}"
                        );
                        return Err(de::Error::custom(unknown));
                    }
                };
                match map.next_key::<Text>()? {
                    None => Ok(value),
                    Some(_) => Err(de::Error::custom(format!(
                        "{INVALID}Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
                    ))),
                }
            }
        }
        deserializer.deserialize_map(Values)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Digits(Number);
        impl Serialize for Digits {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }
        struct Members<'a>(&'a [Arc<str>]);
        impl Serialize for Members<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.iter().map(|text| &**text))
            }
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::S(text) => map.serialize_entry("S", &**text)?,
            Self::N(number) => map.serialize_entry("N", &Digits(*number))?,
            Self::Ss(texts) => map.serialize_entry("SS", &Members(texts))?,
        }
        map.end()
    }
}
