//! Changes to the set of grants: opening an account, credits, and settling what is due.
//!
//! Each is one transaction on the condition that the account is as it was read, so two changes never
//! overlap and no debit slips in between unattributed.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::account::Account;
use super::calls::{Judged, written};
use super::entry::{self, CreditEntry, Purchase};
use super::failure::Verdict;
use super::grants::{Grant, Source};
use super::item::{self, Item, Key};
use super::{Error, Ledger, values};
use crate::id::{AccountId, IntentId};
use crate::patience::Patience;
use crate::sparks::Sparks;

/// Sparks that are to come in. The id makes it happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredit {
    /// Derived from what the credit is for; the same id is the same credit.
    pub id: String,
    /// Who receives it.
    pub account: AccountId,
    /// Where it comes from.
    pub source: Source,
    /// How much; more than nothing.
    pub sparks: Sparks,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Whether the account gets the free plan with it.
    pub free_plan: bool,
    /// What was bought, where it was paid for.
    pub purchase: Option<Purchase>,
}

/// What became of a credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credited {
    /// It came in now, and left the account like this.
    Recorded(Account),
    /// It had come in before.
    Replayed,
    /// Its id belongs to another credit; nothing was written.
    Reused,
}

/// A change to the set of an account's grants, and what goes with it.
struct Change<'a> {
    /// The account as it was read; nothing where there was none.
    read: Option<&'a Account>,
    /// What takes its place.
    written: &'a Account,
    /// The entries that book it, which must not exist yet.
    entries: Vec<Item>,
    /// The intent that it pays.
    paid: Option<&'a IntentId>,
}

/// How one attempt to write ended.
enum Attempt {
    Written,
    EntryExists(Option<Item>),
    AccountChanged,
}

impl Ledger {
    /// Brings an account into being unless it exists, and reads it.
    pub async fn open_account(
        &self,
        account: &AccountId,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Account, Error> {
        let new = Account::new(true, now);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new.to_item(account)))
            .condition_expression("attribute_not_exists(pk)");
        let opened = self
            .persist(patience, || async {
                let outcome = put.clone().send().await;
                written(outcome, PutItemError::is_conditional_check_failed_exception)
            })
            .await?;
        if opened {
            return Ok(new);
        }
        let existing = self.account(account, patience).await?;
        existing.ok_or_else(|| Error::Broken("an account that exists cannot be read".into()))
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

    /// Attributes debits and books what ended, when something is due. `found` is the account as it was read.
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
            let (settled, expired) = found.settle(now).ok_or(Error::OutOfRange)?;
            let entries = expired
                .iter()
                .map(|grant| entry::expiry_item(id, &grant.id, grant.remaining, now))
                .collect();
            let change = Change {
                read: Some(&found),
                written: &settled,
                entries,
                paid: None,
            };
            found = match self.change(id, change, patience).await? {
                Attempt::Written => settled,
                Attempt::EntryExists(_) | Attempt::AccountChanged => self
                    .account(id, patience)
                    .await?
                    .ok_or_else(|| Error::Broken("an account disappeared".into()))?,
            };
        }
        Ok(found)
    }

    /// Credits an account once per id, in one transaction with its ledger entry.
    ///
    /// A debt is repaid first. An account that does not exist comes into being.
    pub async fn credit(
        &self,
        credit: &NewCredit,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Credited, Error> {
        let found = self.account(&credit.account, patience).await?;
        self.credit_found(found, credit, now, patience).await
    }

    /// The same for an account that was just read. The intent of a purchase is paid in the same transaction.
    pub async fn credit_found(
        &self,
        found: Option<Account>,
        credit: &NewCredit,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Credited, Error> {
        let entry = CreditEntry {
            id: credit.id.clone(),
            account: credit.account.clone(),
            source: credit.source,
            sparks: credit.sparks,
            expires_at: None,
            reason: credit.reason.clone(),
            free_plan: credit.free_plan,
            purchase: credit.purchase.clone(),
            recorded_at: now,
        };
        let mut found = found;
        let mut failed_attempts = 0;
        while failed_attempts == 0 || patience.another(failed_attempts).await {
            let (mut account, expired) = match &found {
                Some(found) => found.settle(now).ok_or(Error::OutOfRange)?,
                None => (Account::new(credit.free_plan, now), Vec::new()),
            };
            let grant = Grant {
                id: credit.id.clone(),
                source: credit.source,
                remaining: credit.sparks,
                granted_at: now,
                expires_at: None,
            };
            account.credit(grant).ok_or(Error::OutOfRange)?;
            account.free_plan |= credit.free_plan;
            let mut entries = vec![entry.to_item()];
            entries.extend(
                expired.iter().map(|grant| {
                    entry::expiry_item(&credit.account, &grant.id, grant.remaining, now)
                }),
            );
            let change = Change {
                read: found.as_ref(),
                written: &account,
                entries,
                paid: credit.purchase.as_ref().map(|purchase| &purchase.intent),
            };
            match self.change(&credit.account, change, patience).await? {
                Attempt::Written => return Ok(Credited::Recorded(account)),
                Attempt::EntryExists(Some(stored)) if entry.is(&stored)? => {
                    return Ok(Credited::Replayed);
                }
                Attempt::EntryExists(_) => return Ok(Credited::Reused),
                Attempt::AccountChanged => {
                    found = self.account(&credit.account, patience).await?;
                    failed_attempts += 1;
                }
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }

    /// Makes a change, all of it or nothing.
    ///
    /// The first entry decides between [`Attempt::EntryExists`] and the account's own change.
    async fn change(
        &self,
        id: &AccountId,
        change: Change<'_>,
        patience: &Patience,
    ) -> Result<Attempt, Error> {
        let account = match change.read {
            None => self.put_if_absent(change.written.to_item(id)),
            Some(read) => self.change_account(id, read, change.written),
        };
        let entries = change.entries.into_iter();
        let mut actions = vec![account];
        actions.extend(entries.map(|entry| self.put_if_absent(entry)));
        actions.extend(change.paid.map(|intent| self.note_paid(intent)));
        match self.transact(&actions, patience).await? {
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
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::account(id).attributes()))
            .condition_expression(
                "debited = :debited AND next_due = :due_before AND grants_version = :version_before",
            )
            .update_expression(
                "SET available = :available, settled = :settled, next_due = :next_due, \
                 grants_version = :grants_version, grants = :grants, free_plan = :free_plan",
            )
            .set_expression_attribute_values(Some(values([
                (":debited", item::amount(read.debited)),
                (":due_before", item::number(read.next_due_ms)),
                (":version_before", item::number(read.grants_version)),
                (":available", item::amount(written.available)),
                (":settled", item::amount(written.settled)),
                (":next_due", item::number(written.next_due_ms)),
                (":grants_version", item::number(written.grants_version)),
                (":grants", item::json(&written.grants)),
                (":free_plan", item::number(i64::from(written.free_plan))),
            ])))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }
}

/// The account is the first action, the deciding entry the second.
fn judge(verdicts: Vec<Verdict>) -> Attempt {
    match verdicts.into_iter().nth(1) {
        Some(Verdict::Failed(stored)) => Attempt::EntryExists(stored),
        Some(Verdict::Held) | None => Attempt::AccountChanged,
    }
}
