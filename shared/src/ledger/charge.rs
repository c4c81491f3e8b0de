//! The debit: balance, entries and roll-ups in one transaction, replay-safe and never below zero.
//!
//! Usages are charged as if they came one after another. A first attempt assumes that all of them are new
//! and affordable. When DynamoDB refuses it, the items it returns say which usages exist already and what
//! the balance really is, and the next attempt is planned with that.

mod plan;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;

use super::account::Account;
use super::credit::transaction_token;
use super::entry::UsageEntry;
use super::failure::{self, Failure, Verdict};
use super::item::{self, Key};
use super::rollup::{self, KnownModels};
use super::{Error, Ledger};
use crate::id::{AccountId, UsageId};
use crate::patience::Patience;
use crate::sparks::Sparks;
use plan::Plan;

/// What became of one usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It was debited and recorded now.
    Recorded(UsageEntry),
    /// It had been recorded before, by the same request.
    Replayed(UsageEntry),
    /// Its key belongs to another request; nothing was written.
    Reused,
    /// The balance did not cover it; nothing was written.
    InsufficientSparks {
        /// What could be spent at its turn.
        available: Sparks,
    },
}

/// What became of usages that were charged together.
#[derive(Debug)]
pub struct Charging {
    /// One outcome per usage, in order; nothing where it is unknown because of `failure`.
    pub outcomes: Vec<Option<Charged>>,
    /// Why some outcomes are unknown.
    pub failure: Option<Error>,
    /// Whether the account does not exist; nothing was written then.
    pub account_missing: bool,
}

/// What has been learnt of the table so far.
#[derive(Default)]
struct Knowledge {
    available: Option<Sparks>,
    stored: HashMap<UsageId, UsageEntry>,
    models: KnownModels,
}

/// How one attempt ended that neither passed nor broke.
enum Lesson {
    Committed,
    Learnt,
    AccountMissing,
}

impl Ledger {
    /// Debits usages of one account as if they came one after another, each at most once per id.
    pub async fn charge(
        &self,
        account: &AccountId,
        usages: &[UsageEntry],
        now: Timestamp,
        patience: &Patience,
    ) -> Charging {
        let mut charging = Charging {
            outcomes: vec![None; usages.len()],
            failure: None,
            account_missing: false,
        };
        let mut knowledge = Knowledge::default();
        let mut start = 0;
        while start < usages.len() {
            let plan = Plan::make(usages, start, &knowledge);
            let lesson = if plan.charged.is_empty() {
                Ok(Lesson::Committed)
            } else {
                self.attempt(account, usages, &plan, &mut knowledge, now, patience)
                    .await
            };
            match lesson {
                Ok(Lesson::Committed) => {
                    start = plan.end;
                    knowledge.commit(usages, &plan);
                    for (position, outcome) in plan.outcomes {
                        charging.outcomes[position] = Some(outcome);
                    }
                }
                Ok(Lesson::Learnt) => {}
                Ok(Lesson::AccountMissing) => {
                    charging.account_missing = true;
                    return charging;
                }
                Err(failure) => {
                    charging.failure = Some(failure);
                    return charging;
                }
            }
        }
        charging
    }

    /// Sends one planned transaction until it commits, is refused, or the patience ends.
    async fn attempt(
        &self,
        account: &AccountId,
        usages: &[UsageEntry],
        plan: &Plan,
        knowledge: &mut Knowledge,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Lesson, Error> {
        let rollups = rollup::updates(
            plan.charged.iter().map(|&position| &usages[position]),
            &knowledge.models,
            &self.table,
        );
        let mut actions = vec![self.debit(account, plan, now)];
        actions.extend(
            plan.charged
                .iter()
                .map(|&position| self.put_entry(&usages[position])),
        );
        let (rollup_keys, updates): (Vec<Key>, Vec<Update>) = rollups.into_iter().unzip();
        actions.extend(
            updates
                .into_iter()
                .map(|update| TransactWriteItem::builder().update(update).build()),
        );

        // The same bytes keep their token, so a commit whose reply was lost is found, not repeated.
        let token = transaction_token();
        let mut failed_attempts = 0;
        loop {
            let transaction = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions.clone()))
                .client_request_token(&token);
            let cause = match transaction.send().await.map_err(failure::of_transaction) {
                Ok(_) => return Ok(Lesson::Committed),
                Err(Failure::Refused(verdicts)) => {
                    if patience.left().is_zero() {
                        return Err(Error::Busy("the balance kept changing".into()));
                    }
                    let verdicts = Verdicts::split(verdicts, plan.charged.len());
                    return self
                        .learn(
                            account,
                            usages,
                            plan,
                            &rollup_keys,
                            verdicts,
                            knowledge,
                            now,
                            patience,
                        )
                        .await;
                }
                Err(Failure::Broken(cause)) => return Err(Error::Broken(cause)),
                Err(Failure::Again(cause)) => cause,
            };
            failed_attempts += 1;
            if !patience.another(failed_attempts).await {
                return Err(Error::Busy(cause));
            }
        }
    }

    /// Takes from a refusal what it says of entries, roll-ups and, last, the account.
    #[expect(
        clippy::too_many_arguments,
        reason = "it is the second half of `attempt`"
    )]
    async fn learn(
        &self,
        account: &AccountId,
        usages: &[UsageEntry],
        plan: &Plan,
        rollup_keys: &[Key],
        verdicts: Verdicts,
        knowledge: &mut Knowledge,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Lesson, Error> {
        for (&position, verdict) in plan.charged.iter().zip(verdicts.entries) {
            let id = &usages[position].id;
            let stored = match verdict {
                Verdict::Held => continue,
                Verdict::Failed(Some(item)) => Some(UsageEntry::from_item(&item)?),
                Verdict::Failed(None) => self.usage(id, patience).await?,
            };
            if let Some(stored) = stored {
                knowledge.stored.insert(id.clone(), stored);
            }
        }
        for (key, verdict) in rollup_keys.iter().zip(verdicts.rollups) {
            if let Verdict::Failed(Some(item)) = verdict {
                knowledge
                    .models
                    .insert(key.clone(), rollup::models_of(&item));
            }
        }
        match verdicts.account {
            Verdict::Held => {}
            Verdict::Failed(None) => return Ok(Lesson::AccountMissing),
            Verdict::Failed(Some(item)) => {
                let found = Account::from_item(&item)?;
                let settled = self.settle(account, found, now, patience).await?;
                knowledge.available = Some(settled.available);
            }
        }
        Ok(Lesson::Learnt)
    }

    /// The account's part: the balance covers the sum, and nothing is due before.
    fn debit(&self, account: &AccountId, plan: &Plan, now: Timestamp) -> TransactWriteItem {
        let mut condition = "available >= :sum AND next_due > :now".to_owned();
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::account(account).attributes()))
            .update_expression("SET available = available - :sum, debited = debited + :sum")
            .expression_attribute_values(":sum", item::amount(plan.sum))
            .expression_attribute_values(":now", item::time(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(ceiling) = plan.ceiling {
            condition.push_str(" AND available < :ceiling");
            update = update.expression_attribute_values(":ceiling", item::amount(ceiling));
        }
        let update = update
            .condition_expression(condition)
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    fn put_entry(&self, usage: &UsageEntry) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(usage.to_item()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }
}

impl Knowledge {
    /// What a committed plan adds: its entries are stored, and the balance is lower.
    fn commit(&mut self, usages: &[UsageEntry], plan: &Plan) {
        for &position in &plan.charged {
            self.stored
                .insert(usages[position].id.clone(), usages[position].clone());
        }
        self.available = self
            .available
            .and_then(|available| available.checked_sub(plan.sum));
    }
}

/// The verdicts on a refused transaction, by what its actions were.
struct Verdicts {
    account: Verdict,
    entries: Vec<Verdict>,
    rollups: Vec<Verdict>,
}

impl Verdicts {
    fn split(verdicts: Vec<Verdict>, entries: usize) -> Self {
        let mut verdicts = verdicts.into_iter();
        let account = verdicts.next().unwrap_or(Verdict::Held);
        let entries = verdicts.by_ref().take(entries).collect();
        Self {
            account,
            entries,
            rollups: verdicts.collect(),
        }
    }
}
