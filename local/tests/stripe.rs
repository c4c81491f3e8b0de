//! The fake Stripe, held to what Stripe does.

mod balances;
mod calls;
mod catalogue;
mod changes;
mod checkout;
mod client;
mod customers;
mod dunning;
mod event_destinations;
mod invoices;
mod lists;
mod meter_errors;
mod meters;
mod portal;
mod refunds;
mod shop;
mod subscriptions;
mod summaries;
mod taxes;
mod timeline;
mod webhooks;
