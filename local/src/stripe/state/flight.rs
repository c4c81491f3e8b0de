//! Calls in progress.

use std::sync::{Arc, Mutex, PoisonError};

use super::account::State;
use crate::stripe::wire::Call;

/// A call in progress. It locks its key and its customer's meter until it is dropped.
pub(crate) struct Flight {
    state: Arc<Mutex<State>>,
    call: Call,
}

impl Flight {
    pub(crate) fn new(state: Arc<Mutex<State>>, call: Call) -> Self {
        Self { state, call }
    }

    /// Returns whether it locks a customer's meter.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.call.exclusive.is_some()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &self.call.key {
            state.keys.release(key);
        }
        if let Some(taken) = &self.call.exclusive {
            state.busy.remove(taken);
        }
    }
}
