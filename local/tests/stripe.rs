//! The fake Stripe, held to what Stripe does.

mod calls;
mod catalogue;
mod charges;
mod checkout;
mod client;
mod credit_notes;
mod customers;
mod disputes;
mod event_destinations;
mod expiry;
mod foreign;
mod fraud;
mod invoices;
mod limits;
mod lists;
mod meter_errors;
mod meters;
mod portal;
mod refunds;
mod shop;
mod subscriptions;
mod summaries;
mod webhooks;
