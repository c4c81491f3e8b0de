//! The fake Langfuse, held to what Langfuse does.

mod client;
mod exports;
mod observations;
mod settings;
mod traps;
