//! Opens accounts, and settles what is due before the next debit.

use jiff::Timestamp;

use super::account::Account;
use super::booking::{self, CreditEntry};
use super::change::{Change, Decision, Start};
use super::holdings::{Holdings, Settlement};
use super::{Error, Ledger};
use crate::process::deadline::Deadline;
use crate::table::item::Item;
use crate::words::id::AccountId;

impl Ledger {
    /// Opens an account unless it exists, and reads it. The free plan's first Sparks come with it.
    pub async fn open_account(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Holdings, Error> {
        let now = deadline.start();
        let decide = move |found: Option<Holdings>| async move {
            let found = found.unwrap_or_else(|| Holdings::new(true, now));
            settling(account, found, now)
        };
        let start = Start::Read(None);
        self.change(account, start, deadline, decide, |_| Ok(None))
            .await
    }

    /// Reads an account after settling everything due, so that ledger and balance agree.
    pub async fn settled_account(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<Account>, Error> {
        match self.account(account, deadline).await? {
            Some(found) => self.settle(account, found, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads an account with its grants after settling everything due.
    pub async fn settled_holdings(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<Holdings>, Error> {
        match self.holdings(account, deadline).await? {
            Some(found) => {
                let start = Start::Read(Some(found));
                self.settle_from(account, start, deadline).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Settles an account, or opens it if it does not exist. `found` is the account as it was read.
    pub async fn settle_or_open(
        &self,
        id: &AccountId,
        found: Option<Account>,
        deadline: &Deadline,
    ) -> Result<Account, Error> {
        match found {
            Some(found) => self.settle(id, found, deadline).await,
            None => Ok(self.open_account(id, deadline).await?.account),
        }
    }

    /// Attributes debits, books expiries and adds the month's free Sparks, if something is due. `found` is the account
    /// as it was read.
    pub async fn settle(
        &self,
        id: &AccountId,
        found: Account,
        deadline: &Deadline,
    ) -> Result<Account, Error> {
        let now = deadline.start();
        if !found.is_due(now) {
            return Ok(found);
        }
        let settled = self.settle_from(id, Start::Unread, deadline).await?;
        Ok(settled.account)
    }

    async fn settle_from(
        &self,
        account: &AccountId,
        start: Start,
        deadline: &Deadline,
    ) -> Result<Holdings, Error> {
        let now = deadline.start();
        let decide = move |found: Option<Holdings>| async move {
            let found = found.ok_or_else(|| Error::Broken("an account disappeared".into()))?;
            settling(account, found, now)
        };
        self.change(account, start, deadline, decide, |_| Ok(None))
            .await
    }
}

/// Settles an account if something is due.
fn settling(
    account: &AccountId,
    found: Holdings,
    now: Timestamp,
) -> Result<Decision<Holdings>, Error> {
    if !found.account.is_due(now) {
        return Ok(Decision::Done(found));
    }
    let settlement = found.settle(account, now).ok_or(Error::OutOfRange)?;
    let change = Change {
        entries: entries(&settlement, account, now).ok_or(Error::OutOfRange)?,
        written: settlement.holdings.clone(),
        also: Vec::new(),
    };
    Ok(Decision::Write(change, settlement.holdings))
}

/// Makes the entries that book a settlement: first expiries, then the free Sparks. None if an amount does not fit.
pub(crate) fn entries(
    settlement: &Settlement,
    id: &AccountId,
    now: Timestamp,
) -> Option<Vec<Item>> {
    let ended = settlement.ended.iter();
    let ended = ended.map(|grant| booking::expiry_item(id, &grant.id, grant.remaining, now));
    let free = settlement.free.iter();
    let free = free.map(|grant| Some(CreditEntry::of_free_plan(grant, id).to_item()));
    ended.chain(free).collect()
}
