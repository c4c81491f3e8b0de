//! Tests that the model and `dynoxide` respond alike to the same requests.

use std::ops::Range;

use dynoxide::Database;
use local::dynamodb::Tables;
use serde_json::{Value, json};

use super::dynoxide::{self as reference, database};
use super::sequences::{Sequence, Step};
use super::world::{TABLE, ask, definition, model, wider};

/// The most pages of one list.
const PAGES: usize = 20;

/// Plays sequences, each on empty tables of both.
async fn agree(seeds: Range<u64>) {
    let definition = definition();
    let definitions = [wider(&definition), definition];
    for seed in seeds {
        let both = Both::new(seed, &definitions[usize::from(seed % 3 > 0)]);
        let mut sequence = Sequence::new(seed);
        let mut left = None;
        for _ in 0..sequence.length() {
            let (operation, mut request) = sequence.next();
            let mut answer = both.ask(&(operation, request.clone())).await;
            // Continue one list later, when its last item may be gone.
            for _ in 0..PAGES {
                let Some(last) = answer.get("LastEvaluatedKey").cloned() else {
                    break;
                };
                request["ExclusiveStartKey"] = last;
                left.get_or_insert((operation, request.clone()));
                answer = both.ask(&(operation, request.clone())).await;
            }
        }
        if let Some(step) = left {
            both.ask(&step).await;
        }
        let items = reference::items(&both.database, TABLE);
        assert_eq!(both.model.items(TABLE).unwrap(), items, "seed {seed}");
    }
}

struct Both {
    seed: u64,
    database: Database,
    model: Tables,
}

impl Both {
    fn new(seed: u64, definition: &Value) -> Self {
        let (database, model) = (database(definition), model());
        model.create_table(definition).unwrap();
        Self {
            seed,
            database,
            model,
        }
    }

    async fn ask(&self, (operation, request): &Step) -> Value {
        let seed = self.seed;
        let (status, answer) = reference::ask(&self.database, operation, request);
        let (modelled_status, modelled) = ask(&self.model, operation, request).await;
        let (expected, got) = (comparable(&answer), comparable(&modelled));
        assert_eq!(
            (modelled_status, &got),
            (status, &expected),
            "seed {seed}: {operation} {request:#}\ndynoxide: {answer}\nmodel: {modelled}"
        );
        answer
    }

    /// Sends an expression of the longest length and a longer one, padded with spaces.
    async fn limits(
        &self,
        operation: &'static str,
        mut request: Value,
        place: &str,
        (member, expression): (&str, &str),
    ) {
        for (bytes, expected) in [(4_096, 200), (4_097, 400)] {
            request.pointer_mut(place).unwrap()[member] = format!("{expression:<bytes$}").into();
            self.ask(&(operation, request.clone())).await;
            let (status, answer) = ask(&self.model, operation, &request).await;
            assert_eq!(status, expected, "{operation} {member}: {answer}");
            if status == 400 {
                let wording = "Expression size has exceeded the maximum allowed size;";
                let message = format!("Invalid {member}: {wording}");
                assert_eq!(answer["message"], message, "{operation}");
            }
        }
    }
}

/// Returns the part of a response that must be equal. For an invalid request, that is the type without the message.
fn comparable(answer: &Value) -> Value {
    let kind = answer["__type"].as_str().unwrap_or_default();
    let (_, name) = kind.split_once('#').unwrap_or_default();
    match name {
        "" | "TransactionCanceledException" | "ConditionalCheckFailedException" => answer.clone(),
        _ => json!({ "__type": kind }),
    }
}

#[tokio::test]
async fn the_first_sequences_get_equal_responses() {
    agree(0..1_250).await;
}

#[tokio::test]
async fn the_second_sequences_get_equal_responses() {
    agree(1_250..2_500).await;
}

#[tokio::test]
async fn the_third_sequences_get_equal_responses() {
    agree(2_500..3_750).await;
}

#[tokio::test]
async fn the_last_sequences_get_equal_responses() {
    agree(3_750..5_000).await;
}

#[tokio::test]
async fn an_expression_has_at_most_4096_bytes() {
    let both = Both::new(0, &definition());
    let key = json!({"pk": {"S": "E#e1"}, "sk": {"S": "E"}});
    let keyed = json!({"TableName": TABLE, "Key": key});
    let put = json!({"TableName": TABLE, "Item": key});
    let mut update = keyed.clone();
    update["UpdateExpression"] = "REMOVE stripe".into();
    let values = json!({":pk": {"S": "E#e1"}});
    let query = json!({"TableName": TABLE, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values});
    let scan = json!({ "TableName": TABLE });
    let condition = ("ConditionExpression", "attribute_not_exists(stripe)");
    let change = ("UpdateExpression", "REMOVE claims");
    let key_condition = ("KeyConditionExpression", "pk = :pk");
    let filter = ("FilterExpression", "attribute_not_exists(stripe)");
    let projection = ("ProjectionExpression", "pk, sk");
    let single = [
        ("PutItem", &put, condition),
        ("UpdateItem", &update, condition),
        ("UpdateItem", &keyed, change),
        ("DeleteItem", &keyed, condition),
        ("GetItem", &keyed, projection),
        ("Query", &query, key_condition),
        ("Query", &query, filter),
        ("Query", &query, projection),
        ("Scan", &scan, filter),
        ("Scan", &scan, projection),
    ];
    for (operation, request, expression) in single {
        both.limits(operation, request.clone(), "", expression)
            .await;
    }
    let actions = [
        ("Put", &put, condition),
        ("Update", &update, condition),
        ("Update", &keyed, change),
        ("Delete", &keyed, condition),
        ("ConditionCheck", &keyed, condition),
    ];
    for (kind, write, expression) in actions {
        let request = json!({"TransactItems": [{ kind: write }]});
        let place = format!("/TransactItems/0/{kind}");
        both.limits("TransactWriteItems", request, &place, expression)
            .await;
    }
}

#[tokio::test]
async fn descriptions_of_the_table_are_equal() {
    let both = Both::new(0, &definition());
    let request = json!({ "TableName": TABLE });
    let (_, described) = reference::ask(&both.database, "DescribeTable", &request);
    let (_, modelled) = ask(&both.model, "DescribeTable", &request).await;
    for (member, value) in modelled["Table"].as_object().unwrap() {
        let expected = &described["Table"][member];
        if member != "GlobalSecondaryIndexes" {
            assert_eq!(value, expected, "{member}");
            continue;
        }
        for (index, expected) in value
            .as_array()
            .unwrap()
            .iter()
            .zip(expected.as_array().unwrap())
        {
            for (member, value) in index.as_object().unwrap() {
                assert_eq!(value, &expected[member], "{member}");
            }
        }
    }
}
