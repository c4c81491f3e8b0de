//! `make bench` compares the functions with the alternatives, and `make budget` checks their budget of instructions.
//!
//! The functions run as processes of their release binaries, as Lambda runs them ([`local::lambda`]); DynamoDB, Stripe
//! and Langfuse run in this process. Figures of one run can be compared with each other, not with those of other runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its results"
)]
#![expect(
    clippy::float_arithmetic,
    reason = "these are statistics: they move no money"
)]

mod budget;
mod callgrind;
mod chart;
mod cost;
mod figures;
mod flow;
mod goal;
mod owner;
mod process;
mod profile;
mod program;
mod publish;
mod report;
mod rounds;
mod run;
mod speed;
mod statistics;
mod trial;
mod units;
mod wire;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::speed::Amount;
use crate::world::Failure;

/// Measures the functions.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the built functions, with their symbols.
    #[arg(long, default_value = "target/measured")]
    built: PathBuf,
    /// Folder for the report, its figures, and all temporary files.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compares the programs, and reports.
    Compare {
        /// Starts of each program.
        #[arg(long, default_value_t = 31)]
        spawns: usize,
        /// Timed warm invocations of each program.
        #[arg(long, default_value_t = 2_000)]
        invocations: usize,
        /// Invocations after which memory is measured.
        #[arg(long, default_value_t = 10_000)]
        memory: usize,
        /// Measures only these functions, for a quick look; goals that are not measured stay open.
        #[arg(long)]
        only: Vec<String>,
        /// Also writes the report into the documents.
        #[arg(long)]
        publish: bool,
    },
    /// Counts the instructions of each function, and fails if one exceeds its budget.
    Budget {
        /// Saves the counted instructions as the new budget.
        #[arg(long)]
        renew: bool,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let Arguments { built, out, action } = arguments;
    std::fs::create_dir_all(&out)?;
    callgrind::is_there()?;
    match action {
        Action::Compare {
            spawns,
            invocations,
            memory,
            only,
            publish,
        } => {
            let amount = Amount {
                spawns,
                invocations,
                memory,
            };
            let figures = run::compare(&built, &out, amount, &only).await?;
            println!("{}", report::whole(&figures).trim_end());
            publish::keep(&figures, &out)?;
            if publish {
                publish::publish(&figures)?;
            }
            Ok(true)
        }
        Action::Budget { renew } => {
            let (text, kept) = run::budget(&built, &out, renew).await?;
            println!("{}", text.trim_end());
            Ok(kept)
        }
    }
}
