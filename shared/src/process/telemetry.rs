//! Logs and metrics: one JSON line per event, and one line per invocation. Failures have their whole chain of causes.
//!
//! Field names are `entity.attribute`. Secrets, bodies, e-mails, prompts and hosted-page addresses never appear;
//! account ids do. An event is about one thing, and `RUST_LOG` filters it. The invocation's line sums the invocation
//! up and carries its metrics, whatever `RUST_LOG` says. Fields and metrics are listed in `docs/metrics.md`.

mod event;
mod invocation;
mod lines;
mod metric;
mod trace_context;

use std::error::Error;
use std::fmt::Write;

use tracing::{Subscriber, error};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::process::config::{self, Environment};
use crate::words::sparks::Sparks;

use event::Events;
pub use invocation::{Call, Function, account, count, invocation, step, timed};
pub(crate) use invocation::{answered, traceparent};
pub use lines::Lines;
pub use metric::{Metric, Step};
pub use trace_context::TraceContext;

/// The crates whose logs follow `RUST_LOG`.
const OURS: [&str; 8] = [
    "shared",
    "record_usage",
    "read_account",
    "create_checkout",
    "create_portal",
    "verify_payment",
    "stripe_webhook",
    "deliver_outbox",
];

/// The AWS SDK's own crates. They log each call that was abandoned at its timeout as an error, several times; the
/// ledger logs the parts that matter. They are silent unless `RUST_LOG` names them.
const SDK: &str = "aws_smithy";

/// Sends logs to standard output as JSON, filtered by `RUST_LOG`.
///
/// Other crates stay at `info` whatever it says: below that, the Lambda runtime logs whole requests, with
/// tokens and prompts.
pub fn init(environment: Environment<'_>) -> Result<(), config::Error> {
    logs(environment, lines::print)?.init();
    Ok(())
}

/// Passes each line to `write` as a whole. So logs can be read in this process.
pub fn logs<W>(
    environment: Environment<'_>,
    write: W,
) -> Result<impl Subscriber + Send + Sync, config::Error>
where
    W: Fn(&[u8]) + Send + Sync + 'static,
{
    let filter = capped(&environment.log_filter()?);
    Ok(tracing_subscriber::registry()
        .with(Events(write))
        .with(filter))
}

fn capped(asked: &Targets) -> Targets {
    let default = asked.default_level().unwrap_or(LevelFilter::INFO);
    let cap = |target: &str, level: LevelFilter| {
        let ours = target
            .split("::")
            .next()
            .is_some_and(|name| OURS.contains(&name));
        if ours {
            level
        } else {
            level.min(LevelFilter::INFO)
        }
    };
    Targets::new()
        .with_default(default.min(LevelFilter::INFO))
        .with_target(SDK, LevelFilter::OFF)
        .with_targets(OURS.map(|ours| (ours, default)))
        .with_targets(
            asked
                .iter()
                .map(|(target, level)| (target, cap(target, level))),
        )
}

/// Counts a credit for a payment.
pub(crate) fn credited(sparks: Sparks) {
    count(Metric::CreditsGranted, 1);
    count(Metric::SparksCredited, sparks.milli());
}

/// Logs a failure that an operator must look at, with its causes.
pub(crate) fn failure(failure: &(dyn Error + 'static), message: &str) {
    error!(error = chain(failure), "{message}");
}

/// Formats a failure and its causes, outermost first.
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

    const RUNTIME: &str = "lambda_runtime::layers::api_response";

    #[test]
    fn debug_logs_of_other_crates_are_never_enabled() {
        for asked in [
            "trace",
            "lambda_runtime=trace",
            "info,lambda_runtime::layers=trace,hyper=debug",
        ] {
            let filter = capped(&asked.parse().unwrap());
            for target in [RUNTIME, "aws_smithy_runtime", "hyper", "reqwest"] {
                assert!(
                    !filter.would_enable(target, &Level::DEBUG),
                    "{asked}: {target}"
                );
            }
        }
    }

    #[test]
    fn the_aws_sdk_is_silent_unless_rust_log_names_it() {
        const POISONING: &str = "aws_smithy_runtime::client::http::connection_poisoning";
        for (asked, enabled) in [
            ("info", false),
            ("error", false),
            ("trace", false),
            ("info,aws_smithy_runtime=error", true),
        ] {
            let filter = capped(&asked.parse().unwrap());
            assert_eq!(
                filter.would_enable(POISONING, &Level::ERROR),
                enabled,
                "{asked}"
            );
            assert!(
                filter.would_enable("lambda_runtime", &Level::ERROR),
                "{asked}"
            );
        }
    }

    #[test]
    fn our_own_logs_follow_rust_log() {
        for (asked, level) in [
            ("trace", Level::TRACE),
            ("info", Level::INFO),
            ("shared=debug", Level::DEBUG),
            ("warn,shared::usage=debug", Level::DEBUG),
            ("info,lambda_runtime=warn", Level::INFO),
        ] {
            assert!(
                capped(&asked.parse().unwrap()).would_enable("shared::usage", &level),
                "{asked}"
            );
        }
        assert!(!capped(&"warn".parse().unwrap()).would_enable("shared", &Level::INFO));
        assert!(
            !capped(&"info,lambda_runtime=warn".parse().unwrap())
                .would_enable(RUNTIME, &Level::INFO)
        );
    }
}
