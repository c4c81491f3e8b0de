//! Where spans are kept: in memory, and in a file of a folder if there is one.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::span::Span;

/// The spans of a project, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Storage {
    spans: Vec<Span>,
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
            spans,
            file: Some(file),
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    /// Those that can be read: they came `delay` ago at least. Without a delay that is all of them,
    /// even when a test has moved the clock back.
    pub(super) fn readable(&self, now: Timestamp, delay: SignedDuration) -> Vec<&Span> {
        let until = now.saturating_sub(delay).unwrap_or(Timestamp::MIN);
        let came = |span: &&Span| {
            delay.is_zero() || span.taken_at.is_none_or(|taken_at| taken_at <= until)
        };
        self.spans.iter().filter(came).collect()
    }

    /// Keeps more spans; all of them or, with an error, none.
    pub(super) fn add(&mut self, spans: Vec<Span>) -> std::io::Result<()> {
        if let Some(file) = &self.file {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).append(true).open(file)?;
            file.write_all(&lines(&spans)?)?;
        }
        self.spans.extend(spans);
        Ok(())
    }

    /// Loses all spans of a trace; says how many they were.
    pub(super) fn lose(&mut self, trace_id: &str) -> std::io::Result<usize> {
        let before = self.spans.len();
        self.spans.retain(|span| span.trace_id != trace_id);
        if let Some(file) = &self.file {
            let new = file.with_extension("jsonl.new");
            std::fs::write(&new, lines(&self.spans)?)?;
            std::fs::rename(new, file)?;
        }
        Ok(before - self.spans.len())
    }
}

fn lines(spans: &[Span]) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for span in spans {
        serde_json::to_writer(&mut lines, span)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
