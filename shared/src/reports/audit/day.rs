//! The table's items of one day. For the operator: it reads the whole table, and no function does.

use jiff::Timestamp;

use crate::ledger::entry::{Deliveries, EntryKind};
use crate::ledger::reversal::PurchaseWithReversals;
use crate::process::deadline::Deadline;
use crate::reports::audit::Audits;
use crate::table::Error;
use crate::table::Next;
use crate::table::item::{self, Item, Malformed};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, CustomerId, ParcelId, UsageId};
use crate::words::sparks::Sparks;

/// One item of a day, or one that is needed to examine the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayRecord {
    /// A usage that was recorded on the day, or occurred on it.
    Usage(UsageOfDay),
    /// A purchase that was credited on the day.
    Purchase(Box<PurchaseWithReversals>),
    /// An amount that a refund or a dispute took on the day.
    Reversal {
        /// Its id, at Stripe `re_…`, `dp_…` or `cn_…`.
        id: EntryId,
        /// The account that made the purchase.
        account: AccountId,
    },
    /// A customer at Stripe, of any day, even if deleted.
    Customer {
        /// The customer.
        customer: CustomerId,
        /// The account of the customer.
        account: AccountId,
    },
    /// An item with this name that cannot be read.
    Unreadable(String, &'static str),
}

/// The fields of a usage that are compared with other systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageOfDay {
    /// Its id.
    pub id: UsageId,
    /// The account that paid.
    pub account: AccountId,
    /// The Sparks that were debited.
    pub sparks: Sparks,
    /// Time of the usage.
    pub occurred_at: Timestamp,
    /// The time at which it was recorded, or redriven by an operator.
    pub waits_since: Timestamp,
    /// The latest time at which it may have been sent.
    pub sent_at: Timestamp,
    /// The states of its deliveries.
    pub deliveries: Deliveries,
    /// The parcel that it is a member of.
    pub parcel: Option<ParcelId>,
}

impl UsageOfDay {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        let recorded_at = item::read_time(item, "recorded_at")?;
        let redriven_at = item::optional_time(item, "redriven_at")?;
        let waits_since = redriven_at.map_or(recorded_at, |again| again.max(recorded_at));
        let claimed_at = item::optional_time(item, "claimed_at")?;
        let sent = [claimed_at, item::optional_time(item, "traced_at")?];
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            sparks: item::read_debit(item, "amount")?,
            occurred_at: item::read_time(item, "occurred_at")?,
            waits_since,
            sent_at: sent.into_iter().flatten().fold(waits_since, Timestamp::max),
            deliveries: Deliveries::read(item)?,
            parcel: item::optional_parsed(item, "parcel")?,
        })
    }
}

impl DayRecord {
    fn read(item: &Item) -> Result<Option<Self>, Malformed> {
        let pk = item::read_text(item, "pk")?;
        if let Some(customer) = pk.strip_prefix("X#") {
            let malformed = Malformed { attribute: "pk" };
            return Ok(Some(Self::Customer {
                customer: customer.parse().map_err(|_| malformed)?,
                account: item::read_parsed(item, "customer_of")?,
            }));
        }
        Ok(match EntryKind::read(item)? {
            EntryKind::Usage => Some(Self::Usage(UsageOfDay::from_item(item)?)),
            EntryKind::Credit if item.contains_key("purchase") => Some(Self::Purchase(Box::new(
                PurchaseWithReversals::from_item(item)?,
            ))),
            EntryKind::Reversal => {
                let id: EntryId = item::read_parsed(item, "id")?;
                let account = item::read_parsed(item, "account")?;
                // The operator's corrections are of no object at Stripe.
                (!id.is_correction()).then_some(Self::Reversal { id, account })
            }
            EntryKind::Credit | EntryKind::Expiry | EntryKind::Restoration => None,
        })
    }
}

impl Audits {
    /// Reads one page of a period's entries and of all customer links.
    ///
    /// An entry belongs to the period if it was recorded, or its usage occurred, in `[from, before)`. Returns the cursor
    /// of the next page.
    pub async fn of_day(
        &self,
        from: Timestamp,
        before: Timestamp,
        next: Option<Next>,
        deadline: &Deadline,
    ) -> Result<(Vec<DayRecord>, Option<Next>), Error> {
        let scan = self.table
            .client
            .scan()
            .table_name(&self.table.name)
            .filter_expression(
                "sk = :customer OR (sk = :entry AND ((recorded_at >= :from AND recorded_at < :before) \
                 OR (occurred_at >= :from AND occurred_at < :before)))",
            )
            .expression_attribute_values(":customer", item::text("X"))
            .expression_attribute_values(":entry", item::text("E"))
            .expression_attribute_values(":from", item::time(from))
            .expression_attribute_values(":before", item::time(before))
            .consistent_read(true)
            .set_exclusive_start_key(next);
        let found = self.table.scan(&scan, deadline).await?;
        let read = |item: &Item| match DayRecord::read(item) {
            Ok(read) => read,
            Err(error) => {
                let name = item::read_text(item, "pk").unwrap_or_default();
                Some(DayRecord::Unreadable(name.to_owned(), error.attribute))
            }
        };
        let read = found.items().iter().filter_map(read).collect();
        Ok((read, found.last_evaluated_key))
    }
}
