//! Objects as Stripe shows them, and their members.
//!
//! Members whose names begin with an underscore are the fake's own: they are stored with an object, and not shown.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Returns a text of an object; an empty one if it has none.
pub(crate) fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object[name].as_str().unwrap_or_default()
}

/// Returns a number of an object; zero if it has none.
pub(crate) fn number(object: &Value, name: &str) -> i64 {
    object[name].as_i64().unwrap_or_default()
}

/// Sets members of an object.
pub(crate) fn set(object: &mut Value, members: Value) {
    if let Value::Object(members) = members {
        for (name, value) in members {
            object[name] = value;
        }
    }
}

/// Returns an object with further members that are null, whose names are separated by spaces.
pub(crate) fn with_nulls(mut object: Value, names: &str) -> Value {
    for name in names.split_whitespace() {
        object[name] = Value::Null;
    }
    object
}

/// Returns an object as Stripe shows it. A deleted one has only its id.
pub(crate) fn shown(object: &Value) -> Value {
    if object["deleted"] == true {
        return json!({ "id": object["id"], "object": object["object"], "deleted": true });
    }
    let mut shown = object.clone();
    if let Some(members) = shown.as_object_mut() {
        members.retain(|name, _| !name.starts_with('_'));
    }
    shown
}

/// Overwrites the shown fields with the falsified ones.
pub(crate) fn overwrite(shown: &mut Value, overrides: &BTreeMap<String, Value>) {
    for (field, value) in overrides {
        if !field.starts_with('/') {
            shown[field] = value.clone();
        } else if let Some(place) = shown.pointer_mut(field) {
            *place = value.clone();
        }
    }
}

/// Returns the pointer to the member that a parameter names: `/recurring/meter` for `recurring[meter]`.
pub(crate) fn pointer(parameter: &str) -> String {
    format!("/{}", parameter.replace('[', "/").replace(']', ""))
}
