//! What processes write: lines of both streams, kept for whoever wants to read them.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

/// How many lines are kept; the oldest go first.
const MAX_LINES: usize = 10_000;

/// The longest line; more of it is another line, as in `CloudWatch`.
const MAX_LINE_BYTES: usize = 256 * 1024;

/// How much is read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Where a line was written to.
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
    /// Where to.
    pub stream: Stream,
    /// Without its end.
    pub text: String,
}

/// The lines of one function; clones are the same lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<watch::Sender<VecDeque<Line>>>);

impl Output {
    /// All that is kept.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.0.borrow().iter().cloned().collect()
    }

    /// Waits for a line that contains `text`.
    pub(super) async fn line(&self, text: &str) -> Line {
        let mut lines = self.0.subscribe();
        let is = |line: &&Line| line.text.contains(text);
        let there = lines.wait_for(|lines| lines.iter().any(|line| is(&line)));
        let there = there.await.expect("we keep the sender");
        there.iter().find(is).cloned().expect("it is there")
    }

    /// Reads a stream to its end, whoever looks at the lines or not.
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
