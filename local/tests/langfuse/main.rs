//! The fake Langfuse, held to what Langfuse does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod exports;
mod observations;
mod traps;
