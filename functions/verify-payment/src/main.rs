//! Cold start of `verify-payment`: logs, configuration with its secrets, clients.

use lambda_http::{Error, run, service_fn};
use shared::clock::Clock;
use shared::config::Environment;
use shared::parameters::Parameters;
use shared::random;
use shared::telemetry;
use shared::transport::Transport;
use verify_payment::{App, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    random::seed();
    let environment = Environment::process();
    telemetry::init(environment)?;
    let transport = Transport::network();
    let clock = Clock::system();
    let parameters = Parameters::read(environment, &transport, &clock).await?;
    let app = App::new(parameters.environment(), &transport, clock)?;
    run(service_fn(|request| handle(&app, request))).await
}
