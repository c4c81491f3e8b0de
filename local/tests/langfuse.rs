//! Tests that the fake Langfuse behaves as Langfuse does.

mod client;
mod exports;
mod observations;
mod settings;
mod traps;
