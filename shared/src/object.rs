//! A JSON object that is read as one. A struct could be read from a list, too, which no document of ours says.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// What an object says, and a list of the same never does.
///
/// ```
/// use shared::object::Object;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_told_what_it_should_be() {
        let refused = serde_json::from_str::<Object<bool>>("[]").unwrap_err();
        let expected = "invalid type: sequence, expected an object at line 1 column 0";
        assert_eq!(refused.to_string(), expected);
    }
}
