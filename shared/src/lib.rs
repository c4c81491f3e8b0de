//! The core of Sparks: one folder for each subject, importing downwards in this order.
//!
//! - [`edge`]: requests in, problems out
//! - [`outbox`]: finishes later what a request began
//! - [`reports`]: the balance, history, statement and estimate of an account; the operator's audit and its repair
//! - [`usage`]: records a usage and charges it
//! - [`payments`]: checkout, plans, refunds, the customer portal and Stripe's webhooks
//! - [`delivery`]: sends usages to Langfuse and to Stripe's meter; their queue, parcels, parking and redrive
//! - [`customers`]: the Stripe customer of each account
//! - [`providers`]: clients of Stripe, Langfuse and the parameter store
//! - [`ledger`]: accounts, grants and entries
//! - [`table`]: the DynamoDB table: items, conditional writes, transactions
//! - [`process`]: time, limits, settings, telemetry and HTTP
//! - [`pricing`]: the price book and the catalog
//! - [`words`]: amounts, ids, meters, sinks and addresses, without I/O

pub mod customers;
pub mod delivery;
pub mod edge;
pub mod ledger;
pub mod outbox;
pub mod payments;
pub mod pricing;
pub mod process;
pub mod providers;
pub mod reports;
pub mod table;
pub mod usage;
pub mod words;
