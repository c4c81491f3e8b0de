//! `dynoxide`: an implementation of all of DynamoDB over an embedded database. The model is compared with it.

use dynoxide::{Database, DynoxideError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Returns an empty database with a table.
pub(crate) fn database(definition: &Value) -> Database {
    let database = Database::memory().unwrap();
    assert_eq!(ask(&database, "CreateTable", definition).0, 200);
    database
}

/// Returns the response of a database.
pub(crate) fn ask(database: &Database, operation: &str, body: &Value) -> (u16, Value) {
    let answered = match operation {
        "CreateTable" => call(body, |request| database.create_table(request)),
        "DescribeTable" => call(body, |request| database.describe_table(request)),
        "GetItem" => call(body, |request| database.get_item(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "Query" => call(body, |request| database.query(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| database.batch_write_item(request)),
        "TransactGetItems" => call(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        other => panic!("{other} is not compared"),
    };
    match answered {
        Ok(answer) => (200, answer),
        Err(error) => {
            let body = serde_json::from_str(&error.to_json());
            (error.status_code(), body.unwrap())
        }
    }
}

/// Returns all items of a table.
pub(crate) fn items(database: &Database, table: &str) -> Vec<Value> {
    let mut scan = json!({ "TableName": table });
    let mut items = Vec::new();
    loop {
        let (_, mut page) = ask(database, "Scan", &scan);
        items.append(page["Items"].as_array_mut().unwrap());
        let last = page["LastEvaluatedKey"].take();
        if last.is_null() {
            return items;
        }
        scan["ExclusiveStartKey"] = last;
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &Value,
    run: impl FnOnce(Q) -> Result<A>,
) -> Result<Value> {
    let request = serde_json::from_str(&body.to_string());
    let answer = run(request.map_err(|error| unreadable(&error.to_string()))?)?;
    // Through text, as over HTTP: a number has more digits than a `Value` keeps.
    Ok(serde_json::from_str(&serde_json::to_string(&answer).unwrap()).unwrap())
}

/// Returns the error for a malformed body, of the class that the database's readers mark.
fn unreadable(message: &str) -> DynoxideError {
    let class = [
        "VALIDATION",
        "missing field",
        "unknown variant",
        "AttributeValue",
    ];
    if !message.starts_with("SERIALIZATION:") && class.iter().any(|class| message.contains(class)) {
        return DynoxideError::ValidationException(message.to_owned());
    }
    DynoxideError::SerializationException(message.to_owned())
}
