//! The core of Sparks.
//!
//! Modules import downwards in this order:
//!
//! - edge: [`problem`], [`request`]
//! - operations: [`usage`], [`balance`], [`history`], [`statement`], [`checkout`], [`portal`], [`webhook`], [`outbox`]
//! - what operations share: [`desk`], [`delivery`] of a usage, [`payment`] of an order, [`subscription`] of an account, [`invoice`] of a plan, [`reversal`] of a payment, [`customers`]
//! - outside systems: [`ledger`], [`stripe`], [`langfuse`], [`parameters`], over [`transport`]
//! - the process: [`config`], [`telemetry`], [`clock`], [`patience`], [`random`]
//! - words, without I/O: [`identity`], [`price_book`], [`catalog`], [`meter`], [`sparks`], [`id`], [`return_url`], [`decimal`], [`whole`], [`object`]

mod aws_http;
pub mod balance;
pub mod catalog;
pub mod checkout;
mod circuit;
pub mod clock;
pub mod config;
pub mod customers;
pub mod decimal;
pub mod delivery;
pub mod desk;
pub mod history;
pub mod id;
pub mod identity;
pub mod invoice;
pub mod langfuse;
pub mod ledger;
pub mod meter;
pub mod object;
pub mod outbox;
pub mod parameters;
pub mod patience;
pub mod payment;
pub mod portal;
pub mod price_book;
pub mod problem;
pub mod random;
pub mod request;
pub mod return_url;
pub mod reversal;
pub mod sparks;
pub mod statement;
pub mod stripe;
pub mod subscription;
pub mod telemetry;
pub mod transport;
pub mod usage;
pub mod webhook;
pub mod whole;

/// Where memory comes from. A request takes thousands of small pieces of it, most of them for the AWS SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
