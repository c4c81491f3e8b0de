//! Repairs accounts from their entries, after a restored table has kept half of a transaction.
//!
//! Entries are never changed. If a table was restored to a moment in the middle of a transaction, it may have an entry
//! without its debit, a debit without its roll-up, or grants of another version than their account.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use crate::ledger::account::Account;
use crate::ledger::holdings::{Holdings, Layout};
use crate::ledger::rollup;
use crate::process::deadline::Deadline;
use crate::reports::audit::Audits;
use crate::reports::audit::rules::{Audit, Rebuilt};
use crate::table::Error;
use crate::table::item::{self, Item};
use crate::table::key::Key;
use crate::words::id::AccountId;
use crate::words::sparks::Sparks;

/// The number of items that one transaction writes, of the 100 that DynamoDB accepts.
const AT_ONCE: usize = 90;

/// The changes that a repair makes, or would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The balance before.
    pub before: Sparks,
    /// The balance by the entries.
    pub after: Sparks,
    /// The number of roll-ups that differ from the entries.
    pub rollups: usize,
}

/// The outcome of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// It is written.
    Written(Repair),
    /// It is planned only.
    Planned(Repair),
    /// There is no such account.
    NoAccount,
    /// The entries contradict each other, for this reason.
    Impossible(String),
}

impl Audits {
    /// Rewrites an account, its grants and its roll-ups from its entries. Plans it only, unless `write`.
    ///
    /// Nothing else may write to the account meanwhile: a debit in between makes the repair fail.
    pub async fn repair(
        &self,
        account: &AccountId,
        write: bool,
        deadline: &Deadline,
    ) -> Result<Repaired, Error> {
        let Some(found) = self.ledger.account(account, deadline).await? else {
            return Ok(Repaired::NoAccount);
        };
        let mut audit = Audit::default();
        self.see_entries_of(account, &mut audit, deadline).await?;
        let rebuilt = match audit.rebuilt(&found) {
            Ok(rebuilt) => rebuilt,
            Err(why) => return Ok(Repaired::Impossible(why)),
        };
        let mut stored = Vec::new();
        self.each_rollup_of(account, deadline, |rollup| stored.push(rollup.clone()))
            .await?;
        let rollups = wrong_rollups(account, &rebuilt, stored)?;
        let repair = Repair {
            before: found.available,
            after: rebuilt.holdings.account.available,
            rollups: rollups.len(),
        };
        if !write {
            return Ok(Repaired::Planned(repair));
        }
        let grants = self.table.item(&Key::grants(account), deadline).await?;
        let apart = self.ledger.stores_grants_apart() || grants.is_some();
        let as_put = |item| self.table.put_if(item, WHATEVER, None);
        let mut rollups: Vec<TransactWriteItem> = rollups.into_iter().map(as_put).collect();
        while rollups.len() > AT_ONCE {
            let mut some: Vec<TransactWriteItem> = rollups.drain(..AT_ONCE).collect();
            some.push(self.unchanged(account, &found));
            self.must_commit(some, deadline).await?;
        }
        let mut last = self.rewrite(account, &found, &rebuilt, apart);
        last.extend(rollups);
        self.must_commit(last, deadline).await?;
        Ok(Repaired::Written(repair))
    }

    async fn must_commit(
        &self,
        actions: Vec<TransactWriteItem>,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        if self.table.commit(actions, deadline).await? {
            Ok(())
        } else {
            Err(Error::Busy("the account is in use".into()))
        }
    }

    /// Checks that an account is as it was read, without changing it.
    fn unchanged(&self, account: &AccountId, found: &Account) -> TransactWriteItem {
        self.table.update(
            &Key::account(account),
            UNCHANGED,
            "SET debited = :debited",
            as_read(found),
        )
    }

    /// Writes account and grants as rebuilt.
    fn rewrite(
        &self,
        account: &AccountId,
        found: &Account,
        rebuilt: &Rebuilt,
        apart: bool,
    ) -> Vec<TransactWriteItem> {
        let mut written = rebuilt.holdings.clone();
        written.account.grants_version += 1;
        let read = Holdings {
            account: found.clone(),
            grants: Vec::new(),
            layout: Layout::Apart,
        };
        let mut actions = vec![self.ledger.update_account(account, &read, &written, apart)];
        if apart {
            actions.push(
                self.table
                    .put_if(written.grants_item(account), WHATEVER, None),
            );
        }
        actions
    }
}

/// A condition that always holds.
const WHATEVER: &str = "attribute_exists(pk) OR attribute_not_exists(pk)";

/// The condition that the account is as it was read.
const UNCHANGED: &str =
    "debited = :debited AND available = :available AND grants_version = :version";

fn as_read(found: &Account) -> [(&'static str, AttributeValue); 3] {
    [
        (":debited", item::amount(found.debited)),
        (":available", item::amount(found.available)),
        (":version", item::number(found.grants_version)),
    ]
}

/// Returns the roll-ups that differ from the entries, as they should be.
fn wrong_rollups(
    account: &AccountId,
    rebuilt: &Rebuilt,
    stored: Vec<Item>,
) -> Result<Vec<Item>, Error> {
    let mut stored_by_key = HashMap::new();
    for item in stored {
        stored_by_key.insert(item::read_text(&item, "sk")?.to_owned(), item);
    }
    let mut keys: Vec<&String> = rebuilt.rollups.keys().collect();
    keys.extend(
        stored_by_key
            .keys()
            .filter(|sk| !rebuilt.rollups.contains_key(*sk)),
    );
    let mut wrong = Vec::new();
    for sk in keys {
        let sums = rebuilt.rollups.get(sk).cloned().unwrap_or_default();
        let before = stored_by_key.get(sk);
        let key = Key {
            pk: Key::rollups(account),
            sk: sk.clone(),
        };
        let right = rollup::item_of(&key, sums, before);
        let is_right = before
            .and_then(|before| rollup::stored_sums(before).ok())
            .is_some_and(|before| rollup::stored_sums(&right).ok() == Some(before));
        if !is_right {
            wrong.push(right);
        }
    }
    Ok(wrong)
}
