//! Report of a day's comparison: its differences, notes and counts.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;
use shared::words::id::AccountId;

use crate::{Console, Error};

/// One difference or note.
#[derive(Debug, Serialize)]
struct Found {
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    detail: String,
}

/// Number of objects compared, by kind.
#[derive(Debug, Default, Serialize)]
pub(super) struct Checked {
    /// Paid checkout sessions of this deployment.
    pub(super) sessions: u64,
    /// Paid invoices that grant Sparks.
    pub(super) invoices: u64,
    /// Purchases that were credited on the day.
    pub(super) purchases: u64,
    /// Refunds of the day.
    pub(super) refunds: u64,
    /// Disputes of the day.
    pub(super) disputes: u64,
    pub(super) credit_notes: u64,
    /// Reversals that were booked on the day.
    pub(super) reversals: u64,
    /// Usages that occurred on the day.
    pub(super) usages: u64,
    /// Usages of the day sent so recently that their absence proves nothing.
    pub(super) recent: u64,
    /// Hours of accounts that were compared with the meter.
    pub(super) hours: u64,
    /// Traces that Langfuse should have.
    pub(super) traces: u64,
}

/// The result of a day's comparison.
#[derive(Debug)]
pub(super) struct Report {
    day: Date,
    differences: Vec<Found>,
    notes: Vec<Found>,
    pub(super) checked: Checked,
}

impl Report {
    pub(super) fn new(day: Date) -> Self {
        Self {
            day,
            differences: Vec::new(),
            notes: Vec::new(),
            checked: Checked::default(),
        }
    }

    /// Adds a difference.
    pub(super) fn differ(
        &mut self,
        kind: &'static str,
        id: impl Into<String>,
        account: Option<&AccountId>,
        detail: impl Into<String>,
    ) {
        self.differences.push(found(kind, id, account, detail));
    }

    /// Adds a note, which does not count as a difference.
    pub(super) fn note(
        &mut self,
        kind: &'static str,
        id: impl Into<String>,
        account: Option<&AccountId>,
        detail: impl Into<String>,
    ) {
        self.notes.push(found(kind, id, account, detail));
    }

    /// Prints the report; fails if there is a difference.
    pub(super) fn print(self, console: &mut Console<'_>) -> Result<(), Error> {
        let Self {
            day,
            differences,
            notes,
            checked,
        } = self;
        let ok = differences.is_empty();
        if console.json {
            let report = json!({
                "day": day, "ok": ok, "differences": differences, "notes": notes, "checked": checked,
            });
            writeln!(console.out, "{report}")?;
        } else {
            for found in notes.iter().chain(&differences) {
                let Found {
                    kind,
                    id,
                    account_id,
                    detail,
                } = found;
                let account = account_id.as_ref();
                let account = account.map_or_else(String::new, |account| format!("  {account}"));
                writeln!(console.out, "{kind}  {id}{account}  {detail}")?;
            }
            let Checked {
                sessions,
                invoices,
                refunds,
                disputes,
                credit_notes,
                usages,
                recent,
                ..
            } = checked;
            writeln!(
                console.out,
                "{day}: {} differences; compared {} payments, {} refunds, disputes and credit notes, and {usages} \
                 usages, {recent} of which are too recent to judge",
                differences.len(),
                sessions + invoices,
                refunds + disputes + credit_notes,
            )?;
        }
        if ok { Ok(()) } else { Err(Error::NotInOrder) }
    }
}

fn found(
    kind: &'static str,
    id: impl Into<String>,
    account: Option<&AccountId>,
    detail: impl Into<String>,
) -> Found {
    Found {
        kind,
        id: id.into(),
        account_id: account.cloned(),
        detail: detail.into(),
    }
}
