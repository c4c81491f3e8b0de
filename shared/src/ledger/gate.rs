//! The gate of an account. It lets a change of the grants get through while debits keep coming.
//!
//! Each debit changes the account, so a change that reads, decides and writes would lose every race against a steady
//! stream of them. It closes the gate instead: one update sets `next_due` to 0, after which debits are refused as if
//! something were due, and returns the account, which then stays the same. The gate lapses by itself: a request that
//! finds it lapsed settles the account, which opens it. Safety comes from the condition of the change alone; the gate
//! only makes it fast.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::SignedDuration;

use super::holdings::{Holdings, Read};
use super::{Error, Ledger};
use crate::process::deadline::Deadline;
use crate::table::UpdateOutcome;
use crate::table::item::{self, Malformed};
use crate::table::key::Key;
use crate::words::id::AccountId;

/// Maximum time for which a gate stays closed. Each further attempt of one change takes twice as long, so that it gets
/// through a slow table, too.
const CLOSED_FOR: SignedDuration = SignedDuration::from_millis(150);

/// Maximum number of doublings.
const MOST_DOUBLINGS: u32 = 4;

/// Maximum number of reads of an account whose items do not belong together. That is about five seconds, longer than a
/// transaction takes to become visible.
const MOST_READS: u32 = 400;

/// The right of one change to close the gate.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    account: &'a AccountId,
    holder: String,
    closed: u32,
}

impl<'a> Gate<'a> {
    pub(crate) fn of(account: &'a AccountId) -> Self {
        Self {
            account,
            holder: format!("{:032x}", fastrand::u128(..)),
            closed: 0,
        }
    }
}

impl Ledger {
    /// Closes the gate of an account and reads its holdings. None if there is no account.
    pub(crate) async fn close(
        &self,
        gate: &mut Gate<'_>,
        deadline: &Deadline,
    ) -> Result<Option<Holdings>, Error> {
        let closed_for = CLOSED_FOR * 2_i32.pow(gate.closed.min(MOST_DOUBLINGS));
        gate.closed += 1;
        loop {
            let now = deadline.now();
            let until = now.saturating_add(closed_for).unwrap_or(now);
            let update = self.table
                .client
                .update_item()
                .table_name(&self.table.name)
                .set_key(Some(Key::account(gate.account).attributes()))
                .condition_expression(
                    "attribute_exists(pk) AND \
                     (attribute_not_exists(gate_until) OR gate_until <= :now OR gate_holder = :holder)",
                )
                .update_expression(
                    "SET next_due = :zero, gate_until = :until, gate_holder = :holder",
                )
                .expression_attribute_values(":now", item::time(now))
                .expression_attribute_values(":zero", item::number(0))
                .expression_attribute_values(":until", item::time(until))
                .expression_attribute_values(":holder", item::text(&gate.holder))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            match self.table.try_update(update, deadline).await? {
                UpdateOutcome::Written(account) => {
                    let grants = match account.get("grants") {
                        Some(_) => None,
                        None => {
                            self.table
                                .item(&Key::grants(gate.account), deadline)
                                .await?
                        }
                    };
                    return match Holdings::from_items(Some(&account), grants.as_ref())? {
                        Read::Whole(holdings) => Ok(Some(holdings)),
                        // The grants become visible later, or the gate lapsed and another change came in.
                        Read::Torn | Read::Missing => self.holdings(gate.account, deadline).await,
                    };
                }
                UpdateOutcome::Refused(None) => return Ok(None),
                UpdateOutcome::Refused(Some(_)) | UpdateOutcome::Conflict(_) => {}
            }
            if !deadline.at_the_gate().await {
                return Err(Error::Busy("the gate of the account stayed closed".into()));
            }
        }
    }

    /// Opens a gate whose change turned out to be unnecessary.
    pub(crate) async fn open(
        &self,
        gate: &Gate<'_>,
        held: &Holdings,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::account(gate.account).attributes()))
            .condition_expression("gate_holder = :holder AND grants_version = :version")
            .update_expression("SET next_due = :next_due REMOVE gate_until, gate_holder")
            .expression_attribute_values(":holder", item::text(&gate.holder))
            .expression_attribute_values(":version", item::number(held.account.grants_version))
            .expression_attribute_values(":next_due", item::number(held.next_due_ms()));
        self.table.update_if(update, deadline).await.map(drop)
    }

    /// Reads an account with its grants; None if there is none.
    pub async fn holdings(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<Holdings>, Error> {
        for _ in 0..MOST_READS {
            let keys = [Key::account(account), Key::grants(account)];
            let [item, grants] = self.table.by_keys(keys, deadline).await?;
            match Holdings::from_items(item.as_ref(), grants.as_ref())? {
                Read::Missing => return Ok(None),
                Read::Whole(holdings) => return Ok(Some(holdings)),
                Read::Torn => {}
            }
            if !deadline.at_the_gate().await {
                break;
            }
        }
        Err(torn())
    }
}

/// Returns the error for grants of another version than their account. The table was restored in the middle of a
/// transaction.
const fn torn() -> Error {
    Error::Malformed(Malformed {
        attribute: "grants_version",
    })
}
