//! The operations of the API, and the routes to them.

pub(crate) mod catalogue;
mod checkout_sessions;
mod customers;
mod event_destinations;
mod expand;
mod invoice_items;
mod invoices;
pub(crate) mod lists;
mod meter_events;
mod money;
mod orders;
mod portal;
mod portal_sessions;
mod prices;
mod routes;
mod subscriptions;
mod thin_events;
mod update_subscription;
mod webhook_endpoints;

pub(crate) use routes::route;
