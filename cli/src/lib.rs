//! The operator's command: grants Sparks, reads balances and ledgers, keeps Stripe in order.
//!
//! It works on the table named by `TABLE_NAME`, with the AWS credentials of the environment, and on the Stripe
//! account of `STRIPE_SECRET_KEY`, for a local stack and for AWS alike. Each command reads only the variables that it
//! uses.

mod doctor;
mod grant;
mod lines;
mod outbox;
mod read;
mod reason;
mod reconcile;
mod repair;
mod reverse;
mod stripe_account;
mod stripe_setup;
mod verify;

use std::io::{self, Write};
use std::time::Duration;

use clap::{Parser, Subcommand};
use jiff::civil::Date;
use lines::Lines;
use reason::Reason;
use shared::ledger::{self, Ledger};
use shared::payments::Payments;
use shared::payments::invoice;
use shared::payments::payment;
use shared::payments::reversal;
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::deadline::Deadline;
use shared::process::telemetry;
use shared::process::transport::Transport;
use shared::providers::langfuse;
use shared::providers::stripe::{self, Stripe};
use shared::reports::history;
use shared::reports::statement::MAX_LIMIT;
use shared::table::Table;
use shared::words::id::{AccountId, IdempotencyKey, InvoiceId, ReversalId, SessionId};
use shared::words::sparks::Sparks;
pub use stripe_account::Charging;
use stripe_setup::Addresses;

/// Time that one step of a long command may take, retries included.
const STEP_TIME: Duration = Duration::from_mins(1);

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
    /// Grant Sparks to an account, which is created if it does not exist.
    Grant {
        /// The account.
        account: AccountId,
        /// Number of Sparks, with at most 3 decimal places.
        sparks: Sparks,
        /// Reason, in 1 to 200 characters; kept with the entry, and visible to the account.
        #[arg(long)]
        reason: Reason,
        /// Give the account the free plan as well.
        #[arg(long, value_parser = ["free"])]
        plan: Option<String>,
        /// Idempotency key: the same key is the same grant. Without it, a random key is made and printed.
        #[arg(long)]
        key: Option<IdempotencyKey>,
    },
    /// Take back a grant's remainder, or give back a usage's Sparks, once per entry.
    Reverse {
        /// Id of the entry, as listed by `sparks ledger`.
        entry: String,
        /// Reason, in 1 to 200 characters; kept with the entry, and visible to the account.
        #[arg(long)]
        reason: Reason,
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
        /// Number of entries.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_LIMIT)))]
        limit: u8,
    },
    /// Show pending deliveries, and parked ones, which failed for good.
    Outbox {
        #[command(subcommand)]
        action: Option<outbox::Action>,
    },
    /// Compare one UTC day with Stripe and Langfuse, or process one object at Stripe.
    ///
    /// The comparison of a day changes only deliveries: it records whether Stripe's meter has a parked usage, and parks
    /// a confirmed usage that the meter did not count.
    Reconcile(reconcile::Target),
    /// Recompute accounts from their entries, and list differences in prices, balance, roll-ups and grants.
    Verify {
        /// The account; all accounts by default.
        account: Option<AccountId>,
    },
    /// Rebuild an account from its entries, after a restore has left half of a transaction. `verify` names such
    /// accounts. Without `--yes`, only print what would change.
    Repair {
        /// The account.
        account: AccountId,
        /// Write the changes. Nothing else may write to the account meanwhile.
        #[arg(long)]
        yes: bool,
    },
    /// Check the deployment, and list incidents that need attention.
    Doctor {
        /// Dismiss all incidents of this object (`cs_…`, `in_…`, `re_…`). They are no longer listed.
        #[arg(long)]
        dismiss: Option<String>,
    },
    /// Create what a deployment needs in Stripe; a second run changes nothing.
    StripeSetup {
        /// URL for webhooks: the API's address with `/v1/webhooks/stripe`.
        #[arg(long)]
        webhook_url: Option<String>,
        /// URL to which the customer portal sends visitors back.
        #[arg(long)]
        return_url: Option<String>,
    },
}

/// Failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable of the environment is missing or malformed.
    #[error("the configuration is incomplete or malformed")]
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
    /// The number of Sparks is not positive, or too large for one grant.
    #[error("grant more than 0 and at most {0} Sparks")]
    AmountToGrant(Sparks),
    /// The account has no room for another grant.
    #[error("`{0}` has too many unspent grants; nothing was written")]
    TooManyGrants(AccountId),
    /// There is no incident of this object.
    #[error("there is no incident of `{0}`")]
    NoIncident(String),
    /// There is no such entry.
    #[error("there is no entry `{0}`")]
    NoEntry(String),
    /// The operator cannot reverse an entry of this kind.
    #[error("`{0}` {1}; nothing was written")]
    NotReversible(String, &'static str),
    /// The key belongs to another grant.
    #[error("the key `{0}` was used for another grant; nothing was written")]
    KeyReused(IdempotencyKey),
    /// The account does not exist.
    #[error("there is no account `{0}`")]
    NoAccount(AccountId),
    /// The entries of an account are inconsistent.
    #[error("`{0}` cannot be repaired from its entries: {1}; nothing was written")]
    NotRepairable(AccountId, String),
    /// The ledger cannot be listed.
    #[error("the ledger cannot be listed")]
    History(#[from] history::Error),
    /// Stripe failed.
    #[error("stripe failed")]
    Stripe(#[from] stripe::Error),
    /// Langfuse failed.
    #[error("langfuse failed")]
    Langfuse(#[from] langfuse::Error),
    /// The payment could not be checked.
    #[error("the payment could not be checked")]
    Payment(#[from] payment::Error),
    /// The session does not belong to this deployment.
    #[error("the session `{0}` does not belong to this deployment")]
    NoSession(SessionId),
    /// The invoice does not belong to this deployment.
    #[error("the invoice `{0}` does not belong to this deployment")]
    NoInvoice(InvoiceId),
    /// The refund, dispute or credit note has no effect, is unclear, or is not ours.
    #[error("`{0}` changes nothing: {1}")]
    NoReversal(ReversalId, String),
    /// The meter has a price, so that prepaid Sparks would be charged again.
    #[error(
        "the meter `{meter}` must have no price, because Sparks are prepaid, but {price}: {}; nothing was changed",
        .price.advice()
    )]
    PricedMeter {
        /// The meter.
        meter: String,
        /// The price.
        price: Charging,
    },
    /// The meter with our event name counts something else.
    #[error("the meter `{0}` does not sum `value` by customer; nothing was changed")]
    OtherMeter(String),
    /// The invoice could not be checked.
    #[error("the invoice could not be checked")]
    Invoice(#[from] invoice::Error),
    /// The refund or dispute could not be checked.
    #[error("the refund or dispute could not be checked")]
    Reversal(#[from] reversal::Error),
    /// Stripe has no meter to compare with.
    #[error("there is no meter at Stripe; run `sparks stripe-setup`")]
    NoMeter,
    /// The day is in the future.
    #[error("{0} has not begun yet")]
    DayToCome(Date),
    /// The command found problems, and printed them.
    #[error("problems found (see above)")]
    NotInOrder,
}

/// The environment, clock and outputs shared by all commands.
struct Console<'a> {
    environment: Environment<'a>,
    transport: Transport,
    clock: Clock,
    deadline: Deadline,
    json: bool,
    /// Output for the result.
    out: &'a mut dyn Write,
    /// Output for everything else, such as progress.
    notes: &'a mut dyn Write,
}

impl Console<'_> {
    /// Returns a client of the ledger's table.
    fn ledger(&self) -> Result<Ledger, Error> {
        Ok(Ledger::from_setup(self.setup())?)
    }

    /// Returns a client of the table.
    fn table(&self) -> Result<Table, Error> {
        Ok(Table::from_setup(self.setup())?)
    }

    /// Returns everything that payment operations need.
    fn payments(&self) -> Result<Payments, Error> {
        Ok(Payments::beside(&self.ledger()?, self.setup())?)
    }

    fn setup(&self) -> Setup<'_> {
        Setup {
            environment: self.environment,
            transport: &self.transport,
            clock: &self.clock,
        }
    }

    /// Returns a client of the Stripe account.
    fn stripe(&self) -> Result<Stripe, Error> {
        let access = self.environment.required_stripe()?;
        Ok(Stripe::new(&access, &self.transport, &self.clock))
    }
}

/// Formats a failure and its causes as one line. Control characters, which Stripe's text may have, are escaped.
pub fn failure(error: &(dyn std::error::Error + 'static)) -> String {
    lines::printable(&telemetry::chain(error))
}

/// Runs a command; all its requests go through `transport`.
pub async fn run<'a>(
    command: Command,
    environment: Environment<'a>,
    transport: &Transport,
    clock: Clock,
    out: &'a mut dyn Write,
    notes: &'a mut dyn Write,
) -> Result<(), Error> {
    let deadline = Deadline::new(&clock, clock.now(), None, Duration::ZERO);
    let (mut out, mut notes) = (Lines(out), Lines(notes));
    let mut console = Console {
        environment,
        transport: transport.clone(),
        clock,
        deadline,
        json: command.json,
        out: &mut out,
        notes: &mut notes,
    };
    match command.action {
        Action::Grant {
            account,
            sparks,
            reason,
            plan,
            key,
        } => grant::grant(&mut console, account, sparks, &reason, plan.is_some(), key).await,
        Action::Reverse { entry, reason } => reverse::run(&mut console, entry, &reason).await,
        Action::Balance { account } => read::balance(&mut console, account).await,
        Action::Ledger { account, limit } => read::ledger(&mut console, account, limit).await,
        Action::Outbox { action } => outbox::run(&mut console, action).await,
        Action::Reconcile(target) => Box::pin(reconcile::run(&mut console, target)).await,
        Action::Verify { account } => verify::run(&mut console, account).await,
        Action::Repair { account, yes } => repair::run(&mut console, account, yes).await,
        Action::Doctor {
            dismiss: Some(subject),
        } => doctor::dismiss(&mut console, subject).await,
        Action::Doctor { dismiss: None } => doctor::run(&mut console).await,
        Action::StripeSetup {
            webhook_url,
            return_url,
        } => {
            let addresses = Addresses {
                webhooks: webhook_url,
                portal_return: return_url,
            };
            stripe_setup::run(&mut console, &addresses).await
        }
    }
}
