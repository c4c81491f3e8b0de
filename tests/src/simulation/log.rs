//! The log of a run's processes.

use std::sync::{Arc, Mutex, PoisonError};

/// A log that is read while it is written; clones share it.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what was written since the last call.
    pub(super) fn take(&self) -> String {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *written)).into_owned()
    }

    /// Appends a line.
    pub(super) fn write(&self, line: &[u8]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(line);
    }
}
