//! What the operator's command does: grant Sparks, read balances and ledgers, keep Stripe in order.
//!
//! It works on the table named by `TABLE_NAME`, with the AWS credentials of the environment, and on the Stripe
//! account of `STRIPE_SECRET_KEY`, for a local stack and for AWS alike. A command reads what it uses.

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
use shared::payments::invoice;
use shared::payments::payment;
use shared::payments::reversal;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::Patience;
use shared::process::telemetry;
use shared::process::transport::Transport;
use shared::providers::langfuse;
use shared::providers::stripe::{self, Stripe};
use shared::reports::history;
use shared::reports::statement::MAX_LIMIT;
use shared::words::id::{AccountId, IdempotencyKey, InvoiceId, ReversalId, SessionId};
use shared::words::reversal_kind::ReversalKind;
use shared::words::sparks::Sparks;
pub use stripe_account::Charging;
use stripe_setup::Addresses;

/// How long one step of a long command goes on trying.
const PATIENCE: Duration = Duration::from_mins(1);

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
        /// Why, in 1 to 200 characters; it is kept with the entry, and the account can read it.
        #[arg(long)]
        reason: Reason,
        /// Give the account the free plan, too.
        #[arg(long, value_parser = ["free"])]
        plan: Option<String>,
        /// The same key is the same grant; one is made up and printed when it is missing.
        #[arg(long)]
        key: Option<IdempotencyKey>,
    },
    /// Take back what is left of a grant, or give a usage's Sparks back; once per entry.
    Reverse {
        /// The entry's id, as `sparks ledger` lists it.
        entry: String,
        /// Why, in 1 to 200 characters; it is kept with the entry, and the account can read it.
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
        /// How many entries.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_LIMIT)))]
        limit: u8,
    },
    /// Show what waits to be delivered, and what failed for good.
    Outbox {
        #[command(subcommand)]
        action: Option<outbox::Action>,
    },
    /// Compare one UTC day with Stripe and Langfuse, or bring the ledger up to date with one object at Stripe.
    ///
    /// Of a day, nothing is changed but two notes: that Stripe's meter was shown not to have a parked usage, and that it
    /// was shown to have one.
    Reconcile {
        /// The day, `YYYY-MM-DD`; yesterday when it is missing.
        #[arg(long, group = "one")]
        day: Option<Date>,
        /// Credit what was paid at this checkout session, `cs_…`, instead.
        #[arg(long, group = "one")]
        session: Option<SessionId>,
        /// Credit what this invoice, `in_…`, has paid for, instead.
        #[arg(long, group = "one")]
        invoice: Option<InvoiceId>,
        /// Take back, or restore, what this refund, `re_…`, is of, instead.
        #[arg(long, group = "one")]
        refund: Option<ReversalId>,
        /// Take back, or restore, what this dispute, `dp_…`, is of, instead.
        #[arg(long, group = "one")]
        dispute: Option<ReversalId>,
        /// Take back, or restore, what this credit note, `cn_…`, is of, instead.
        #[arg(long, group = "one")]
        credit_note: Option<ReversalId>,
    },
    /// Work accounts out again from their entries: prices, balance, roll-ups, and what is left of each grant.
    Verify {
        /// The account; all of them when it is missing.
        account: Option<AccountId>,
    },
    /// Write an account anew from its entries, after `verify` has named it: for a restored table that holds a half of a
    /// transaction. Without `--yes` it says what would change.
    Repair {
        /// The account.
        account: AccountId,
        /// Write it. Nothing else may write to the account meanwhile.
        #[arg(long)]
        yes: bool,
    },
    /// Check the deployment, and list what somebody has to look at.
    Doctor {
        /// Say that all incidents of this object (`cs_…`, `in_…`, `re_…`) were looked at: they are not listed any more.
        #[arg(long)]
        dismiss: Option<String>,
    },
    /// Make in Stripe what a deployment needs; run again, it changes nothing.
    StripeSetup {
        /// Where webhooks go: the API's address with `/v1/webhooks/stripe`.
        #[arg(long)]
        webhook_url: Option<String>,
        /// Where the customer portal sends visitors back to.
        #[arg(long)]
        return_url: Option<String>,
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
    /// Only a positive number of Sparks can be granted, and not just any.
    #[error("grant more than 0 and at most {0} Sparks")]
    AmountToGrant(Sparks),
    /// Each grant takes room on its account.
    #[error("`{0}` has too many grants that are not spent; nothing was written")]
    TooManyGrants(AccountId),
    /// There is nothing of this name to look at.
    #[error("nothing is kept of `{0}`")]
    NoIncident(String),
    /// There is no such entry.
    #[error("there is no entry `{0}`")]
    NoEntry(String),
    /// The entry is of a kind that the operator does not reverse.
    #[error("`{0}` {1}; nothing was written")]
    NotReversible(String, &'static str),
    /// The key belongs to another grant.
    #[error("the key `{0}` was used for another grant; nothing was written")]
    KeyReused(IdempotencyKey),
    /// The account does not exist.
    #[error("there is no account `{0}`")]
    NoAccount(AccountId),
    /// The entries of an account do not fit together.
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
    /// How a payment stands is unknown.
    #[error("the payment is not known")]
    Payment(#[from] payment::Error),
    /// The session is not of this deployment.
    #[error("the session `{0}` is not of this deployment")]
    NoSession(SessionId),
    /// The invoice is not of this deployment.
    #[error("the invoice `{0}` is not of this deployment")]
    NoInvoice(InvoiceId),
    /// The refund, dispute or credit note is not of this deployment, or cannot be followed.
    #[error("`{0}` changes nothing: {1}")]
    NoReversal(ReversalId, &'static str),
    /// The meter has a price, so that prepaid Sparks would be charged again.
    #[error(
        "the meter `{meter}`: {price}, and Sparks are prepaid: {}; nothing was changed", .price.advice()
    )]
    PricedMeter {
        /// The meter.
        meter: String,
        /// The price.
        price: Charging,
    },
    /// There is a meter of our name that counts something else.
    #[error("the meter `{0}` does not sum `value` by customer; nothing was changed")]
    OtherMeter(String),
    /// What an invoice comes to is unknown.
    #[error("the invoice is not known")]
    Invoice(#[from] invoice::Error),
    /// What a refund or a dispute is of is unknown.
    #[error("the refund or dispute is not known")]
    Reversal(#[from] reversal::Error),
    /// There is no meter to compare with.
    #[error("there is no meter at Stripe; run `sparks stripe-setup`")]
    NoMeter,
    /// The day cannot be compared.
    #[error("{0} has not begun yet")]
    DayToCome(Date),
    /// Something is not as it should be; it was printed.
    #[error("not everything is in order")]
    NotInOrder,
}

/// What the commands work with.
struct Desk<'a> {
    environment: Environment<'a>,
    transport: Transport,
    clock: Clock,
    patience: Patience,
    json: bool,
    /// Where the result goes.
    out: &'a mut dyn Write,
    /// Where everything else goes.
    notes: &'a mut dyn Write,
}

impl Desk<'_> {
    /// The ledger in its table.
    fn ledger(&self) -> Result<Ledger, Error> {
        let table = self.environment.table()?;
        let aws = self.environment.aws()?;
        Ok(Ledger::new(&aws, &table, &self.transport))
    }

    /// The Stripe account.
    fn stripe(&self) -> Result<Stripe, Error> {
        let access = self.environment.required_stripe()?;
        Ok(Stripe::new(&access, &self.transport, &self.clock))
    }
}

/// A failure and its causes in one line, without control characters: Stripe's words may be among them.
pub fn failure(error: &(dyn std::error::Error + 'static)) -> String {
    lines::printable(&telemetry::chain(error))
}

/// Runs a command, which reaches everything through this transport.
pub async fn run<'a>(
    command: Command,
    environment: Environment<'a>,
    transport: &Transport,
    clock: Clock,
    out: &'a mut dyn Write,
    notes: &'a mut dyn Write,
) -> Result<(), Error> {
    let patience = Patience::new(&clock, clock.now(), None, Duration::ZERO);
    let (mut out, mut notes) = (Lines(out), Lines(notes));
    let mut desk = Desk {
        environment,
        transport: transport.clone(),
        clock,
        patience,
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
        } => grant::grant(&mut desk, account, sparks, &reason, plan.is_some(), key).await,
        Action::Reverse { entry, reason } => reverse::run(&mut desk, entry, &reason).await,
        Action::Balance { account } => read::balance(&mut desk, account).await,
        Action::Ledger { account, limit } => read::ledger(&mut desk, account, limit).await,
        Action::Outbox { action } => outbox::run(&mut desk, action).await,
        Action::Reconcile {
            day,
            session,
            invoice,
            refund,
            dispute,
            credit_note,
        } => {
            let reversals = [
                (ReversalKind::Refund, refund),
                (ReversalKind::Dispute, dispute),
                (ReversalKind::CreditNote, credit_note),
            ];
            let mut reversals = reversals.into_iter();
            let reversal = reversals.find_map(|(reason, id)| Some((reason, id?)));
            match (session, invoice, reversal) {
                (Some(session), ..) => reconcile::session(&mut desk, session).await,
                (_, Some(invoice), _) => reconcile::invoice(&mut desk, invoice).await,
                (.., Some((reason, id))) => reconcile::reversal(&mut desk, reason, id).await,
                (None, None, None) => Box::pin(reconcile::day(&mut desk, day)).await,
            }
        }
        Action::Verify { account } => verify::run(&mut desk, account).await,
        Action::Repair { account, yes } => repair::run(&mut desk, account, yes).await,
        Action::Doctor {
            dismiss: Some(subject),
        } => doctor::dismiss(&mut desk, subject).await,
        Action::Doctor { dismiss: None } => doctor::run(&mut desk).await,
        Action::StripeSetup {
            webhook_url,
            return_url,
        } => {
            let addresses = Addresses {
                webhooks: webhook_url,
                portal_return: return_url,
            };
            stripe_setup::run(&mut desk, &addresses).await
        }
    }
}
