//! Tables of a folder: what a restart keeps, and which folders are refused.

use std::fs;
use std::path::PathBuf;

use local::clock::Clock;
use local::dynamodb::{Access, Error, Tables};
use serde_json::{Value, json};

use super::sequences::Sequence;
use super::world::{TABLE, ask, definition};

/// Returns the path of a folder that does not exist.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{name}"));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn open(folder: &std::path::Path) -> Result<Tables, Error> {
    let tables = Tables::open(folder, Access::default(), Clock::system())?;
    tables.create_table(&definition()).unwrap();
    Ok(tables)
}

fn put(name: &str) -> Value {
    let key = json!({"pk": {"S": name}, "sk": {"S": "E"}, "pending_bucket": {"S": "P#01"}, "pending_due": {"N": "1"}});
    json!({"TableName": TABLE, "Item": key})
}

/// Returns the number of items in the index.
async fn pending(tables: &Tables) -> Value {
    let query = json!({
        "TableName": TABLE, "IndexName": "pending", "KeyConditionExpression": "pending_bucket = :b",
        "ExpressionAttributeValues": {":b": {"S": "P#01"}},
    });
    ask(tables, "Query", &query).await.1["Count"].take()
}

/// The journal is only closed, as when the process is killed.
#[tokio::test]
async fn a_restart_keeps_the_items() {
    let folder = folder("restart");
    for seed in 0..20 {
        let _ = fs::remove_dir_all(&folder);
        let mut tables = open(&folder).unwrap();
        let mut sequence = Sequence::new(seed);
        for _ in 0..3 {
            for _ in 0..sequence.length() {
                let (operation, request) = sequence.next();
                ask(&tables, operation, &request).await;
            }
            let (items, listed) = (tables.items(TABLE).unwrap(), pending(&tables).await);
            drop(tables);
            tables = open(&folder).unwrap();
            assert_eq!(tables.items(TABLE).unwrap(), items, "seed {seed}");
            assert_eq!(pending(&tables).await, listed, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn an_unfinished_line_is_dropped_with_its_whole_transaction() {
    let folder = folder("unfinished");
    let tables = open(&folder).unwrap();
    ask(&tables, "PutItem", &put("a")).await;
    let both = json!({"TransactItems": [{"Put": put("b")}, {"Put": put("c")}]});
    assert_eq!(ask(&tables, "TransactWriteItems", &both).await.0, 200);
    drop(tables);
    let journal = folder.join("dynamodb.jsonl");
    let whole = fs::read(&journal).unwrap();
    let before_transaction = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    for length in before_transaction + 1..whole.len() {
        fs::write(&journal, &whole[..length]).unwrap();
        let tables = open(&folder).unwrap();
        assert_eq!(tables.items(TABLE).unwrap(), [put("a")["Item"].clone()]);
        ask(&tables, "PutItem", &put("d")).await;
        drop(tables);
        assert_eq!(open(&folder).unwrap().items(TABLE).unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_start_leaves_a_line_for_each_item() {
    let folder = folder("compact");
    let tables = open(&folder).unwrap();
    for _ in 0..10 {
        ask(&tables, "PutItem", &put("a")).await;
    }
    ask(&tables, "PutItem", &put("b")).await;
    let delete = json!({"TableName": TABLE, "Key": {"pk": {"S": "b"}, "sk": {"S": "E"}}});
    ask(&tables, "DeleteItem", &delete).await;
    let lines = || {
        let journal = fs::read_to_string(folder.join("dynamodb.jsonl")).unwrap();
        journal.lines().count()
    };
    assert_eq!(lines(), 2 + 12, "a header, a table and each commit");
    drop(tables);

    let tables = open(&folder).unwrap();

    assert_eq!(lines(), 3);
    assert_eq!(tables.items(TABLE).unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let folder = folder("once");
    let tables = open(&folder).unwrap();
    assert!(matches!(open(&folder), Err(Error::InUse(used)) if used == folder));
    drop(tables);
    open(&folder).unwrap();
}

#[tokio::test]
async fn a_folder_of_another_release_is_refused_and_left_alone() {
    let folder = folder("other");
    for (name, text) in [
        ("dynamodb.sqlite", "SQLite format 3"),
        ("dynamodb.jsonl", "{\"sparks_dynamodb_journal\":2}\n"),
        ("dynamodb.jsonl", ""),
    ] {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        let refused = open(&folder).err().unwrap();
        assert!(matches!(&refused, Error::OtherRelease(named) if *named == file));
        assert!(refused.to_string().contains("delete its folder"));
        assert_eq!(fs::read_to_string(file).unwrap(), text);
    }
}

#[tokio::test]
async fn a_damaged_line_is_refused_by_its_number() {
    let folder = folder("damaged");
    let tables = open(&folder).unwrap();
    for name in ["a", "b"] {
        ask(&tables, "PutItem", &put(name)).await;
    }
    drop(tables);
    let journal = folder.join("dynamodb.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("{\"commit\"", "{\"comit\"", 1)).unwrap();
    assert!(matches!(open(&folder), Err(Error::Damaged(_, 3, _))));
}
