//! The process around a request: time, limits, settings, telemetry and HTTP.

pub(crate) mod aws_http;
pub mod clock;
pub mod config;
pub mod patience;
pub mod random;
pub mod telemetry;
pub mod transport;
