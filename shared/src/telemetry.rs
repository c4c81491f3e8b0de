//! Logs: one JSON line per event, and failures with their whole chain of causes.
//!
//! Field names are `entity.attribute`. Secrets, bodies, e-mails, prompts and hosted-page addresses never
//! appear; account ids do.

use std::error::Error;
use std::fmt::Write;

use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::config::Environment;

/// Sends logs to standard output as JSON, filtered by `RUST_LOG` (default `info`).
pub fn init(environment: Environment<'_>) {
    let filter =
        EnvFilter::try_new(environment.log_filter()).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_target(false)
        .with_current_span(false)
        .without_time()
        .init();
}

/// Logs a failure that somebody must look at, with its causes.
pub(crate) fn failure(failure: &(dyn Error + 'static), message: &str) {
    error!(error = chain(failure), "{message}");
}

/// A failure and its causes, outermost first.
pub fn chain(failure: &(dyn Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
