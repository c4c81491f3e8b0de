//! Where spans are kept: in memory, and in a file of a folder if there is one.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::query::Place;
use super::span::Span;

/// As which a span came: of two in one place, the first that came is the first of the list.
type Number = Reverse<usize>;

/// The spans of a project, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Storage {
    spans: Vec<Span>,
    /// The same in the order of the list, so that a page of many does not look at all.
    listed: BTreeSet<(Place, Number)>,
    file: Option<PathBuf>,
}

impl Storage {
    /// What a folder kept, or nothing yet.
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

    /// All of them.
    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    /// Those between two places that can be read, the last first: they came `delay` ago at least. Without a delay that is
    /// all of them, even when a test has moved the clock back.
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

    /// Keeps more spans; all of them or, with an error, none.
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

    /// Loses all spans of a trace; says how many they were.
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

/// The places of spans, of which the first came as number `first`.
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
