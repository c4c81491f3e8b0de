//! The journal of tables in a folder. It has a line for each table and each commit, and is replayed and compacted at
//! the start.
//!
//! A commit is written before its response, so a process that is killed loses none. The last line may be unfinished:
//! its commit got no response, and is dropped. A transaction is one line, so it is replayed entirely or not at all.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::definition::Definition;
use super::super::item::{Attributes, Item};
use super::super::refusal::Refusal;
use super::super::request;
use super::super::table::Table;
use super::history::Change;
use super::tables::Tables;

/// The name of the journal in its folder.
const FILE: &str = "dynamodb.jsonl";

/// The name of the database that earlier releases kept there.
const EARLIER_FILE: &str = "dynamodb.sqlite";

/// The first line, which names the format.
const HEADER: &str = r#"{"sparks_dynamodb_journal":1}"#;

/// An error that keeps the tables of a folder from opening.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or its journal cannot be read or written.
    #[error("failed to use the folder `{0}`")]
    Folder(PathBuf, #[source] io::Error),
    /// Another process has opened the folder.
    #[error("another process uses the folder `{0}`")]
    InUse(PathBuf),
    /// The tables are in a format of another release.
    #[error("`{0}` is of another release: delete its folder to start with an empty stack")]
    OtherRelease(PathBuf),
    /// A line of the journal, other than an unfinished last one, cannot be replayed.
    #[error("line {1} of `{0}` is damaged: delete its folder to start with an empty stack")]
    Damaged(PathBuf, usize, #[source] Refusal),
}

/// A line after the header.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Table(Definition),
    Commit(Vec<Entry>),
}

/// The state of an item after a commit.
#[derive(Deserialize, Serialize)]
struct Entry {
    table: String,
    key: Attributes,
    /// `None` if it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
}

/// An open journal.
pub(in super::super) struct Journal {
    file: File,
    /// The size of its lines. What a failed write left behind them is overwritten.
    bytes: u64,
    /// The folder, which stays locked until the journal is dropped.
    _folder: File,
}

/// Opens the tables of a folder, which is created if it does not exist.
pub(super) fn open(directory: &Path) -> Result<(Tables, Journal), Error> {
    let failed = |error| Error::Folder(directory.to_owned(), error);
    fs::create_dir_all(directory).map_err(failed)?;
    let folder = File::open(directory).map_err(failed)?;
    folder.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::InUse(directory.to_owned()),
        TryLockError::Error(error) => failed(error),
    })?;
    let earlier = directory.join(EARLIER_FILE);
    if earlier.exists() {
        return Err(Error::OtherRelease(earlier));
    }
    let path = directory.join(FILE);
    let mut tables = Tables::default();
    if path.exists() {
        let text = fs::read(&path).map_err(failed)?;
        replay(&text, &mut tables, &path)?;
    }
    let journal = compact(&tables, &path, folder).map_err(failed)?;
    Ok((tables, journal))
}

fn replay(text: &[u8], tables: &mut Tables, path: &Path) -> Result<(), Error> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    // Only an unfinished last line has no line break.
    let mut lines = lines.filter_map(|line| line.strip_suffix(b"\n"));
    if lines.next() != Some(HEADER.as_bytes()) {
        return Err(Error::OtherRelease(path.to_owned()));
    }
    for (line, number) in lines.zip(2..) {
        let replayed = request::read(line).and_then(|line| replay_line(line, tables));
        replayed.map_err(|refusal| Error::Damaged(path.to_owned(), number, refusal))?;
    }
    Ok(())
}

fn replay_line(line: Line, tables: &mut Tables) -> Result<(), Refusal> {
    match line {
        Line::Table(definition) => {
            let table = tables.prepare(&definition)?;
            tables.insert(definition, table);
            Ok(())
        }
        Line::Commit(entries) => entries.into_iter().try_for_each(|entry| {
            let table = tables.get_mut(&entry.table)?;
            let key = table.schema.named(&entry.key)?;
            table.write(&key, entry.item.as_ref());
            Ok(())
        }),
    }
}

/// Replaces the journal of a folder by one that has only the current items.
fn compact(tables: &Tables, path: &Path, folder: File) -> io::Result<Journal> {
    let new = path.with_extension("jsonl.new");
    let mut writer = BufWriter::new(File::create(&new)?);
    writeln!(writer, "{HEADER}")?;
    for (definition, table) in tables.all() {
        writer.write_all(&Line::Table(definition.clone()).text()?)?;
        for item in table.rows.values() {
            let entry = Entry::of(table, item, Some(item.clone()));
            writer.write_all(&Line::Commit(vec![entry]).text()?)?;
        }
    }
    let file = writer.into_inner()?;
    file.sync_all()?;
    fs::rename(new, path)?;
    Ok(Journal {
        bytes: file.metadata()?.len(),
        file,
        _folder: folder,
    })
}

impl Journal {
    /// Writes a created table.
    pub(super) fn create(&mut self, definition: &Definition) -> Result<(), Refusal> {
        self.write(&Line::Table(definition.clone()))
    }

    /// Writes the changes of a commit.
    pub(in super::super) fn commit(
        &mut self,
        tables: &Tables,
        changes: &[Change],
    ) -> Result<(), Refusal> {
        let entries = changes.iter().filter_map(|change| {
            let table = tables.get(&change.table).ok()?;
            let item = change.after.as_ref().or(change.before.as_ref())?;
            Some(Entry::of(table, item, change.after.clone()))
        });
        let entries: Vec<Entry> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        self.write(&Line::Commit(entries))
    }

    fn write(&mut self, line: &Line) -> Result<(), Refusal> {
        let failed = |error: io::Error| Refusal::Unwritten(error.to_string());
        let text = line.text().map_err(failed)?;
        self.file.write_all_at(&text, self.bytes).map_err(failed)?;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

impl Line {
    fn text(&self) -> io::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

impl Entry {
    /// Returns the entry of an item. `known` is an earlier or the current state of it.
    fn of(table: &Table, known: &Item, item: Option<Item>) -> Self {
        Self {
            table: table.name.to_string(),
            key: known.attributes().only(table.schema.names()),
            item,
        }
    }
}
