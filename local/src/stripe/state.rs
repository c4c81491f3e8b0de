//! The state of an account: objects, events, deliveries, keys, and its log of requests.

mod account;
mod calls;
mod deliveries;
mod delivery;
mod events;
mod flight;
mod keys;
mod kinds;
mod lookup;
mod objects;
mod rates;

pub(crate) use account::State;
pub(crate) use calls::Logged;
pub use deliveries::signature;
pub(crate) use delivery::{Delivery, Stage};
pub(crate) use flight::Flight;
pub(crate) use keys::Claim;
pub(crate) use kinds::{KINDS, Kind, Test};
