//! Strict JSON objects. Serde would also read a struct from a list, which the API does not document, and a map would
//! keep the last of two members of the same name.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A value that is read from a JSON object only, never from a list.
///
/// ```
/// use shared::words::object::Object;
/// #[derive(serde::Deserialize)]
/// struct Point { x: u8, y: u8 }
/// assert!(serde_json::from_str::<Point>("[1, 2]").is_ok());
/// assert!(serde_json::from_str::<Object<Point>>("[1, 2]").is_err());
/// let Object(point) = serde_json::from_str::<Object<Point>>(r#"{"x": 1, "y": 2}"#)?;
/// assert_eq!((point.x, point.y), (1, 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Object<T>(pub T);

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// The strings of an object by name. A duplicate name is refused.
#[derive(Debug)]
pub struct Texts(pub BTreeMap<String, String>);

struct EachOnce;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnce)
    }
}

impl<'de> Visitor<'de> for EachOnce {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose values are strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Texts, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some((name, text)) = members.next_entry::<String, String>()? {
            if texts.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            texts.insert(name, text);
        }
        Ok(Texts(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_name_is_refused() {
        let Texts(texts) = serde_json::from_str(r#"{"b":"1","a":"2"}"#).unwrap();
        assert_eq!(texts["a"], "2");
        let refused = serde_json::from_str::<Texts>(r#"{"a":"1","b":"2","a":"1"}"#).unwrap_err();
        assert!(refused.to_string().starts_with("duplicate field `a`"));
    }

    #[test]
    fn a_list_in_place_of_an_object_is_refused() {
        let refused = serde_json::from_str::<Object<bool>>("[]").unwrap_err();
        let expected = "invalid type: sequence, expected an object at line 1 column 0";
        assert_eq!(refused.to_string(), expected);
    }
}
