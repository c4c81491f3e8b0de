//! Reads an account and usages without charging. It does so before a likely refusal, and before every final one.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Get, TransactGetItem};

use super::super::account::Account;
use super::super::entry::UsageEntry;
use super::super::{Error, Ledger};
use super::{Charge, Charged, Facts, Request, repeated};
use crate::process::deadline::{CONFLICT_BUDGET, Deadline};
use crate::table;
use crate::table::item::Item;
use crate::table::key::Key;
use crate::words::id::{AccountId, UsageId};

impl Ledger {
    /// Reads the balance and the existing usages at one moment. Learns nothing while something is due.
    pub(super) async fn look(&self, request: &Request<'_>, facts: &mut Facts) -> Result<(), Error> {
        let charges = request.charges.iter();
        let ids: BTreeSet<&UsageId> = charges.map(|charge| &charge.entry.id).collect();
        let mut keys = vec![Key::account(request.account)];
        keys.extend(ids.iter().map(|id| Key::entry(id.as_str())));
        let mut found = self.snapshot(&keys, request.deadline).await?.into_iter();
        let Some(Some(account)) = found.next() else {
            return Ok(());
        };
        let account = Account::from_item(&account)?;
        if account.is_due(request.deadline.start()) {
            return Ok(());
        }
        for (id, stored) in ids.into_iter().zip(found) {
            match stored {
                Some(stored) => {
                    let stored = UsageEntry::from_item(&stored)?;
                    facts.stored.insert(id.clone(), stored);
                }
                None => {
                    facts.missing.insert(id.clone());
                }
            }
        }
        facts.available = Some(account.available);
        facts.together = true;
        Ok(())
    }

    /// Reads the entries of usages that are about to be refused for funds.
    ///
    /// A usage that was recorded meanwhile is a replay, whatever a refused transaction has shown.
    pub(super) async fn look_again(
        &self,
        account: &AccountId,
        charges: &mut [&mut Charge],
        deadline: &Deadline,
        facts: &Facts,
    ) -> Result<(), Error> {
        let is_refused =
            |charge: &Charge| matches!(charge.outcome, Some(Charged::InsufficientSparks { .. }));
        if !charges.iter().any(|charge| is_refused(charge)) {
            return Ok(());
        }
        // A usage that this very request recorded at a later position did not exist before.
        let (recorded, others): (Vec<&mut Charge>, Vec<&mut Charge>) = charges
            .iter_mut()
            .map(|charge| &mut **charge)
            .partition(|charge| charge.outcome == Some(Charged::Recorded));
        let is_recorded = |charge: &Charge| {
            let mut recorded = recorded.iter();
            recorded.any(|recorded| recorded.entry.id == charge.entry.id)
        };
        let others = others.into_iter();
        let mut refused: Vec<&mut Charge> = others
            .filter(|charge| is_refused(charge) && !is_recorded(charge))
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        self.unpaid.note_drained(account, deadline.now());
        if facts.together {
            return Ok(());
        }
        let ids: BTreeSet<&UsageId> = refused.iter().map(|charge| &charge.entry.id).collect();
        let keys: Vec<Key> = ids.into_iter().map(|id| Key::entry(id.as_str())).collect();
        let found = match self.snapshot(&keys, deadline).await {
            Ok(found) => found,
            Err(failure) => {
                // The outcome of these usages is unknown now.
                for charge in refused {
                    charge.outcome = None;
                }
                return Err(failure);
            }
        };
        for stored in found.into_iter().flatten() {
            let stored = UsageEntry::from_item(&stored)?;
            for charge in &mut refused {
                if charge.entry.id == stored.id {
                    charge.outcome = Some(repeated(&charge.entry, &stored));
                }
            }
        }
        Ok(())
    }

    /// Reads items as of one moment, in the order of their keys.
    async fn snapshot(
        &self,
        keys: &[Key],
        deadline: &Deadline,
    ) -> Result<Vec<Option<Item>>, Error> {
        let gets = keys.iter().map(|key| {
            let get = Get::builder()
                .table_name(&self.table.name)
                .set_key(Some(key.attributes()))
                .build()
                .expect("table and key are set");
            TransactGetItem::builder().get(get).build()
        });
        let read = self
            .table
            .client
            .transact_get_items()
            .set_transact_items(Some(gets.collect()));
        // It waits only for conflicts, and they pass.
        let deadline = deadline.at_most(CONFLICT_BUDGET);
        let answer = self
            .table
            .persist(&deadline, || async {
                read.clone().send().await.map_err(table::of_snapshot)
            })
            .await?;
        let found = answer.responses.unwrap_or_default().into_iter();
        Ok(found.map(|response| response.item).collect())
    }
}
