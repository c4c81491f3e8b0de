//! Storage of spans: in memory, and in a file if a folder is given.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::query::Place;
use super::span::Span;

/// The index of a span. Of two spans at one place, the first that came is listed first.
type Number = Reverse<usize>;

/// The spans of a project, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Storage {
    spans: Vec<Span>,
    /// The same spans in the order of the list. So a page need not look at all of them.
    listed: BTreeSet<(Place, Number)>,
    file: Option<PathBuf>,
}

impl Storage {
    /// Opens the storage of a folder, which may be empty.
    pub(super) fn open(directory: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let file = directory.join("langfuse.jsonl");
        let mut spans = Vec::new();
        if file.exists() {
            for line in BufReader::new(std::fs::File::open(&file)?).lines() {
                spans.push(serde_json::from_str(&line?)?);
            }
        }
        Ok(Self {
            listed: listed(&spans, 0),
            spans,
            file: Some(file),
        })
    }

    /// Returns all spans.
    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    /// Returns the readable spans between two places, the last first. Those were taken at least `delay` ago.
    ///
    /// Without a delay all are readable, even if a test has moved the clock back.
    pub(super) fn readable(
        &self,
        places: Range<Place>,
        now: Timestamp,
        delay: SignedDuration,
    ) -> impl Iterator<Item = &Span> {
        let until = now.saturating_sub(delay).unwrap_or(Timestamp::MIN);
        let came = move |span: &&Span| {
            delay.is_zero() || span.taken_at.is_none_or(|taken_at| taken_at <= until)
        };
        let before = |place| (place, Reverse(usize::MAX));
        let listed = self.listed.range(before(places.start)..before(places.end));
        let listed = listed.rev().map(|(_, number)| &self.spans[number.0]);
        listed.filter(came)
    }

    /// Stores more spans: all of them, or none on an error.
    pub(super) fn add(&mut self, spans: Vec<Span>) -> std::io::Result<()> {
        if let Some(file) = &self.file {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).append(true).open(file)?;
            file.write_all(&lines(&spans)?)?;
        }
        self.listed.extend(listed(&spans, self.spans.len()));
        self.spans.extend(spans);
        Ok(())
    }

    /// Removes all spans of a trace; returns their number.
    pub(super) fn lose(&mut self, trace_id: &str) -> std::io::Result<usize> {
        let before = self.spans.len();
        self.spans.retain(|span| span.trace_id != trace_id);
        self.listed = listed(&self.spans, 0);
        if let Some(file) = &self.file {
            let new = file.with_extension("jsonl.new");
            std::fs::write(&new, lines(&self.spans)?)?;
            std::fs::rename(new, file)?;
        }
        Ok(before - self.spans.len())
    }
}

/// Returns the places of spans, the first of which has the index `first`.
fn listed(spans: &[Span], first: usize) -> BTreeSet<(Place, Number)> {
    let places = spans.iter().map(Place::of);
    places.zip((first..).map(Reverse)).collect()
}

fn lines(spans: &[Span]) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for span in spans {
        serde_json::to_writer(&mut lines, span)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
