//! Reads a day's entries from the table.

use std::collections::BTreeMap;

use shared::ledger::PurchaseWithReversals;
use shared::reports::audit::{Audits, DayRecord, UsageOfDay};
use shared::words::entry_id::EntryId;
use shared::words::id::{AccountId, CustomerId};

use super::look::Look;
use crate::Error;

/// Number of pages between two notes of the progress.
const PAGES_BETWEEN_NOTES: u64 = 100;

/// The entries of a day, and the customers of all accounts.
#[derive(Default)]
pub(super) struct Table {
    /// Usages that were recorded on the day, or occurred on it.
    pub(super) usages: Vec<UsageOfDay>,
    /// Purchases that were credited on the day.
    pub(super) purchases: Vec<PurchaseWithReversals>,
    /// Reversals that were booked on the day, each with the account of its purchase.
    pub(super) reversals: Vec<(EntryId, AccountId)>,
    /// All customers that each account has, or had.
    pub(super) customers: BTreeMap<AccountId, Vec<CustomerId>>,
}

impl Table {
    /// Returns the usages that occurred on the day.
    pub(super) fn occurred<'a>(
        &'a self,
        look: &Look<'_, '_>,
    ) -> impl Iterator<Item = &'a UsageOfDay> {
        let during = look.during.clone();
        let usages = self.usages.iter();
        usages.filter(move |usage| during.contains(&usage.occurred_at))
    }
}

/// Reads the whole table.
pub(super) async fn read(look: &mut Look<'_, '_>) -> Result<Table, Error> {
    let mut table = Table::default();
    let mut next = None;
    let mut pages: u64 = 0;
    loop {
        let (from, before) = (look.during.start, look.during.end);
        let deadline = look.deadline();
        let page = Audits::beside(&look.payments.ledger)
            .of_day(from, before, next, &deadline)
            .await?;
        for found in page.0 {
            match found {
                DayRecord::Usage(usage) => table.usages.push(usage),
                DayRecord::Purchase(purchase) => table.purchases.push(*purchase),
                DayRecord::Reversal { id, account } => table.reversals.push((id, account)),
                DayRecord::Customer { customer, account } => {
                    table.customers.entry(account).or_default().push(customer);
                }
                DayRecord::Unreadable(name, attribute) => {
                    let detail = format!("its `{attribute}` cannot be read");
                    look.report.differ("unreadable", name, None, detail);
                }
            }
        }
        pages += 1;
        if pages.is_multiple_of(PAGES_BETWEEN_NOTES) {
            let usages = table.usages.len();
            look.note(&format!("{pages} pages of the table, {usages} usages"))?;
        }
        next = page.1;
        if next.is_none() {
            break;
        }
    }
    let recent = table.occurred(look);
    let recent = recent.filter(|usage| look.is_recent(usage.sent_at)).count();
    let usages = table.occurred(look).count();
    look.report.checked.recent = recent as u64;
    look.report.checked.usages = usages as u64;
    Ok(table)
}
