//! Random sequences of operations over few items, so that the operations interact.

use fastrand::Rng;
use serde_json::{Value, json};

use super::expressions::{
    attribute, condition, define, define_all, pick, set, text, update, value_of,
};
use super::queries::query;
use super::world::TABLE;

/// Keys of items of each kind in the ledger.
const KEYS: [(&str, &str); 12] = [
    ("A#a1", "A"),
    ("A#a1", "C"),
    ("E#e1", "E"),
    ("E#e2", "E"),
    ("E#e3", "E"),
    ("R#a1", "Q#2026-11-22T20:15"),
    ("R#a1", "Q#2026-11-22T20:30"),
    ("R#a1", "M#2026-11-22#m1"),
    ("INCIDENTS", "in_1#late"),
    ("INCIDENTS", "in_1#lost"),
    ("I#i1", "I"),
    ("B#par_1", "B"),
];

/// An operation and its request.
pub(crate) type Step = (&'static str, Value);

/// A generator of operations.
pub(crate) struct Sequence {
    rng: Rng,
    /// Transactions that were sent with a token.
    sent: Vec<Value>,
}

impl Sequence {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = Rng::with_seed(seed);
        Self {
            rng,
            sent: Vec::new(),
        }
    }

    /// Returns the number of operations.
    pub(crate) fn length(&mut self) -> usize {
        self.rng.usize(8..20)
    }

    /// Returns the next operation.
    pub(crate) fn next(&mut self) -> Step {
        match self.rng.u8(..100) {
            0..14 => ("PutItem", self.put()),
            14..36 => ("UpdateItem", self.single_update()),
            36..40 => ("DeleteItem", self.delete()),
            40..42 => ("BatchWriteItem", self.batch_write()),
            42..50 => ("GetItem", self.get()),
            50..56 => ("BatchGetItem", self.batch_get()),
            56..59 => ("TransactGetItems", self.transact_get()),
            59..80 => ("TransactWriteItems", self.transact()),
            80..93 => {
                let query = query(&mut self.rng);
                ("Query", self.page(query))
            }
            93..97 => ("Scan", self.scan()),
            _ => self.wrong(),
        }
    }

    fn key(&mut self) -> Value {
        let (pk, sk) = KEYS[self.rng.usize(..KEYS.len())];
        match self.rng.u8(..150) {
            0 => json!({"pk": {"S": pk}}),
            1 => json!({"pk": {"S": pk}, "sk": {"N": "1"}}),
            2 => json!({"pk": {"S": ""}, "sk": {"S": sk}}),
            3 => json!({"pk": {"S": pk}, "sk": {"S": ""}}),
            4 => json!({"pk": {"S": pk}, "sk": {"S": sk}, "account": {"S": "a1"}}),
            5 => json!({"pk": {"S": "k".repeat(2049)}, "sk": {"S": sk}}),
            6 => json!({"pk": {"S": pk}, "sk": {"S": "k".repeat(1025)}}),
            _ => json!({"pk": {"S": pk}, "sk": {"S": sk}}),
        }
    }

    /// Returns different keys.
    fn keys(&mut self, count: usize) -> Vec<Value> {
        let mut keys: Vec<Value> = (0..count).map(|_| self.key()).collect();
        if self.rng.u8(..20) > 0 {
            let mut seen = Vec::new();
            keys.retain(|key| {
                let new = !seen.contains(key);
                seen.push(key.clone());
                new
            });
        }
        keys
    }

    fn item(&mut self) -> Value {
        let mut item = self.key();
        let rng = &mut self.rng;
        for _ in 0..rng.u8(1..7) {
            let name = attribute(rng);
            item[name] = value_of(name, rng);
        }
        for name in [
            "langfuse",
            "stripe",
            "claims",
            "available",
            "pending_bucket",
            "pending_due",
        ] {
            if rng.u8(..3) > 0 {
                item[name] = value_of(name, rng);
            }
        }
        match rng.u8(..80) {
            0 => item["pending_bucket"] = json!({"S": ""}),
            1 => item["pending_due"] = text(rng),
            2 if rng.u8(..20) == 0 => item["grants"] = json!({"S": "x".repeat(410_000)}),
            3 => item["ledger_at"] = set(rng),
            _ => {}
        }
        item
    }

    /// Returns an item with the attributes of a key.
    fn item_at(&mut self, key: &Value) -> Value {
        let mut item = self.item();
        for (name, value) in key.as_object().into_iter().flatten() {
            item[name] = value.clone();
        }
        item
    }

    fn put(&mut self) -> Value {
        let mut item = self.item();
        match self.rng.u8(..80) {
            0 => item["models"] = json!({"SS": ["a", "a"]}),
            1 => item["models"] = json!({"SS": []}),
            2 => item["claims"] = json!({"N": "one"}),
            3 => item["claims"] = json!({}),
            _ => {}
        }
        let put = json!({"TableName": TABLE, "Item": item});
        self.conditional(put, None)
    }

    fn update(&mut self) -> Value {
        let key = self.key();
        let update = json!({"TableName": TABLE, "Key": key});
        let expression = match self.rng.u8(..50) {
            0 => "SET pk = :v0".to_owned(),
            1 => "SET stripe".to_owned(),
            2 => "SET status = :v0".to_owned(),
            3 => return update,
            _ => super::expressions::update(&mut self.rng),
        };
        self.conditional(update, Some(&expression))
    }

    /// Returns an update outside a transaction, which may request the item afterwards.
    fn single_update(&mut self) -> Value {
        let mut update = self.update();
        if self.rng.bool() {
            update["ReturnValues"] = ["ALL_NEW", "NONE"][self.rng.usize(..2)].into();
        }
        update
    }

    fn delete(&mut self) -> Value {
        let key = self.key();
        self.conditional(json!({"TableName": TABLE, "Key": key}), None)
    }

    /// Adds the expressions of a write, mostly with a condition.
    fn conditional(&mut self, mut write: Value, update: Option<&str>) -> Value {
        let rng = &mut self.rng;
        let condition = (rng.u8(..4) > 0).then(|| condition(rng));
        if let Some(condition) = &condition {
            write["ConditionExpression"] = condition.clone().into();
            if rng.bool() {
                write["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
            }
        }
        if let Some(update) = update {
            write["UpdateExpression"] = update.into();
        }
        let expressions: Vec<&str> = condition.as_deref().into_iter().chain(update).collect();
        if !expressions.is_empty() {
            define(&mut write, &expressions, rng);
        }
        write
    }

    fn transact(&mut self) -> Value {
        if !self.sent.is_empty() && self.rng.u8(..3) == 0 {
            let mut again = self.sent[self.rng.usize(..self.sent.len())].clone();
            if self.rng.u8(..4) == 0 {
                again["TransactItems"] = self.actions();
            }
            return again;
        }
        let mut transaction = json!({"TransactItems": self.actions()});
        if self.rng.bool() {
            transaction["ClientRequestToken"] = format!("{:016x}", self.rng.u64(..)).into();
            self.sent.push(transaction.clone());
        }
        transaction
    }

    fn actions(&mut self) -> Value {
        let count = self.rng.usize(1..5);
        let mut actions: Vec<Value> = Vec::new();
        for key in self.keys(count) {
            let kind = pick(
                &mut self.rng,
                &[
                    "Put",
                    "Put",
                    "Update",
                    "Update",
                    "Update",
                    "Delete",
                    "ConditionCheck",
                ],
            );
            let mut write = json!({"TableName": TABLE});
            let mut expression = None;
            match kind {
                "Put" => {
                    write["Item"] = self.item_at(&key);
                }
                "Update" => {
                    write["Key"] = key;
                    expression = Some(update(&mut self.rng));
                }
                _ => write["Key"] = key,
            }
            let mut write = self.conditional(write, expression.as_deref());
            if kind == "ConditionCheck" && write.get("ConditionExpression").is_none() {
                write["ConditionExpression"] = "attribute_exists(pk)".into();
            }
            actions.push(json!({ kind: write }));
        }
        actions.into()
    }

    fn get(&mut self) -> Value {
        let key = self.key();
        let mut get = json!({"TableName": TABLE, "Key": key});
        if self.rng.bool() {
            get["ConsistentRead"] = true.into();
        }
        self.project(&mut get);
        get
    }

    fn project(&mut self, read: &mut Value) {
        let rng = &mut self.rng;
        if rng.u8(..4) == 0 {
            let projection = format!("{}, pk, #name", attribute(rng));
            define(read, &[&projection], rng);
            let values = read.as_object_mut().unwrap();
            values.remove("ExpressionAttributeValues");
            values.insert("ProjectionExpression".to_owned(), projection.into());
        }
    }

    fn batch_get(&mut self) -> Value {
        let count = self.rng.usize(1..6);
        let mut asked = json!({"Keys": self.keys(count)});
        if self.rng.bool() {
            asked["ConsistentRead"] = true.into();
        }
        self.project(&mut asked);
        json!({"RequestItems": {TABLE: asked}})
    }

    fn batch_write(&mut self) -> Value {
        let count = self.rng.usize(1..6);
        let keys = self.keys(count).into_iter();
        let writes: Vec<Value> = keys
            .map(|key| {
                if self.rng.bool() {
                    return json!({"DeleteRequest": {"Key": key}});
                }
                json!({"PutRequest": {"Item": self.item_at(&key)}})
            })
            .collect();
        json!({"RequestItems": {TABLE: writes}})
    }

    fn transact_get(&mut self) -> Value {
        let count = self.rng.usize(1..4);
        let gets = self.keys(count).into_iter();
        let gets: Vec<Value> = gets
            .map(|key| json!({"Get": {"TableName": TABLE, "Key": key}}))
            .collect();
        json!({ "TransactItems": gets })
    }

    fn page(&mut self, mut list: Value) -> Value {
        let rng = &mut self.rng;
        if rng.bool() {
            list["Limit"] = rng.u8(1..4).into();
        }
        if list.get("KeyConditionExpression").is_some() && rng.u8(..3) == 0 {
            list["ScanIndexForward"] = false.into();
        }
        if rng.u8(..4) == 0 {
            list["ConsistentRead"] = true.into();
        }
        list
    }

    fn scan(&mut self) -> Value {
        let mut scan = json!({"TableName": TABLE});
        if self.rng.bool() {
            let filter = condition(&mut self.rng);
            define_all(&mut scan, &[&filter], &mut self.rng);
            scan["FilterExpression"] = filter.into();
        }
        if self.rng.bool() {
            scan["ProjectionExpression"] = "pk".into();
        }
        self.page(scan)
    }

    /// Returns an operation that is refused whatever the items.
    fn wrong(&mut self) -> Step {
        let key = json!({"pk": {"S": "a"}, "sk": {"S": "b"}});
        let elsewhere = json!({"TableName": "other", "Key": key});
        let mut absent = self.transact();
        absent["TransactItems"][0] = json!({ "Delete": elsewhere });
        match self.rng.u8(..11) {
            0 => ("GetItem", elsewhere),
            1 => ("TransactWriteItems", absent),
            2 => ("TransactWriteItems", json!({"TransactItems": []})),
            3 => ("TransactWriteItems", json!({"TransactItems": [{}]})),
            4 => (
                "BatchGetItem",
                json!({"RequestItems": {TABLE: {"Keys": []}}}),
            ),
            5 => ("BatchGetItem", json!({"RequestItems": {}})),
            6 => ("GetItem", json!({"TableName": TABLE})),
            7 => ("Query", json!({"TableName": TABLE})),
            8 => ("BatchWriteItem", json!({"RequestItems": {}})),
            9 => (
                "BatchWriteItem",
                json!({"RequestItems": {"other": [{"DeleteRequest": {"Key": key}}]}}),
            ),
            _ => (
                "PutItem",
                json!({"TableName": TABLE, "Item": {"pk": {"S": "a"}}}),
            ),
        }
    }
}
