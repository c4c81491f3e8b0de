//! Compares the fake Stripe with Stripe's test mode: `make stripe-live-check`.
//!
//! Exit status: 0 if nothing differs, 1 if something does, 2 without a key of test mode in `STRIPE_TEST_KEY`.

#![expect(clippy::print_stderr, reason = "what a command is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use shared::process::clock::Clock;
use tests::live_check::{self, Account, Error, KEY};

/// Compares the fake Stripe with Stripe's test mode.
#[derive(Parser)]
struct Arguments {
    /// Write the names, statuses and shapes of Stripe's answers to this file, as JSON.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("stripe-live-check: {error}");
            ExitCode::from(error.status())
        }
    }
}

async fn run(arguments: &Arguments) -> Result<usize, Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the key belongs to this command, not to the product"
    )]
    let key = std::env::var(KEY).ok();
    let account = Account::in_test_mode(live_check::access(key.as_deref())?);
    let mut out = std::io::stdout();
    let file = arguments.write.as_deref();
    live_check::run(&account, &Clock::system(), file, &mut out).await
}
