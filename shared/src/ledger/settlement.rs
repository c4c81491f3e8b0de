//! Changes to the set of grants: opening an account, and settling what is due.
//!
//! Each is one transaction on the condition that the account is as it was read, so two changes never
//! overlap and no debit slips in between unattributed.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::account::{Account, Settlement};
use super::booking::{self, CreditEntry};
use super::calls::Judged;
use super::failure::Verdict;
use super::item::{self, Item, Key};
use super::{Error, Ledger};
use crate::id::AccountId;
use crate::patience::Patience;

/// A change to the set of an account's grants, and what goes with it.
pub(super) struct Change<'a> {
    /// The account as it was read; nothing where there was none.
    pub(super) read: Option<&'a Account>,
    /// What takes its place.
    pub(super) written: &'a Account,
    /// The entries that book it, which must not exist yet.
    pub(super) entries: Vec<Item>,
    /// What else is written with it.
    pub(super) also: Vec<TransactWriteItem>,
}

/// How one attempt to write ended.
pub(super) enum Attempt {
    Written,
    /// The first entry exists.
    EntryExists(Option<Item>),
    AccountChanged,
}

impl Ledger {
    /// Brings an account into being unless it exists, and reads it. The free plan's first Sparks come with it.
    pub async fn open_account(
        &self,
        account: &AccountId,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Account, Error> {
        let new = Account::new(true, now);
        let settlement = new.settle(account, now).ok_or(Error::OutOfRange)?;
        let change = Change {
            read: None,
            written: &settlement.account,
            entries: entries(&settlement, account, now),
            also: Vec::new(),
        };
        match self.change(account, change, patience).await? {
            Attempt::Written => Ok(settlement.account),
            Attempt::EntryExists(_) | Attempt::AccountChanged => {
                let existing = self.settled_account(account, now, patience).await?;
                existing
                    .ok_or_else(|| Error::Broken("an account that exists cannot be read".into()))
            }
        }
    }

    /// The account with everything settled that was due, so that ledger and balance agree.
    pub async fn settled_account(
        &self,
        account: &AccountId,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Option<Account>, Error> {
        match self.account(account, patience).await? {
            Some(found) if found.is_due(now) => {
                self.settle(account, found, now, patience).await.map(Some)
            }
            found => Ok(found),
        }
    }

    /// Attributes debits, books what ended and lets in the month's free Sparks, when something is due.
    /// `found` is the account as it was read.
    pub async fn settle(
        &self,
        id: &AccountId,
        found: Account,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Account, Error> {
        let mut found = found;
        let mut failed_attempts = 0;
        while found.is_due(now) {
            if failed_attempts > 0 && !patience.another(failed_attempts).await {
                return Err(Error::Busy("the account kept changing".into()));
            }
            failed_attempts += 1;
            let settlement = found.settle(id, now).ok_or(Error::OutOfRange)?;
            let change = Change {
                read: Some(&found),
                written: &settlement.account,
                entries: entries(&settlement, id, now),
                also: Vec::new(),
            };
            found = match self.change(id, change, patience).await? {
                Attempt::Written => settlement.account,
                Attempt::EntryExists(_) | Attempt::AccountChanged => self
                    .account(id, patience)
                    .await?
                    .ok_or_else(|| Error::Broken("an account disappeared".into()))?,
            };
        }
        Ok(found)
    }

    /// Makes a change, all of it or nothing.
    ///
    /// The first entry decides between [`Attempt::EntryExists`] and the account's own change.
    pub(super) async fn change(
        &self,
        id: &AccountId,
        change: Change<'_>,
        patience: &Patience,
    ) -> Result<Attempt, Error> {
        let account = match change.read {
            None => self.put_if_absent(change.written.to_item(id)),
            Some(read) => self.change_account(id, read, change.written),
        };
        let mut actions = vec![account];
        actions.extend(change.entries.into_iter().map(|mut entry| {
            booking::note_place(&mut entry, change.written);
            self.put_if_absent(entry)
        }));
        actions.extend(change.also);
        match self.transact(actions, patience).await? {
            Judged::Committed => Ok(Attempt::Written),
            Judged::Refused(verdicts) => Ok(judge(verdicts)),
        }
    }

    /// Changes an account on the condition that it is as it was read. Attributes that this version of the
    /// code does not know stay as they are.
    fn change_account(
        &self,
        id: &AccountId,
        read: &Account,
        written: &Account,
    ) -> TransactWriteItem {
        self.update(
            &Key::account(id),
            "debited = :debited AND next_due = :due_before AND grants_version = :version_before",
            "SET available = :available, settled = :settled, next_due = :next_due, \
             grants_version = :grants_version, grants = :grants, free_plan = :free_plan, \
             free_due = :free_due",
            [
                (":debited", item::amount(read.debited)),
                (":due_before", item::number(read.next_due_ms)),
                (":version_before", item::number(read.grants_version)),
                (":available", item::amount(written.available)),
                (":settled", item::amount(written.settled)),
                (":next_due", item::number(written.next_due_ms)),
                (":grants_version", item::number(written.grants_version)),
                (":grants", item::json(&written.grants)),
                (":free_plan", item::number(i64::from(written.free_plan))),
                (":free_due", item::number(written.free_due_ms)),
            ],
        )
    }
}

/// The entries that book a settlement: first what ended, then what came in.
pub(super) fn entries(settlement: &Settlement, id: &AccountId, now: Timestamp) -> Vec<Item> {
    let ended = settlement.ended.iter();
    let ended = ended.map(|grant| booking::expiry_item(id, &grant.id, grant.remaining, now));
    let free = settlement.free.iter();
    let free = free.map(|grant| CreditEntry::of_free_plan(grant, id).to_item());
    ended.chain(free).collect()
}

/// The account is the first action, the deciding entry the second.
fn judge(verdicts: Vec<Verdict>) -> Attempt {
    match verdicts.into_iter().nth(1) {
        Some(Verdict::Failed(stored)) => Attempt::EntryExists(stored),
        Some(Verdict::Held) | None => Attempt::AccountChanged,
    }
}
