//! The process around a request: time, limits, settings, telemetry and HTTP.

pub(crate) mod aws_http;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod random;
pub mod telemetry;
pub mod transport;

use clock::Clock;
use config::Environment;
use transport::Transport;

/// Everything that the clients of a new environment are made of.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds secrets")]
pub struct Setup<'a> {
    /// The variables, with their secrets.
    pub environment: Environment<'a>,
    /// The way to the network.
    pub transport: &'a Transport,
    /// The time.
    pub clock: &'a Clock,
}
