//! Receivers of events, and the thin events themselves.

pub(crate) mod event_destinations;
pub(crate) mod thin_events;
pub(crate) mod webhook_endpoints;
