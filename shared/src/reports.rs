//! Reports about an account: its balance, history, statement, and the price of a usage.

pub mod audit;
pub mod balance;
pub mod entries;
pub mod estimate;
pub mod history;
pub mod parameter;
pub mod statement;
