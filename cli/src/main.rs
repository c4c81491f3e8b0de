//! The operator's command, `sparks`.

use std::process::ExitCode;

use clap::Parser;
use shared::clock::Clock;
use shared::config::Environment;
use shared::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = cli::Command::parse();
    let (mut out, mut notes) = (std::io::stdout(), std::io::stderr());
    match cli::run(
        command,
        Environment::process(),
        Clock::system(),
        &mut out,
        &mut notes,
    )
    .await
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "this is where a command says what went wrong"
            )]
            {
                eprintln!("sparks: {}", telemetry::chain(&error));
            }
            ExitCode::FAILURE
        }
    }
}
