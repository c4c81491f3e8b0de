//! Tests that the model of DynamoDB behaves as the embedded database does, and of its own features.

mod agreement;
mod expressions;
mod history;
mod paced;
mod sequences;
mod torn;
mod world;
