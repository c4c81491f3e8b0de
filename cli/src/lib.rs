//! What the operator's command does: grant Sparks, read balances and ledgers.
//!
//! It works on the table named by `TABLE_NAME`, with the AWS credentials of the environment, for a local
//! stack and for AWS alike.

mod grant;
mod read;

use std::io::{self, Write};
use std::time::Duration;

use clap::{Parser, Subcommand};
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::id::{AccountId, IdempotencyKey};
use shared::ledger::{self, Ledger};
use shared::patience::Patience;
use shared::sparks::Sparks;
use shared::transport::Transport;

/// Operates a Sparks deployment.
#[derive(Debug, Parser)]
#[command(name = "sparks", version, about)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Grant Sparks to an account, which comes into being if it does not exist.
    Grant {
        /// The account.
        account: AccountId,
        /// How many Sparks, with at most 3 decimal places.
        sparks: Sparks,
        /// Why; it is kept with the entry.
        #[arg(long)]
        reason: String,
        /// Give the account the free plan, too.
        #[arg(long, value_parser = ["free"])]
        plan: Option<String>,
        /// The same key is the same grant; one is made up and printed when it is missing.
        #[arg(long)]
        key: Option<IdempotencyKey>,
    },
    /// Show what an account can spend, grant by grant.
    Balance {
        /// The account.
        account: AccountId,
    },
    /// Show the newest entries of an account's ledger.
    Ledger {
        /// The account.
        account: AccountId,
        /// How many entries.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment lacks something.
    #[error("the configuration is incomplete")]
    Config(#[from] config::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    /// The output cannot be printed as JSON.
    #[error("cannot print JSON")]
    Json(#[from] serde_json::Error),
    /// Only a positive number of Sparks can be granted.
    #[error("grant more than 0 Sparks")]
    NothingToGrant,
    /// The key belongs to another grant.
    #[error("the key `{0}` was used for another grant; nothing was written")]
    KeyReused(IdempotencyKey),
    /// The account does not exist.
    #[error("there is no account `{0}`")]
    NoAccount(AccountId),
}

/// What the commands work with.
struct Desk<'a> {
    ledger: Ledger,
    clock: Clock,
    patience: Patience,
    json: bool,
    /// Where the result goes.
    out: &'a mut dyn Write,
    /// Where everything else goes.
    notes: &'a mut dyn Write,
}

/// Runs a command.
pub async fn run(
    command: Command,
    environment: Environment<'_>,
    clock: Clock,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Error> {
    let ledger = Ledger::new(
        &environment.aws()?,
        &environment.table_name()?,
        &Transport::network(),
    );
    let patience = Patience::new(&clock, clock.now(), None, Duration::ZERO);
    let mut desk = Desk {
        ledger,
        clock,
        patience,
        json: command.json,
        out,
        notes,
    };
    match command.action {
        Action::Grant {
            account,
            sparks,
            reason,
            plan,
            key,
        } => grant::grant(&mut desk, account, sparks, reason, plan.is_some(), key).await,
        Action::Balance { account } => read::balance(&mut desk, account).await,
        Action::Ledger { account, limit } => read::ledger(&mut desk, account, limit).await,
    }
}
