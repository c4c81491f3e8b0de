//! The vocabulary of the business, without I/O.

pub mod decimal;
pub mod entry_id;
pub(crate) mod hex;
pub mod id;
pub mod identity;
pub mod meter;
pub mod meter_event_id;
pub mod money;
pub mod object;
pub mod page_url;
pub mod return_url;
pub mod reversal_kind;
pub mod sink;
pub mod sparks;
pub mod whole;
