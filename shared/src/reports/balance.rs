//! Reads an account's balance and what is left of each grant.

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{self, Account, Holdings, Ledger, Source};
use crate::process::clock;
use crate::process::patience::Patience;
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

/// A balance.
#[derive(Debug, Serialize)]
pub struct Balance {
    /// What can be spent; negative is a debt.
    pub available: Sparks,
    /// What it is made of, in the order in which it burns.
    pub grants: Vec<GrantLeft>,
    /// The time at which this was so.
    pub as_of: String,
}

/// What is left of one grant.
#[derive(Debug, Serialize)]
pub struct GrantLeft {
    /// The grant's id.
    pub id: String,
    /// Where it came from.
    pub source: Source,
    /// What is left of it.
    pub remaining: Sparks,
    /// When that ends.
    pub expires_at: Option<String>,
}

/// Why there is no balance to read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// Reads the balance, settling first what is due.
pub async fn read(
    ledger: &Ledger,
    subject: &Subject,
    now: Timestamp,
    patience: &Patience,
) -> Result<Balance, Error> {
    let id = &subject.account;
    let holdings = match ledger.settled_holdings(id, now, patience).await? {
        Some(holdings) => holdings,
        None if subject.may_open() => ledger.open_account(id, now, patience).await?,
        None => return Err(Error::AccountNotFound),
    };
    Ok(of(&holdings, now))
}

/// The account that a request is about, with everything settled that was due. Its own first request brings it
/// into being.
pub(crate) async fn account(
    ledger: &Ledger,
    subject: &Subject,
    now: Timestamp,
    patience: &Patience,
) -> Result<Account, Error> {
    let id = &subject.account;
    match ledger.settled_account(id, now, patience).await? {
        Some(account) => Ok(account),
        None if subject.may_open() => {
            let opened = ledger.open_account(id, now, patience).await?;
            Ok(opened.account)
        }
        None => Err(Error::AccountNotFound),
    }
}

fn of(holdings: &Holdings, now: Timestamp) -> Balance {
    let grants = holdings.grants_left().into_iter().map(|grant| GrantLeft {
        id: grant.id,
        source: grant.source,
        remaining: grant.remaining,
        expires_at: grant.expires_at.map(clock::wire),
    });
    Balance {
        available: holdings.account.available,
        grants: grants.collect(),
        as_of: clock::wire(now),
    }
}
