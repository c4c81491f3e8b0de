//! Reads an account's balance and what is left of each grant.

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{self, Account, Holdings, Ledger, Source};
use crate::process::clock;
use crate::process::deadline::Deadline;
use crate::words::entry_id::EntryId;
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

/// A balance.
#[derive(Debug, Serialize)]
pub struct Balance {
    /// The Sparks that can be spent; a debt if negative.
    pub available: Sparks,
    /// The grants that it consists of, in the order in which they burn.
    pub grants: Vec<GrantLeft>,
    /// The time of this balance.
    pub as_of: String,
}

/// The rest of one grant.
#[derive(Debug, Serialize)]
pub struct GrantLeft {
    /// The grant's id.
    pub id: EntryId,
    /// The source of its Sparks.
    pub source: Source,
    /// The Sparks that are left.
    pub remaining: Sparks,
    /// Expiry of these Sparks.
    pub expires_at: Option<String>,
}

/// The reason why there is no balance.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// Reads the balance, after settling what is due.
pub async fn read(
    ledger: &Ledger,
    subject: &Subject,
    deadline: &Deadline,
) -> Result<Balance, Error> {
    let now = deadline.start();
    let id = &subject.account;
    let holdings = match ledger.settled_holdings(id, deadline).await? {
        Some(holdings) => holdings,
        None if subject.may_open() => ledger.open_account(id, deadline).await?,
        None => return Err(Error::AccountNotFound),
    };
    Ok(of(&holdings, now).ok_or(ledger::Error::OutOfRange)?)
}

/// Reads the account of a request, after settling what was due.
///
/// An account's own first request creates it.
pub(crate) async fn account(
    ledger: &Ledger,
    subject: &Subject,
    deadline: &Deadline,
) -> Result<Account, Error> {
    let id = &subject.account;
    let found = ledger.account(id, deadline).await?;
    if found.is_none() && !subject.may_open() {
        return Err(Error::AccountNotFound);
    }
    Ok(ledger.settle_or_open(id, found, deadline).await?)
}

/// Returns the balance of an account; None if an amount does not fit.
fn of(holdings: &Holdings, now: Timestamp) -> Option<Balance> {
    let grants = holdings.grants_left()?.into_iter().map(|grant| GrantLeft {
        id: grant.id,
        source: grant.source,
        remaining: grant.remaining,
        expires_at: grant.expires_at.map(clock::wire),
    });
    Some(Balance {
        available: holdings.account.available,
        grants: grants.collect(),
        as_of: clock::wire(now),
    })
}
