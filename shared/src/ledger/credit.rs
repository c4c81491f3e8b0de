//! Credits: Sparks that come in, once per id, in one transaction with their ledger entry.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::account::Account;
use super::booking::CreditEntry;
use super::change::{Change, Decision, Start};
use super::grants::Source;
use super::holdings::Holdings;
use super::purchase::Purchase;
use super::settlement::entries;
use super::{Error, Ledger};
use crate::pricing::catalog::Kind;
use crate::process::deadline::Deadline;
use crate::table::Table;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, OrderId};
use crate::words::sparks::Sparks;

/// The status of an order that is paid.
pub(crate) const PAID: &str = "paid";

/// Sparks to credit. The id makes it happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredit {
    /// Derived from the credit's cause; the same id is the same credit.
    pub id: EntryId,
    /// The account that receives it.
    pub account: AccountId,
    /// The source of its Sparks.
    pub source: Source,
    /// The amount; above zero.
    pub sparks: Sparks,
    /// Expiry of what is left of it.
    pub expires_at: Option<Timestamp>,
    /// The reason, in the operator's words.
    pub reason: Option<String>,
    /// True if the account gets the free plan with it.
    pub free_plan: bool,
    /// The purchase, if the credit is paid for.
    pub purchase: Option<Purchase>,
}

/// The outcome of a credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credited {
    /// It came in now, and this is the account after it.
    Recorded(Account),
    /// It had come in before.
    Replayed,
    /// Its id belongs to another credit; nothing was written.
    Reused,
    /// The account has too many unspent grants; nothing was written. Never returned for a purchase.
    TooMany,
}

/// Maximum number of grants with which an account may get another unpaid one. So its item always has room for paid
/// ones. DynamoDB accepts items of 400 KB, about 2,500 grants.
pub(super) const MAX_GRANTS: usize = 500;

impl Ledger {
    /// Credits an account once per id, in one transaction with its ledger entry.
    ///
    /// A debt is repaid first. An account that does not exist is created.
    pub async fn credit(&self, credit: &NewCredit, deadline: &Deadline) -> Result<Credited, Error> {
        self.credit_from(Start::Unread, credit, deadline).await
    }

    /// Returns the outcome of a credit for which there is no room. It may have come in before.
    async fn credited_before(
        &self,
        entry: &CreditEntry,
        deadline: &Deadline,
    ) -> Result<Credited, Error> {
        Ok(
            match self
                .table
                .item(&Key::entry(entry.id.as_str()), deadline)
                .await?
            {
                Some(stored) if entry.is(&stored)? => Credited::Replayed,
                Some(_) => Credited::Reused,
                None => Credited::TooMany,
            },
        )
    }

    /// Reads the amounts of these credits, at most 100. Credits that did not come in are left out.
    pub async fn credited(
        &self,
        ids: &[EntryId],
        deadline: &Deadline,
    ) -> Result<HashMap<EntryId, Sparks>, Error> {
        let keys = ids.iter().map(|id| Key::entry(id.as_str()).attributes());
        let found = self.table.items(keys.collect(), deadline).await?;
        let read = |entry: &Item| -> Result<_, Malformed> {
            let id = item::read_parsed(entry, "id")?;
            Ok((id, item::read_amount(entry, "amount")?))
        };
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Reads the account of a credit; None if it did not come in.
    pub async fn account_of_credit(
        &self,
        id: &EntryId,
        deadline: &Deadline,
    ) -> Result<Option<AccountId>, Error> {
        let entry = self.table.item(&Key::entry(id.as_str()), deadline).await?;
        let account = entry.map(|entry| item::read_parsed(&entry, "account"));
        Ok(account.transpose()?)
    }

    /// Credits an account that was just read. The order of a pack is paid in the same transaction.
    pub async fn credit_found(
        &self,
        found: Option<Holdings>,
        credit: &NewCredit,
        deadline: &Deadline,
    ) -> Result<Credited, Error> {
        self.credit_from(Start::Read(found), credit, deadline).await
    }

    async fn credit_from(
        &self,
        start: Start,
        credit: &NewCredit,
        deadline: &Deadline,
    ) -> Result<Credited, Error> {
        let now = deadline.start();
        let entry = &credit.entry(now);
        let account = &credit.account;
        let decide = move |found: Option<Holdings>| async move {
            let mut due = found.unwrap_or_else(|| Holdings::new(false, now));
            if credit.free_plan {
                due.join_free_plan();
            }
            let settlement = due.settle(account, now).ok_or(Error::OutOfRange)?;
            if credit.purchase.is_none() && settlement.holdings.grants.len() >= MAX_GRANTS {
                let before = self.credited_before(entry, deadline).await?;
                return Ok(Decision::Done(before));
            }
            let mut written = settlement.holdings.clone();
            written.credit(entry.grant()).ok_or(Error::OutOfRange)?;
            let mut booked = vec![entry.to_item()];
            booked.extend(entries(&settlement, account, now).ok_or(Error::OutOfRange)?);
            let outcome = Credited::Recorded(written.account.clone());
            let purchase = credit.purchase.as_ref();
            // The order of a plan is settled once its subscription is stored, too.
            let pack = purchase.filter(|purchase| purchase.terms.kind == Kind::Pack);
            let order = pack.and_then(|purchase| purchase.order.as_ref());
            let change = Change {
                written,
                entries: booked,
                also: order
                    .map(|order| paid(&self.table, order))
                    .into_iter()
                    .collect(),
            };
            Ok(Decision::Write(change, outcome))
        };
        let known = |stored: Option<Item>| {
            Ok(Some(match stored {
                Some(stored) if entry.is(&stored)? => Credited::Replayed,
                _ => Credited::Reused,
            }))
        };
        self.change(account, start, deadline, decide, known).await
    }
}

impl NewCredit {
    fn entry(&self, now: Timestamp) -> CreditEntry {
        CreditEntry {
            id: self.id.clone(),
            account: self.account.clone(),
            source: self.source,
            sparks: self.sparks,
            expires_at: self.expires_at,
            reason: self.reason.clone(),
            free_plan: self.free_plan,
            purchase: self.purchase.clone(),
            joins: None,
            recorded_at: now,
        }
    }
}

/// The write that marks a credit's order as paid. That takes it off the outbox's list.
pub(crate) fn paid(table: &Table, order: &OrderId) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(Key::order(order).attributes()))
        .condition_expression("attribute_exists(pk)")
        .update_expression("SET #status = :paid REMOVE pending_bucket, pending_due")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":paid", item::text(PAID))
        .build()
        .expect("key, table and expression are set");
    TransactWriteItem::builder().update(update).build()
}
