//! `make budget`: counts what each function spends, and fails if anything exceeds `tests/bench/budget.json`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints its results"
)]

mod budget;
mod callgrind;

use std::process::ExitCode;

use benches::world::Failure;
use clap::Parser;

/// Counts what the functions beside this program spend, and fails if anything exceeds its budget.
#[derive(Debug, Parser)]
struct Arguments {
    /// Saves the counted figures as the new budget.
    #[arg(long)]
    renew: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool, Failure> {
    callgrind::is_there()?;
    let counted = budget::count().await?;
    if arguments.renew {
        budget::save(&counted)?;
    }
    let (text, kept) = budget::compare(&budget::read()?, &counted);
    print!("{text}");
    Ok(kept)
}
