//! The core of Sparks.
//!
//! Modules import downwards in this order:
//!
//! - edge: [`problem`], [`request`]
//! - operations, one per route: [`usage`], [`balance`]
//! - [`delivery`]: what both providers are told of a usage
//! - outside systems: [`ledger`], [`stripe`], [`langfuse`], over [`transport`]
//! - the process: [`config`], [`telemetry`], [`clock`], [`patience`]
//! - words, without I/O: [`identity`], [`price_book`], [`catalog`], [`meter`], [`sparks`], [`id`], [`decimal`]

mod aws_http;
pub mod balance;
pub mod catalog;
mod circuit;
pub mod clock;
pub mod config;
pub mod decimal;
pub mod delivery;
pub mod id;
pub mod identity;
pub mod langfuse;
pub mod ledger;
pub mod meter;
pub mod patience;
pub mod price_book;
pub mod problem;
pub mod request;
pub mod sparks;
pub mod stripe;
pub mod telemetry;
pub mod transport;
pub mod usage;
