//! Plans, their invoices, and the portal where they change.

mod deleted_customers;
mod event_orders;
mod lifecycle;
mod odd_invoices;
mod portal;
mod renewals;
mod second_plans;
