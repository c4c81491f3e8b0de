//! Verifies accounts against their entries. For the operator: it reads the whole table, and no function does.

use crate::process::deadline::Deadline;
use crate::reports::audit::Audits;
use crate::reports::audit::rules::Audit;
use crate::reports::entries;
use crate::table::Error;
use crate::table::Next;
use crate::table::item::{self, Item};
use crate::words::id::AccountId;

/// The number of items read at once, which is DynamoDB's maximum.
const PAGE: i32 = 100;

/// Maximum number of reads of an account that changes meanwhile, or whose index lags behind.
const MAX_ATTEMPTS: u32 = 5;

/// The result of verifying an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The number of its entries.
    pub entries: u64,
    /// The differences between the table and the entries, in sentences.
    pub findings: Vec<String>,
    /// True if it kept changing while it was read, so that its findings mean nothing.
    pub unsettled: bool,
}

/// One page of the table's accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Accounts {
    /// The accounts of the page.
    pub accounts: Vec<AccountId>,
    /// The keys of entries that no account's ledger lists. They lost the attributes that list them.
    pub unlisted: Vec<String>,
    /// The cursor of the next page.
    pub next: Option<Next>,
}

impl Audits {
    /// Recomputes an account from its entries; returns None if there is no account.
    ///
    /// The index that lists entries may lag behind the table for a moment, so differences are read again. Debits
    /// meanwhile do no harm: sums are compared with those of before and after. Only a change of the grants prevents the
    /// comparison.
    pub async fn verify(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<Verified>, Error> {
        let mut busy = false;
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(before) = self.ledger.holdings(account, deadline).await? else {
                return Ok(None);
            };
            let mut audit = Audit::default();
            if busy {
                self.each_rollup_of(account, deadline, |rollup| audit.see_rollup_before(rollup))
                    .await?;
            }
            self.see_entries_of(account, &mut audit, deadline).await?;
            self.each_rollup_of(account, deadline, |rollup| audit.see_rollup(rollup))
                .await?;
            let after = self.ledger.account(account, deadline).await?;
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
            if !deadline.another(attempt).await {
                break;
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }

    /// Reads one page of all accounts.
    pub async fn accounts(
        &self,
        from: Option<Next>,
        deadline: &Deadline,
    ) -> Result<Accounts, Error> {
        let scan = self
            .table
            .client
            .scan()
            .table_name(&self.table.name)
            .filter_expression(
                "sk = :account OR sk = :entry AND \
                 (attribute_not_exists(account) OR attribute_not_exists(ledger_at))",
            )
            .expression_attribute_values(":account", item::text("A"))
            .expression_attribute_values(":entry", item::text("E"))
            .projection_expression("pk")
            .set_exclusive_start_key(from);
        let found = self.table.scan(&scan, deadline).await?;
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

    pub(crate) async fn see_entries_of(
        &self,
        account: &AccountId,
        audit: &mut Audit,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let mut from = None;
        loop {
            let query = self
                .table
                .client
                .query()
                .table_name(&self.table.name)
                .index_name("ledger")
                .key_condition_expression("account = :account")
                .expression_attribute_values(":account", item::text(account.as_str()))
                .projection_expression("pk, sk")
                .limit(PAGE)
                .set_exclusive_start_key(from);
            let found = self.table.query(&query, deadline).await?;
            let keys: Vec<Item> = found.items.unwrap_or_default();
            let mut entries = self.table.items(keys, deadline).await?;
            // They come in no order, but the finding must name the first wrong entry.
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

    pub(crate) async fn each_rollup_of(
        &self,
        account: &AccountId,
        deadline: &Deadline,
        mut see: impl FnMut(&Item),
    ) -> Result<(), Error> {
        // Roll-ups of any kind: every sort key lies between these.
        let mut pages = entries::rollups(&self.table, account, "!", "~");
        while let Some(rollups) = pages.next_items(deadline).await? {
            rollups.iter().for_each(&mut see);
        }
        Ok(())
    }
}
