//! Subscriptions and their invoices: `/v1/subscriptions`, `/v1/invoices`, `/v1/invoiceitems`.

pub(crate) mod invoice_items;
pub(crate) mod invoices;
pub(crate) mod subscriptions;
pub(crate) mod update_subscription;
