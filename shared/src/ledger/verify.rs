//! Verifies accounts against their entries. For the operator: it reads everything, and no function does.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::audit::Audit;
use super::failure;
use super::item::{self, Item};
use super::{Error, Ledger};
use crate::process::patience::Patience;
use crate::words::id::AccountId;

/// How many items are read at once: as many as DynamoDB takes.
const PAGE: i32 = 100;

/// How often an account is read again that changes while it is read, or whose index lags behind.
const MAX_ATTEMPTS: u32 = 5;

/// What an account comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// Where the table disagrees with them, in sentences.
    pub findings: Vec<String>,
    /// Whether it kept changing while it was read, so that nothing can be said of it.
    pub unsettled: bool,
}

/// A part of what there is in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Accounts {
    /// Some of the accounts.
    pub accounts: Vec<AccountId>,
    /// The keys of entries that no account's ledger lists, because they lost what they are listed by.
    pub unlisted: Vec<String>,
    /// Where the rest begins.
    pub next: Option<Next>,
}

/// Where a list goes on.
pub type Next = HashMap<String, AttributeValue>;

impl Ledger {
    /// Works an account out again from its entries; None if there is no account.
    ///
    /// The index that lists entries may lag behind the table for a moment, so what disagrees is read again. Debits that
    /// go on meanwhile do not disturb it: sums are compared with those of before and after. Only a change of the grants
    /// does.
    pub async fn verify(
        &self,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<Option<Verified>, Error> {
        let mut busy = false;
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(before) = self.holdings(account, patience).await? else {
                return Ok(None);
            };
            let mut audit = Audit::default();
            if busy {
                self.each_rollup_of(account, patience, |rollup| audit.see_rollup_before(rollup))
                    .await?;
            }
            self.see_entries_of(account, &mut audit, patience).await?;
            self.each_rollup_of(account, patience, |rollup| audit.see_rollup(rollup))
                .await?;
            let after = self.account(account, patience).await?;
            let after = after.ok_or_else(|| Error::Broken("an account disappeared".into()))?;
            let (entries, findings) = audit.finish(&before, after.debited);
            busy = after.debited != before.account.debited;
            let comparable = after.grants_version == before.account.grants_version;
            if attempt >= MAX_ATTEMPTS || (comparable && findings.is_empty()) {
                return Ok(Some(Verified {
                    entries,
                    findings: if comparable { findings } else { Vec::new() },
                    unsettled: !comparable,
                }));
            }
            if !patience.another(attempt).await {
                break;
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }

    /// Some of all accounts, and where they go on.
    pub async fn accounts(
        &self,
        from: Option<Next>,
        patience: &Patience,
    ) -> Result<Accounts, Error> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression(
                "sk = :account OR sk = :entry AND \
                 (attribute_not_exists(account) OR attribute_not_exists(ledger_at))",
            )
            .expression_attribute_values(":account", item::text("A"))
            .expression_attribute_values(":entry", item::text("E"))
            .projection_expression("pk")
            .set_exclusive_start_key(from);
        let found = self
            .persist(patience, || async {
                scan.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        let keys = found.items().iter();
        let mut keys = keys.filter_map(|item| item::read_text(item, "pk").ok());
        let (mut accounts, mut unlisted) = (Vec::new(), Vec::new());
        for key in &mut keys {
            match key.strip_prefix("A#").map(str::parse) {
                Some(Ok(account)) => accounts.push(account),
                _ => unlisted.push(key.to_owned()),
            }
        }
        Ok(Accounts {
            accounts,
            unlisted,
            next: found.last_evaluated_key,
        })
    }

    pub(super) async fn see_entries_of(
        &self,
        account: &AccountId,
        audit: &mut Audit,
        patience: &Patience,
    ) -> Result<(), Error> {
        let mut from = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("ledger")
                .key_condition_expression("account = :account")
                .expression_attribute_values(":account", item::text(account.as_str()))
                .projection_expression("pk, sk")
                .limit(PAGE)
                .set_exclusive_start_key(from);
            let found = self
                .persist(patience, || async {
                    query.clone().send().await.map_err(failure::of_call)
                })
                .await?;
            let keys: Vec<Item> = found.items.unwrap_or_default();
            let mut entries = self.items(keys, patience).await?;
            // They come in no order, and the first one that is wrong is of interest.
            let place = |entry: &Item| item::read_text(entry, "ledger_at").map(str::to_owned).ok();
            entries.sort_by_cached_key(place);
            for entry in &entries {
                audit.see(entry);
            }
            from = found.last_evaluated_key;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn each_rollup_of(
        &self,
        account: &AccountId,
        patience: &Patience,
        mut see: impl FnMut(&Item),
    ) -> Result<(), Error> {
        // Of whichever kind: every sort key lies between these.
        let mut pages = self.rollups(account, "!", "~");
        while let Some(rollups) = pages.next_items(patience).await? {
            rollups.iter().for_each(&mut see);
        }
        Ok(())
    }
}
