//! The operator's command, `sparks`.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::random;
use shared::process::transport::Transport;
use shared::providers::parameters::Parameters;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    random::seed();
    let command = cli::Command::parse();
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "this is where a command says what went wrong"
            )]
            {
                eprintln!("sparks: {}", cli::failure(&*error));
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(command: cli::Command) -> Result<(), Box<dyn Error>> {
    let (mut out, mut notes) = (std::io::stdout(), std::io::stderr());
    let (transport, clock) = (Transport::network(), Clock::system());
    let parameters = Parameters::read(Environment::process(), &transport, &clock).await?;
    let environment = parameters.environment();
    Ok(cli::run(
        command,
        environment,
        &transport,
        clock,
        &mut out,
        &mut notes,
    )
    .await?)
}
