//! Runs each minute: finishes deliveries, payments and renewals that are overdue.

use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use shared::outbox::{self, Outbox, Report};
use shared::process::telemetry::{self, Call, Function};
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    outbox: Outbox,
    function: Function,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        let outbox = Outbox::from_setup(setup)?;
        let function = Function::new("deliver-outbox", &outbox.stage, &outbox.clock);
        Ok(Self { outbox, function })
    }
}

/// Does what is due; the event is only a trigger. Lambda reports a run that fails, and the next one goes on.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Report, Error> {
    let call = Call::scheduled(&event.context);
    let deadline = app.outbox.deadline(event.context.deadline);
    let run = outbox::run(&app.outbox, &deadline);
    Ok(telemetry::invocation(&app.function, call, run).await?)
}
