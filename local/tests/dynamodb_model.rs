//! The model of DynamoDB: that it answers as the embedded database does, and what it tells besides.

mod agreement;
mod expressions;
mod history;
mod paced;
mod sequences;
mod torn;
mod world;
