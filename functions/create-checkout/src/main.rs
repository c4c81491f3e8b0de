//! Cold start of `create-checkout`: logs, configuration with its secrets, clients.

use create_checkout::{App, handle};
use lambda_http::{Error, run, service_fn};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::random;
use shared::process::telemetry;
use shared::process::transport::Transport;
use shared::providers::parameters::Parameters;

/// A request takes thousands of small allocations, most of them for the AWS SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    random::seed();
    let environment = Environment::process();
    telemetry::init(environment)?;
    let transport = Transport::network();
    let clock = Clock::system();
    let parameters = Parameters::read(environment, &transport, &clock).await?;
    let app = App::new(Setup {
        environment: parameters.environment(),
        transport: &transport,
        clock: &clock,
    })?;
    run(service_fn(|request| handle(&app, request))).await
}
