//! `make bench` compares the functions with what users would pick instead, and `make budget` holds them to how many
//! instructions they may spend.
//!
//! The functions run as processes of their release binaries, as Lambda runs them ([`local::lambda`]), and DynamoDB,
//! Stripe and Langfuse in this process. Figures of one run can be compared with each other, not with other runs'.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a bench is for"
)]
#![expect(
    clippy::float_arithmetic,
    reason = "these are statistics: no money is moved by them"
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
    /// Where the functions were built, with their symbols.
    #[arg(long, default_value = "target/measured")]
    built: PathBuf,
    /// Where the report, what it is made of, and everything temporary goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compares, and reports.
    Compare {
        /// Starts of each program.
        #[arg(long, default_value_t = 31)]
        spawns: usize,
        /// Warm invocations of each of which time is measured.
        #[arg(long, default_value_t = 2_000)]
        invocations: usize,
        /// Invocations after which memory is looked at.
        #[arg(long, default_value_t = 10_000)]
        memory: usize,
        /// Measures only these functions, for a quick look: what is not measured stays open.
        #[arg(long)]
        only: Vec<String>,
        /// Writes the report into the documents as well.
        #[arg(long)]
        publish: bool,
    },
    /// Counts the instructions of each function, and fails when one spends more than its budget.
    Budget {
        /// Makes what they spend their budget.
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
