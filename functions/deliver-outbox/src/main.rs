//! Cold start of `deliver-outbox`: logs, configuration, clients.

use deliver_outbox::{App, handle};
use lambda_runtime::{Error, run, service_fn};
use shared::clock::Clock;
use shared::config::Environment;
use shared::telemetry;
use shared::transport::Transport;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(environment)?;
    let app = App::new(environment, &Transport::network(), Clock::system())?;
    run(service_fn(|event| handle(&app, event))).await
}
