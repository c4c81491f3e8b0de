//! Cold start of `record-usage`: logs, configuration, clients.

use lambda_http::{Error, run, service_fn};
use record_usage::{App, handle};
use shared::clock::Clock;
use shared::config::Environment;
use shared::telemetry;
use shared::transport::Transport;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(environment)?;
    let app = App::new(environment, &Transport::network(), Clock::system())?;
    run(service_fn(|request| handle(&app, request))).await
}
