//! Changes of the set of grants: read, decide, write, until it is written.
//!
//! The decision is made on what was read, and written on the condition that the account is unchanged. So no two changes
//! overlap, and no debit slips in between unattributed. If something did come in between, the next attempt closes the
//! gate first, so a change gets through however busy the account is.

use std::iter::{once, repeat};

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::booking;
use super::gate::Gate;
use super::holdings::{Holdings, Layout};
use super::{Error, Ledger};
use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::table;
use crate::table::item::{self, Item};
use crate::table::key::Key;
use crate::table::{TransactAttempt, TransactOutcome};
use crate::words::id::AccountId;

/// A change of an account, with everything that is written in its transaction.
pub(super) struct Change {
    /// The holdings that replace what was read.
    pub(super) written: Holdings,
    /// The entries that book it, which must not exist yet. The first one decides whether the change was made before.
    pub(super) entries: Vec<Item>,
    /// Further actions of the same transaction.
    pub(super) also: Vec<TransactWriteItem>,
}

/// The decision about an account as it was read.
pub(super) enum Decision<T> {
    /// No change; the outcome.
    Done(T),
    /// A change, and its outcome.
    Write(Change, T),
}

/// The first step of a change.
pub(super) enum Start {
    /// Reads the account.
    Unread,
    /// Starts from the account as it was just read, or assumed to be missing.
    Read(Option<Holdings>),
}

/// The outcome of one attempt to write.
enum Attempt {
    Written,
    /// The first entry exists.
    EntryExists(Option<Item>),
    /// The account is not as it was read, or another transaction holds it.
    Changed,
}

/// The conditions of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// The account and its grants are as they were read.
    Account,
    /// The first entry, whose id makes the change happen once, does not exist.
    DecidingEntry,
    /// A further entry does not exist.
    FurtherEntry,
    /// A further write of the caller.
    Also,
}

impl Ledger {
    /// Changes an account. Calls `decide` on what is read, and again whenever the account has changed since.
    ///
    /// `known` returns the outcome of a change whose first entry exists; if it returns None, the account is read again.
    pub(super) async fn change<T, F>(
        &self,
        account: &AccountId,
        start: Start,
        deadline: &Deadline,
        mut decide: impl FnMut(Option<Holdings>) -> F,
        known: impl Fn(Option<Item>) -> Result<Option<T>, Error>,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Decision<T>, Error>>,
    {
        let mut gate = Gate::of(account);
        let mut start = start;
        let mut attempts = 0;
        loop {
            let read = match std::mem::replace(&mut start, Start::Unread) {
                Start::Read(found) => found,
                Start::Unread => self.holdings(account, deadline).await?,
            };
            let closed = |read: &Holdings| read.account.gate_is_held(deadline.now());
            if read.as_ref().is_some_and(closed) {
                if deadline.at_the_gate().await {
                    continue;
                }
                return Err(Error::Busy("the gate of the account stayed closed".into()));
            }
            let (read, change, outcome) = match decide(read.clone()).await? {
                Decision::Done(outcome) => return Ok(outcome),
                Decision::Write(change, outcome) if attempts == 0 => (read, change, outcome),
                // Something came in between before; behind the gate, nothing can.
                Decision::Write(..) => {
                    let held = self.close(&mut gate, deadline).await?;
                    match decide(held.clone()).await? {
                        Decision::Write(change, outcome) => (held, change, outcome),
                        Decision::Done(outcome) => {
                            if let Some(held) = &held {
                                self.open(&gate, held, deadline).await?;
                            }
                            return Ok(outcome);
                        }
                    }
                }
            };
            attempts += 1;
            match self.write(account, read.as_ref(), change, deadline).await? {
                Attempt::Written => return Ok(outcome),
                Attempt::EntryExists(stored) => {
                    if let Some(outcome) = known(stored)? {
                        return Ok(outcome);
                    }
                }
                Attempt::Changed => {}
            }
            if deadline.left().is_zero() {
                return Err(Error::Busy("the account kept changing".into()));
            }
        }
    }

    /// Writes a change in one transaction, unless the account has changed since it was read.
    async fn write(
        &self,
        account: &AccountId,
        read: Option<&Holdings>,
        change: Change,
        deadline: &Deadline,
    ) -> Result<Attempt, Error> {
        let stored = read.map(|read| read.layout);
        let apart = self.stores_grants_apart() || stored == Some(Layout::Apart);
        let written = &change.written;
        let account_action = match read {
            None => self.put_account(account, written, apart),
            Some(read) => self.update_account(account, read, written, apart),
        };
        let mut actions = vec![(Guard::Account, account_action)];
        let guards = once(Guard::DecidingEntry).chain(repeat(Guard::FurtherEntry));
        let entries = guards.zip(change.entries).map(|(guard, mut entry)| {
            booking::note_place(&mut entry, &written.account);
            (guard, self.table.put_if_absent(entry))
        });
        actions.extend(entries);
        if apart {
            actions.push((Guard::Account, self.put_grants(account, read, written)));
        }
        actions.extend(change.also.into_iter().map(|also| (Guard::Also, also)));
        let refused = match self.table.try_transact(actions, deadline).await? {
            TransactAttempt::Judged(TransactOutcome::Committed) => return Ok(Attempt::Written),
            TransactAttempt::Judged(TransactOutcome::Refused(refused)) => refused,
            TransactAttempt::Conflict(_) => return Ok(Attempt::Changed),
        };
        let mut refused = refused.into_iter();
        let entry = refused.find(|refusal| refusal.guard == Guard::DecidingEntry);
        Ok(entry.map_or(Attempt::Changed, |entry| Attempt::EntryExists(entry.stored)))
    }

    /// Returns whether grants get an item of their own.
    pub(crate) fn stores_grants_apart(&self) -> bool {
        self.table.item_version >= ItemVersion::V2
    }

    fn put_account(
        &self,
        account: &AccountId,
        written: &Holdings,
        apart: bool,
    ) -> TransactWriteItem {
        let mut item = written.account.to_item(account);
        if !apart {
            item.insert("grants".into(), item::json(&written.grants));
        }
        self.table.put_if_absent(item)
    }

    /// Changes the account item, if it is unchanged since it was read. Attributes that this release does not know stay
    /// as they are.
    pub(crate) fn update_account(
        &self,
        id: &AccountId,
        read: &Holdings,
        written: &Holdings,
        apart: bool,
    ) -> TransactWriteItem {
        let (before, after) = (&read.account, &written.account);
        let mut values = table::values([
            (":debited", item::amount(before.debited)),
            (":due_before", item::number(before.next_due_ms)),
            (":version_before", item::number(before.grants_version)),
            (":available", item::amount(after.available)),
            (":debited_after", item::amount(after.debited)),
            (":settled", item::amount(after.settled)),
            (":next_due", item::number(after.next_due_ms)),
            (":grants_version", item::number(after.grants_version)),
            (":free_plan", item::number(i64::from(after.free_plan))),
            (":free_due", item::number(after.free_due_ms)),
        ]);
        let grants = if apart {
            "REMOVE gate_until, gate_holder, grants"
        } else {
            values.insert(":grants".into(), item::json(&written.grants));
            ", grants = :grants REMOVE gate_until, gate_holder"
        };
        self.table.update_with(
            &Key::account(id),
            "debited = :debited AND next_due = :due_before AND grants_version = :version_before",
            &format!(
                "SET available = :available, debited = :debited_after, settled = :settled, next_due = :next_due, \
                 grants_version = :grants_version, free_plan = :free_plan, free_due = :free_due {grants}"
            ),
            values,
        )
    }

    /// Puts the grants into their own item, in place of those that were read.
    fn put_grants(
        &self,
        account: &AccountId,
        read: Option<&Holdings>,
        written: &Holdings,
    ) -> TransactWriteItem {
        let item = written.grants_item(account);
        match read {
            Some(read) if read.layout == Layout::Apart => self.table.put_if(
                item,
                "grants_version = :version_before",
                Some(table::values([(
                    ":version_before",
                    item::number(read.account.grants_version),
                )])),
            ),
            Some(_) | None => self.table.put_if_absent(item),
        }
    }
}
