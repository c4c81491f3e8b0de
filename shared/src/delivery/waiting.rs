//! A usage with a delivery that is not final, or that failed for good.

use jiff::Timestamp;

use crate::ledger::entry::UsageEntry;
use crate::table::item::{self, Item, Malformed};
use crate::words::id::ParcelId;

/// A usage with the progress of its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The usage.
    pub entry: UsageEntry,
    /// The number of runs that have claimed it.
    pub claims: i64,
    /// The last time that a run sent its trace.
    pub traced_at: Option<Timestamp>,
    /// True if Langfuse has certainly never received it.
    pub unsent_to_langfuse: bool,
    /// The time at which Langfuse was read and did not show it, after it was sent last.
    pub absent_at_langfuse: Option<Timestamp>,
    /// The time since which Langfuse cannot say whether it has it.
    pub unclear_since: Option<Timestamp>,
    /// True if Stripe has certainly never received it.
    pub unsent_to_stripe: bool,
    /// The parcel that it is a member of.
    pub parcel: Option<ParcelId>,
    /// The time at which an operator redrove it, after Stripe was shown not to have it.
    pub redriven_at: Option<Timestamp>,
    /// The reason why the delivery to Langfuse failed for good.
    pub langfuse_parked: Option<String>,
    /// The reason why the delivery to Stripe failed for good.
    pub stripe_parked: Option<String>,
}

impl Waiting {
    /// Reads a usage with the progress of its deliveries.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        let time = |attribute: &'static str| match item.get(attribute) {
            Some(_) => item::read_time(item, attribute).map(Some),
            None => Ok(None),
        };
        let text = |attribute| -> Result<Option<String>, Malformed> {
            Ok(item::optional_text(item, attribute)?.map(str::to_owned))
        };
        Ok(Self {
            entry: UsageEntry::from_item(item)?,
            claims: match item.get("claims") {
                Some(_) => item::read_number(item, "claims")?,
                None => 0,
            },
            traced_at: time("traced_at")?,
            absent_at_langfuse: time("langfuse_absent_at")?,
            unclear_since: time("langfuse_unclear_since")?,
            unsent_to_langfuse: text("langfuse_unsent")?.is_some(),
            unsent_to_stripe: text("stripe_unsent")?.is_some(),
            parcel: item::optional_parsed(item, "parcel")?,
            redriven_at: time("redriven_at")?,
            langfuse_parked: text("langfuse_parked")?,
            stripe_parked: text("stripe_parked")?,
        })
    }

    /// Returns the start of its age for Stripe, which forgets identifiers after a day.
    pub fn meter_age_from(&self) -> Timestamp {
        self.redriven_at.unwrap_or(self.entry.recorded_at)
    }
}
