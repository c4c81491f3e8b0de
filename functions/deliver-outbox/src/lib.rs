//! Runs each minute: finishes the deliveries, payments and renewals that are still open.

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use shared::outbox::{self, Outbox, Report};
use shared::process::clock::{self, Clock};
use shared::process::config::{self, Environment};
use shared::process::patience::Patience;
use shared::process::telemetry::{self, Call, Origin};
use shared::process::transport::Transport;

/// Maximum time of a run, less than the function's timeout of 55 s.
const LONGEST: Duration = Duration::from_secs(50);

/// Part of an invocation's time that is reserved for its end.
const KEPT_BACK: Duration = Duration::from_secs(3);

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    outbox: Outbox,
    origin: Origin,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(
        environment: Environment<'_>,
        transport: &Transport,
        clock: Clock,
    ) -> Result<Self, config::Error> {
        let outbox = Outbox::new(environment, transport, clock)?;
        let origin = Origin::new("deliver-outbox", &outbox.stage, &outbox.clock);
        Ok(Self { outbox, origin })
    }
}

/// Processes all due work; the event is only a trigger. Lambda reports a failed run, and the next run continues.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Report, Error> {
    let clock = &app.outbox.clock;
    let now = clock.now();
    let deadline_ms = i64::try_from(event.context.deadline).unwrap_or_default();
    let deadline = Timestamp::from_millisecond(deadline_ms).unwrap_or(now);
    // `cargo lambda watch` always sends a deadline of 1970.
    let left = match clock::until(deadline, now) {
        Duration::ZERO => LONGEST,
        left => left.saturating_sub(KEPT_BACK).min(LONGEST),
    };
    let call = Call::scheduled(&event.context);
    let patience = Patience::lasting(clock, left);
    let run = outbox::run(&app.outbox, &patience);
    Ok(telemetry::invocation(&app.origin, call, run).await?)
}
