//! What the processes of a run write to their logs.

use std::sync::{Arc, Mutex, PoisonError};

/// A log that is read as it is written; clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What was written since this was last asked.
    pub(super) fn take(&self) -> String {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *written)).into_owned()
    }

    /// Keeps a line.
    pub(super) fn write(&self, line: &[u8]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(line);
    }
}
