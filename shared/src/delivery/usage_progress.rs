//! Usages as the outbox reads them: each with the progress of its deliveries.

use jiff::{SignedDuration, Timestamp};

use crate::delivery::progress::{Marks, Progress};
use crate::ledger::entry::UsageEntry;
use crate::table::item::{self, Item, Malformed};
use crate::words::id::ParcelId;
use crate::words::sink::PerSink;

/// Some of the sinks of a usage.
pub type SinkSet = PerSink<bool>;

/// A usage with the progress of its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageProgress {
    /// The usage.
    pub entry: UsageEntry,
    /// The progress of each delivery; of a claimed one, as it was before the claim.
    pub deliveries: PerSink<Progress>,
    /// The number of runs that have claimed it.
    pub claims: i64,
    /// The last time that a run sent its trace.
    pub traced_at: Option<Timestamp>,
    /// The parcel that it is a member of.
    pub parcel: Option<ParcelId>,
    /// The times of its event.
    pub event: MeterEventTimes,
}

impl UsageProgress {
    /// Reads a usage with the progress of its deliveries.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            entry: UsageEntry::from_item(item)?,
            deliveries: PerSink::try_new(|sink| Progress::read(item, sink))?,
            claims: match item.get("claims") {
                Some(_) => item::read_number(item, "claims")?,
                None => 0,
            },
            traced_at: item::optional_time(item, "traced_at")?,
            parcel: item::optional_parsed(item, "parcel")?,
            event: MeterEventTimes::read(item)?,
        })
    }

    /// Returns the progress of the deliveries after a run has sent some, with these marks.
    pub fn after(&self, sent: SinkSet, marks: &Marks) -> PerSink<Progress> {
        let steps = self.deliveries.as_ref().zip(sent).zip(marks.as_ref());
        steps.map(|((before, is_sent), mark)| {
            let claimed = if is_sent {
                before.claimed()
            } else {
                before.clone()
            };
            match mark {
                Some(mark) => claimed.after(mark),
                None => claimed,
            }
        })
    }
}

/// Age up to which Stripe certainly recognises a repeated event. It forgets an identifier after a day.
const TOLD_APART: SignedDuration = SignedDuration::from_hours(23);

/// The times of an event for Stripe's meter, of a usage or of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterEventTimes {
    /// The time at which it occurred; of a parcel, its latest usage.
    pub occurred_at: Timestamp,
    /// The time at which it was recorded; of a parcel, its oldest usage's [`Self::age_from`].
    pub recorded_at: Timestamp,
    /// The time of an operator's redrive, after Stripe was shown not to have it.
    pub redriven_at: Option<Timestamp>,
    /// The time at which Stripe reported that it accepted it but could not count it.
    pub reported_at: Option<Timestamp>,
    /// The time at which the meter's sums have shown that it is absent.
    pub absent_at: Option<Timestamp>,
}

impl MeterEventTimes {
    /// Reads the times from the item of a usage or of a parcel.
    pub(super) fn read(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            occurred_at: item::read_time(item, "occurred_at")?,
            recorded_at: item::read_time(item, "recorded_at")?,
            redriven_at: item::optional_time(item, "redriven_at")?,
            reported_at: item::optional_time(item, "reported_at")?,
            absent_at: item::optional_time(item, "absent_at")?,
        })
    }

    /// Returns the start of its age for Stripe, which forgets identifiers after a day.
    pub fn age_from(&self) -> Timestamp {
        self.redriven_at.unwrap_or(self.recorded_at)
    }

    /// Returns whether Stripe certainly recognises a repetition. Of an older event, a repetition could count twice.
    pub fn is_told_apart(&self, now: Timestamp) -> bool {
        now.duration_since(self.age_from()) <= TOLD_APART
    }
}
