//! Output of processes: the lines of both streams, kept for tests to read.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

/// The number of lines kept; the oldest are dropped first.
const MAX_LINES: usize = 10_000;

/// The longest line; the rest becomes another line, as in `CloudWatch`.
const MAX_LINE_BYTES: usize = 256 * 1024;

/// The size of a single read.
const CHUNK_BYTES: usize = 8 * 1024;

/// The stream of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The stream it was written to.
    pub stream: Stream,
    /// The text without its line break.
    pub text: String,
}

/// The lines of one function; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<watch::Sender<VecDeque<Line>>>);

impl Output {
    /// Returns all lines kept.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.0.borrow().iter().cloned().collect()
    }

    /// Waits for a line that contains `text`.
    pub(super) async fn line(&self, text: &str) -> Line {
        let mut lines = self.0.subscribe();
        let is = |line: &&Line| line.text.contains(text);
        let there = lines.wait_for(|lines| lines.iter().any(|line| is(&line)));
        let there = there.await.expect("the sender lives as long as this");
        there.iter().find(is).cloned().expect("it was found")
    }

    /// Reads a stream to its end.
    pub(super) async fn read(&self, stream: Stream, mut from: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            for byte in &chunk[..count] {
                if *byte == b'\n' || line.len() == MAX_LINE_BYTES {
                    self.add(stream, &std::mem::take(&mut line));
                }
                if *byte != b'\n' {
                    line.push(*byte);
                }
            }
        }
        if !line.is_empty() {
            self.add(stream, &line);
        }
    }

    fn add(&self, stream: Stream, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        self.0.send_modify(|lines| {
            if lines.len() == MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(Line { stream, text });
        });
    }
}
