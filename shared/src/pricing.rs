//! Prices of usage, the items on sale, and their price ids.

pub mod catalog;
pub mod price_book;
pub mod price_id;
