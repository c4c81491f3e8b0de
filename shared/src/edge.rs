//! The HTTP edge: requests in, problems out, the same way in each function.

pub mod problem;
pub mod request;
mod serve;

pub use problem::Problem;
pub use serve::{Answer, Edge, Served, start, subject};
