//! Where the lines of invocations go: to standard output, or to whoever keeps them.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static KEPT: Lines;
}

/// Keeps lines instead of writing them, for whoever wants to read them in this process. Clones keep together.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Does `work`, and keeps the lines of its invocations.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        KEPT.scope(self.clone(), work).await
    }

    /// What was kept so far, oldest first.
    pub fn kept(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Who keeps the lines of the work that is under way, if anybody does.
    pub(super) fn keeper() -> Option<Self> {
        KEPT.try_with(Self::clone).ok()
    }
}

/// Writes a line to whoever keeps it, or else to standard output at once: lines never mix.
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

/// Writes a line to standard output at once.
pub(super) fn print(line: &[u8]) {
    // There is nowhere to say that there is nowhere to write.
    let _ = std::io::stdout().lock().write_all(line);
}
