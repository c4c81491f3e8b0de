//! Cold start of `create-portal`: logs, configuration, clients.

use create_portal::{App, handle};
use lambda_http::{Error, run, service_fn};
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
