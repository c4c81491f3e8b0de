//! The ledger's arithmetic: limits, grants, expiries, and items of earlier releases.

mod balance_limit;
mod grants;
mod ledger;
mod releases;
mod settlement;
