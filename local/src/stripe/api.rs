//! The operations of the API, and the routes to them.

pub(crate) mod catalogue;
mod checkout_sessions;
mod customers;
mod expand;
pub(crate) mod lists;
mod meter_events;
mod money;
mod orders;
mod plans;
mod portal;
mod portal_sessions;
mod prices;
mod receivers;
mod routes;

pub(crate) use routes::route;
