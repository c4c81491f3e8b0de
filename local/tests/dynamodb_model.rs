//! Tests that the model of DynamoDB behaves as `dynoxide` does, and of its own features.

mod agreement;
mod definitions;
mod dynoxide;
mod expressions;
mod history;
mod journal;
mod ledger;
mod paced;
mod queries;
mod sequences;
mod torn;
mod world;
