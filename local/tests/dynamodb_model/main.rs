//! The model of DynamoDB: that it answers as the embedded database does, and what it tells besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agreement;
mod expressions;
mod history;
mod sequences;
mod world;
