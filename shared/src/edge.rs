//! The HTTP edge: requests in, problems out.

pub mod problem;
pub mod request;
