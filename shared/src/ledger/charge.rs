//! The debit: balance, entries and roll-ups in one transaction, replay-safe and never below zero.
//!
//! Usages are charged as if they came one after another. A first attempt assumes that all of them are new and
//! affordable. If DynamoDB refuses it, the returned items show which usages exist already and the real balance, and the
//! next attempt is planned with that. A usage is refused for missing funds only after a read has shown that it has no
//! entry, so a replay never is.
//!
//! One usage writes:
//!
//! - the debited account, the entry, the roll-up of its quarter of an hour, and if a member acted the roll-up of the
//!   member's day: together, in the transaction of this module
//! - the mark of what the providers confirmed, on the entry, after the deliveries
//!
//! An account's first usage also writes the account, its grants and the entry of the month's free Sparks, in a
//! transaction before the debit; and, before its first event at Stripe's meter, the account's link to its customer and
//! the customer's to its account. The first debit of a later month first settles the account: account, grants, and the
//! entries of the free Sparks and of expiries.
//!
//! If an account was refused a moment ago, the ledger reads it first: a refusal then costs four read units instead of
//! the eight write units of a failed transaction.

mod look;
mod models;
mod plan;
mod unpaid;

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::account::Account;
use super::entry::UsageEntry;
use super::rollup::{self, KnownModels};
use super::{Error, Ledger};
use crate::process::deadline::{CONFLICT_BUDGET, Deadline};
use crate::table::Cause;
use crate::table::item;
use crate::table::key::Key;
use crate::table::{Item, Refusal, TransactAttempt, TransactOutcome};
use crate::words::id::{AccountId, UsageId};
use crate::words::sparks::Sparks;
use plan::{Plan, repeated};

pub(super) use models::FullRollups;
pub(super) use unpaid::Unpaid;

/// A usage to charge, and its outcome.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The entry to write.
    pub entry: UsageEntry,
    /// The outcome; None while it is unknown.
    pub outcome: Option<Charged>,
}

/// The outcome of one usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It was debited and recorded now.
    Recorded,
    /// It had been recorded before, by the same request, as this entry.
    Replayed(Box<UsageEntry>),
    /// Its key belongs to another request; nothing was written.
    Reused,
    /// The balance did not cover it; nothing was written.
    InsufficientSparks {
        /// The Sparks that could be spent at its turn.
        available: Sparks,
    },
}

/// Usages of one account that are charged together.
#[derive(Clone, Copy)]
struct Request<'a> {
    account: &'a AccountId,
    charges: &'a [&'a mut Charge],
    deadline: &'a Deadline,
}

/// Facts about the table that refused transactions have shown so far.
#[derive(Default)]
struct Facts {
    /// The balance, unless something was committed since it was read.
    available: Option<Sparks>,
    /// Usages that existed before.
    stored: HashMap<UsageId, UsageEntry>,
    /// Usages that did not exist when last checked.
    missing: HashSet<UsageId>,
    /// True if balance and usages were read at one moment, and nothing was written since.
    together: bool,
    /// The models that the roll-ups count separately.
    models: KnownModels,
}

/// The outcome of one attempt that was not an error.
enum AttemptOutcome {
    Committed,
    Learnt,
    AccountMissing,
    /// Another transaction held one of its items.
    Conflict(Cause),
}

/// Maximum number of plans of one transaction before it waits: more than refusals can teach.
const MOST_PLANS: u32 = 8;

impl Ledger {
    /// Debits usages of one account, each at most once per id. The result is as if they came one after another.
    ///
    /// Returns false if the account does not exist; then nothing was written. After an error, usages without an outcome
    /// may be recorded or not.
    pub async fn charge(
        &self,
        account: &AccountId,
        charges: &mut [&mut Charge],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let entries = charges.iter().map(|charge| &charge.entry);
        let mut facts = Facts {
            models: self.full_rollups.of(entries.clone()),
            ..Facts::default()
        };
        let now = deadline.now();
        let drained = self.unpaid.is_drained(account, now);
        let free = entries.filter(|entry| entry.sparks == Sparks::ZERO).count();
        let unpaid = free + usize::from(drained);
        if unpaid > 0 && !self.unpaid.admit(account, unpaid, now) {
            return Err(Error::TooMuch);
        }
        if drained {
            let request = Request {
                account,
                charges,
                deadline,
            };
            self.look(&request, &mut facts).await?;
        }
        let exists = self
            .charge_all(account, charges, deadline, &mut facts)
            .await?;
        self.look_again(account, charges, deadline, &facts).await?;
        Ok(exists)
    }

    /// Charges usages in as few transactions as hold them. Returns false if the account does not exist.
    async fn charge_all(
        &self,
        account: &AccountId,
        charges: &mut [&mut Charge],
        deadline: &Deadline,
        facts: &mut Facts,
    ) -> Result<bool, Error> {
        // The budget for conflicts begins with the first conflict, and includes everything after it.
        let mut conflicts: Option<Deadline> = None;
        let (mut start, mut met, mut plans) = (0, 0, 0);
        while start < charges.len() {
            let plan = Plan::make(charges, start, facts).ok_or(Error::OutOfRange)?;
            let deadline = conflicts.as_ref().unwrap_or(deadline);
            let request = Request {
                account,
                charges,
                deadline,
            };
            match self.attempt(&request, &plan, facts).await? {
                AttemptOutcome::Committed => {
                    (start, plans) = (plan.end, 0);
                    if !plan.charged.is_empty() {
                        // The balance has changed.
                        (facts.available, facts.together) = (None, false);
                    }
                    for (position, outcome) in plan.outcomes {
                        charges[position].outcome = Some(outcome);
                    }
                }
                AttemptOutcome::Learnt => {
                    plans += 1;
                    if plans > MOST_PLANS && !deadline.another(plans).await {
                        return Err(Error::Busy("the balance kept changing".into()));
                    }
                }
                AttemptOutcome::AccountMissing => return Ok(false),
                AttemptOutcome::Conflict(cause) => {
                    met += 1;
                    let budget = deadline.at_most(CONFLICT_BUDGET);
                    let budget = conflicts.get_or_insert(budget);
                    if !budget.another(met).await {
                        return Err(Error::Busy(cause));
                    }
                }
            }
        }
        Ok(true)
    }

    /// Executes a plan, or learns why it cannot be executed.
    async fn attempt(
        &self,
        request: &Request<'_>,
        plan: &Plan,
        facts: &mut Facts,
    ) -> Result<AttemptOutcome, Error> {
        if plan.charged.is_empty() {
            return Ok(AttemptOutcome::Committed);
        }
        if request.deadline.left().is_zero() {
            return Err(Error::Busy("the balance kept changing".into()));
        }
        let charged = plan.charged.iter();
        let entries = charged.map(|&position| (position, &request.charges[position].entry));
        let charged = entries.clone().map(|(_, entry)| entry);
        let rollups = rollup::updates(charged, &facts.models, &self.table.name);

        let mut actions = vec![(Guard::Balance, self.debit(request, plan))];
        actions.extend(entries.map(|(position, entry)| {
            let action = self.table.put_if_absent(entry.to_item());
            (Guard::Entry(position), action)
        }));
        actions.extend(rollups.into_iter().map(|(key, update)| {
            let action = TransactWriteItem::builder().update(update).build();
            (Guard::Rollup(key), action)
        }));

        match self.table.try_transact(actions, request.deadline).await? {
            TransactAttempt::Judged(TransactOutcome::Committed) => Ok(AttemptOutcome::Committed),
            TransactAttempt::Conflict(cause) => Ok(AttemptOutcome::Conflict(cause)),
            TransactAttempt::Judged(TransactOutcome::Refused(refused)) => {
                self.learn(request, plan, refused, facts).await
            }
        }
    }

    /// Learns from refused conditions: which usages exist, which models roll-ups have, and the balance.
    async fn learn(
        &self,
        request: &Request<'_>,
        plan: &Plan,
        refused: Vec<Refusal<Guard>>,
        facts: &mut Facts,
    ) -> Result<AttemptOutcome, Error> {
        let (mut balance, mut entries, mut models) = (None, HashMap::new(), KnownModels::new());
        for Refusal { guard, stored } in refused {
            match guard {
                Guard::Balance => balance = Some(stored),
                Guard::Entry(position) => {
                    entries.insert(position, stored);
                }
                Guard::Rollup(key) => {
                    models.extend(stored.map(|stored| (key, rollup::models_of(&stored))));
                }
            }
        }
        self.full_rollups.remember(&models);
        facts.models.extend(models);
        self.see_entries(request, plan, entries, facts).await?;
        let Some(stored) = balance else {
            // The balance is higher than was known.
            facts.available = None;
            return Ok(AttemptOutcome::Learnt);
        };
        self.see_balance(request, stored, facts).await
    }

    /// Learns which usages exist: those whose entries were refused.
    async fn see_entries(
        &self,
        request: &Request<'_>,
        plan: &Plan,
        mut refused: HashMap<usize, Option<Item>>,
        facts: &mut Facts,
    ) -> Result<(), Error> {
        // Usages outside this transaction may have been recorded since.
        facts.missing.clear();
        facts.together = false;
        for &position in &plan.charged {
            let id = &request.charges[position].entry.id;
            let stored = match refused.remove(&position) {
                None => None,
                Some(Some(item)) => Some(UsageEntry::from_item(&item)?),
                Some(None) => self.usage(id, request.deadline).await?,
            };
            match stored {
                Some(stored) => {
                    facts.stored.insert(id.clone(), stored);
                }
                None => {
                    facts.missing.insert(id.clone());
                }
            }
        }
        Ok(())
    }

    /// Learns the balance from the account that refused the debit, after settling what is due. It is judged last.
    async fn see_balance(
        &self,
        request: &Request<'_>,
        stored: Option<Item>,
        facts: &mut Facts,
    ) -> Result<AttemptOutcome, Error> {
        let Some(stored) = stored else {
            return Ok(AttemptOutcome::AccountMissing);
        };
        let found = Account::from_item(&stored)?;
        // Other changes of the grants pass as quickly as a conflict.
        let deadline = request.deadline.at_most(CONFLICT_BUDGET);
        let settled = self.settle(request.account, found, &deadline).await?;
        facts.available = Some(settled.available);
        Ok(AttemptOutcome::Learnt)
    }

    /// The account's action: the balance covers the sum, and nothing is due before.
    fn debit(&self, request: &Request<'_>, plan: &Plan) -> TransactWriteItem {
        let mut condition = "available >= :sum AND next_due > :now".to_owned();
        let mut update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::account(request.account).attributes()))
            .update_expression("SET available = available - :sum, debited = debited + :sum")
            .expression_attribute_values(":sum", item::amount(plan.sum))
            .expression_attribute_values(":now", item::time(request.deadline.start()))
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
}

/// The conditions of a debit.
#[derive(Clone, Debug)]
enum Guard {
    /// The balance covers the sum, and nothing is due before.
    Balance,
    /// The entry of the usage at this position does not exist.
    Entry(usize),
    /// The roll-up has room for the models.
    Rollup(Key),
}
