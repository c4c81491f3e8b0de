//! Use of Stripe's API, and the fake that stands in for it.

mod contract;
mod keys;
mod limits;
mod live_check;
