//! Functions in their own processes, as Lambda runs them.

mod faults;
mod fleet;
mod function;
mod invocations;
