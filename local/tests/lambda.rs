//! Functions in processes of their own, run as Lambda runs them.

mod faults;
mod fleet;
mod function;
mod invocations;
