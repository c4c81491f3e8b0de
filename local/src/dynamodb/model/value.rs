//! Attribute values: texts, whole numbers and sets of texts, in DynamoDB's JSON.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The most digits of a number.
const MAX_DIGITS: usize = 38;

/// The prefix of an error that marks a body as invalid rather than unreadable.
pub(super) const INVALID: &str = "VALIDATION:";

/// The value of an attribute; clones share its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// A text.
    S(Arc<str>),
    /// A number; only whole ones are supported.
    N(i128),
    /// A set of texts, in order.
    Ss(Arc<[Arc<str>]>),
}

impl Value {
    /// Returns the name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::Ss(_) => "SS",
        }
    }

    /// Returns its size in bytes, as DynamoDB counts it.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number_size(*number),
            Self::Ss(texts) => texts.iter().map(|text| text.len()).sum(),
        }
    }
}

/// Returns a number's size: a byte, half a byte for each significant digit, and one for a sign.
fn number_size(number: i128) -> usize {
    let mut digits = number.unsigned_abs();
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    let significant = digits.checked_ilog10().map_or(0, |power| power + 1);
    1 + significant.div_ceil(2) as usize + usize::from(number < 0)
}

/// Returns whether a number has no more digits than DynamoDB keeps.
pub(super) fn fits(number: i128) -> bool {
    number.unsigned_abs() < 10_u128.pow(38)
}

/// Sorts the texts of a set; `None` if one is repeated.
pub(super) fn set_of(mut texts: Vec<Arc<str>>) -> Option<Arc<[Arc<str>]>> {
    texts.sort_unstable();
    let twice = texts.windows(2).any(|pair| pair[0] == pair[1]);
    (!twice).then(|| texts.into())
}

fn number_of(text: &str) -> Result<i128, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = digits.trim_start_matches('0').len();
        let number = text.parse().ok().filter(|_| digits <= MAX_DIGITS);
        return number.ok_or_else(|| {
            format!("{INVALID}the model of DynamoDB does not support the number {text}")
        });
    }
    Err(format!(
        "{INVALID}The parameter cannot be converted to a whole number, and the model of DynamoDB does not support others: {text}"
    ))
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

/// The text of a number.
struct Number(i128);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                number_of(text).map(Number).map_err(E::custom)
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
                    "N" => Value::N(map.next_value::<Number>()?.0),
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
        struct Digits(i128);
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
