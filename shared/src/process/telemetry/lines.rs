//! The destination of invocations' lines: standard output, or a keeper in this process.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static KEPT: Lines;
}

/// Keeps lines instead of writing them, so that they can be read in this process. Clones share the lines.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Runs `work`, and keeps the lines of its invocations.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        KEPT.scope(self.clone(), work).await
    }

    /// Returns the lines kept so far, oldest first.
    pub fn kept(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the keeper of the current work's lines, if there is one.
    pub(super) fn keeper() -> Option<Self> {
        KEPT.try_with(Self::clone).ok()
    }
}

/// Writes a line to its keeper, or else to standard output. It is one piece, so that lines never mix.
pub(super) fn write(mut line: String, keeper: Option<&Lines>) {
    if let Some(Lines(kept)) = keeper {
        return kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
    line.push('\n');
    print(line.as_bytes());
}

/// Writes a line to standard output in one piece.
pub(super) fn print(line: &[u8]) {
    // A failure to write cannot be reported.
    let _ = std::io::stdout().lock().write_all(line);
}
