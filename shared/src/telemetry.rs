//! Logs: one JSON line per event, and failures with their whole chain of causes.
//!
//! Field names are `entity.attribute`. Secrets, bodies, e-mails, prompts and hosted-page addresses never
//! appear; account ids do.

use std::error::Error;
use std::fmt::Write;

use tracing::error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{self, Environment};

/// The crates whose logs follow `RUST_LOG`.
const OURS: [&str; 3] = ["shared", "record_usage", "read_account"];

/// Sends logs to standard output as JSON, ours from the level in `RUST_LOG` on.
///
/// Other crates stay at `info`: below that, the Lambda runtime logs whole requests, with tokens and prompts.
pub fn init(environment: Environment<'_>) -> Result<(), config::Error> {
    let filter = filter(environment.log_level()?);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    Ok(())
}

fn filter(level: LevelFilter) -> Targets {
    let others = LevelFilter::INFO.min(level);
    Targets::new()
        .with_default(others)
        .with_targets(OURS.map(|ours| (ours, level)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn what_the_runtime_says_of_whole_requests_is_never_logged() {
        let filter = filter(LevelFilter::TRACE);
        assert!(filter.would_enable("shared::usage", &Level::TRACE));
        for target in [
            "lambda_runtime::layers::api_response",
            "aws_smithy_runtime",
            "hyper",
            "reqwest",
        ] {
            assert!(filter.would_enable(target, &Level::INFO));
            assert!(!filter.would_enable(target, &Level::DEBUG), "{target}");
        }
    }
}
