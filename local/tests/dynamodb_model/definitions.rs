//! Tests of definitions of tables: the model accepts and refuses the same ones as `dynoxide`.

use dynoxide::Database;
use serde_json::{Value, json};

use super::dynoxide as reference;
use super::world::{TABLE, ask, definition, model};

const WITHOUT_INDEX: &str = "One or more parameter values were invalid: Number of attributes in KeySchema does not \
     exactly match number of attributes defined in AttributeDefinitions";

const WITH_INDEX: &str =
    "One or more parameter values were invalid: Some AttributeDefinitions are not used.";

/// Returns the response of both to a definition; the statuses are equal.
async fn create(definition: &Value) -> (u16, [String; 2]) {
    let database = Database::memory().unwrap();
    let (status, expected) = reference::ask(&database, "CreateTable", definition);
    let (modelled, got) = ask(&model(), "CreateTable", definition).await;
    assert_eq!(modelled, status, "dynoxide: {expected}\nmodel: {got}");
    let message = |answer: &Value| answer["message"].as_str().unwrap_or_default().to_owned();
    (status, [message(&expected), message(&got)])
}

/// Returns the template's definition without its indexes and their attributes.
fn without_indexes() -> Value {
    let mut plain = definition();
    let members = plain.as_object_mut().unwrap();
    members.remove("GlobalSecondaryIndexes");
    let attributes = members["AttributeDefinitions"].as_array_mut().unwrap();
    attributes.retain(|one| one["AttributeName"] == "pk" || one["AttributeName"] == "sk");
    plain
}

#[tokio::test]
async fn the_table_of_the_template_is_accepted() {
    assert_eq!(definition()["TableName"], TABLE);
    assert_eq!(create(&definition()).await.0, 200);
    assert_eq!(create(&without_indexes()).await.0, 200);
}

#[tokio::test]
async fn an_unused_or_repeated_attribute_is_refused() {
    for (definition, wording) in [
        (without_indexes(), WITHOUT_INDEX),
        (definition(), WITH_INDEX),
    ] {
        for name in ["unused", "sk"] {
            let mut wrong = definition.clone();
            let attributes = wrong["AttributeDefinitions"].as_array_mut().unwrap();
            attributes.push(json!({"AttributeName": name, "AttributeType": "S"}));
            let (status, messages) = create(&wrong).await;
            assert_eq!(status, 400, "{name}");
            for message in messages {
                assert!(message.starts_with(wording), "{name}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn an_undefined_attribute_of_a_key_is_refused() {
    let mut wrong = definition();
    let attributes = wrong["AttributeDefinitions"].as_array_mut().unwrap();
    attributes.retain(|one| one["AttributeName"] != "sk");
    assert_eq!(create(&wrong).await.0, 400);
}
