//! Clients of external systems: Stripe, Langfuse and the parameter store.

pub(crate) mod circuit;
pub mod langfuse;
pub mod parameters;
pub mod stripe;
