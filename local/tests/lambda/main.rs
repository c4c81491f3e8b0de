//! Functions in processes of their own, run as Lambda runs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod fleet;
mod function;
mod invocations;
