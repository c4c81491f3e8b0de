//! Prices of usage and the items on sale.

pub mod catalog;
pub mod price_book;
