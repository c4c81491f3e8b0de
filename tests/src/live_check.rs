//! Compares the fake Stripe with Stripe's test mode: `make stripe-live-check`.
//!
//! A script of the requests that the product and its operator make is played twice, by the product's own client:
//! against a fresh fake in this process, and against Stripe. A recorder keeps the shape of each answer and none of its
//! values, and a comparison lists where the two differ.

mod account;
mod comparison;
mod recorder;
mod script;
mod shape;
mod step;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use shared::process::clock::Clock;
use shared::process::config::{Environment, StripeAccess};

pub use account::{Account, STAGE, quiet_fake};
pub use comparison::{Comparison, compare};
pub use recorder::{Exchange, Recording};
pub use script::play;
pub use step::Step;

/// The variable that holds the key of an account in test mode.
pub const KEY: &str = "STRIPE_TEST_KEY";

/// Reason why nothing was compared.
#[derive(Debug)]
pub enum Error {
    /// There is no key.
    NoKey,
    /// The key moves real money.
    LiveKey,
    /// The key has none of Stripe's prefixes.
    UnknownKey,
    /// The fake did not start.
    Fake(local::http::Error),
    /// The output or the file cannot be written.
    Output(io::Error),
}

impl Error {
    /// Returns the exit status: 2 if the key is at fault, else 1.
    pub fn status(&self) -> u8 {
        match self {
            Self::NoKey | Self::LiveKey | Self::UnknownKey => 2,
            Self::Fake(_) | Self::Output(_) => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => write!(
                f,
                "{KEY} is not set: it must be a key of a Stripe account in test mode, `sk_test_…` or `rk_test_…`."
            ),
            Self::LiveKey => write!(
                f,
                "{KEY} is a live key and was not used: the script pays, refunds and cancels."
            ),
            Self::UnknownKey => write!(f, "{KEY} must begin with `sk_test_` or `rk_test_`."),
            Self::Fake(error) => write!(f, "the fake did not start: {error}"),
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Returns access to Stripe with a key of test mode. The address is the one that the product calls by default.
pub fn access(key: Option<&str>) -> Result<StripeAccess, Error> {
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    let key = key.ok_or(Error::NoKey)?;
    if key.starts_with("sk_live_") || key.starts_with("rk_live_") {
        return Err(Error::LiveKey);
    }
    let lookup = |name: &str| (name == "STRIPE_SECRET_KEY").then(|| key.to_owned());
    let access = Environment::from_lookup(&lookup).required_stripe();
    access.map_err(|_| Error::UnknownKey)
}

/// Plays the script against a fresh fake and against an account. Prints the differences, and returns their number.
///
/// The exchanges with the account are kept in the file.
pub async fn run(
    account: &Account,
    clock: &Clock,
    file: Option<&Path>,
    out: &mut dyn Write,
) -> Result<usize, Error> {
    let fake = quiet_fake().await.map_err(Error::Fake)?;
    let of_fake = play(&Account::of_fake(fake), clock).await;
    let of_stripe = play(account, clock).await;
    if let Some(file) = file {
        let kept = serde_json::to_vec_pretty(&of_stripe).map_err(io::Error::from)?;
        std::fs::write(file, kept)?;
    }
    let Comparison { differences, notes } = compare(&of_fake, &of_stripe);
    for note in &notes {
        writeln!(out, "not compared: {note}")?;
    }
    for difference in &differences {
        writeln!(out, "{difference}")?;
    }
    let (compared, count) = (of_stripe.exchanges.len(), differences.len());
    writeln!(out, "{compared} exchanges with Stripe, {count} differences")?;
    Ok(count)
}
