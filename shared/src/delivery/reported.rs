//! Parks events that Stripe first accepted and later reported as impossible to count.

use jiff::Timestamp;

use crate::delivery::change::Change;
use crate::delivery::parcel::Parcel;
use crate::delivery::progress::{Mark, Marks};
use crate::delivery::store::DeliveryQueue;
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item;
use crate::table::key::Key;
use crate::words::id::UsageId;
use crate::words::meter_event_id::MeterEventId;
use crate::words::sink::Sink;

/// Maximum number of reads of an item that keeps changing.
const MAX_ATTEMPTS: u32 = 5;

/// The outcome of a report about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It is not an event of this ledger.
    NotOurs,
    /// It was parked already, or redriven since.
    Known,
    /// It is parked now.
    Parked,
}

impl DeliveryQueue {
    /// Parks the event of a usage or a parcel, unless redriven since it was `reported`.
    pub async fn park_reported(
        &self,
        event: &MeterEventId,
        why: &str,
        reported: Timestamp,
        deadline: &Deadline,
    ) -> Result<ReportOutcome, Error> {
        let id = match event {
            MeterEventId::Usage(id) => return self.park_usage(id, why, reported, deadline).await,
            MeterEventId::Parcel(id) => id,
        };
        let Some(parcel) = self.parcel(id, deadline).await? else {
            return Ok(ReportOutcome::NotOurs);
        };
        if !self.park_parcel(&parcel, why, reported, deadline).await? {
            return Ok(ReportOutcome::Known);
        }
        let mut became = ReportOutcome::Known;
        for member in &parcel.members {
            let why = id.reason_of_member(why);
            let parked = self.park_usage(member, &why, reported, deadline).await?;
            if parked == ReportOutcome::Parked {
                became = parked;
            }
        }
        Ok(became)
    }

    async fn park_usage(
        &self,
        id: &UsageId,
        why: &str,
        reported: Timestamp,
        deadline: &Deadline,
    ) -> Result<ReportOutcome, Error> {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(usage) = self.usage(id, deadline).await? else {
                return Ok(ReportOutcome::NotOurs);
            };
            // Written before the mark: if the process dies in between, Stripe repeats the report, and the note is
            // already here.
            if !self.note_reported(id, reported, deadline).await?
                || usage.entry.deliveries.stripe == DeliveryState::Parked
            {
                return Ok(ReportOutcome::Known);
            }
            let marks = Marks {
                langfuse: None,
                stripe: Some(Mark::Parked(why.to_owned())),
            };
            let (entry, claims) = (&usage.entry, usage.claims);
            if self.mark_if(entry, claims, &marks, None, deadline).await? {
                return Ok(ReportOutcome::Parked);
            }
            if !deadline.another(attempt).await {
                break;
            }
        }
        Err(Error::Busy("the usage kept changing".into()))
    }

    /// Returns whether it was not redriven since.
    async fn park_parcel(
        &self,
        parcel: &Parcel,
        why: &str,
        reported: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let change = note_report(reported)
            .set_state(Sink::StripeMeter, DeliveryState::Parked)
            .set("parked", item::text(why))
            .unlist();
        let action = change.update(&self.table, &Key::parcel(&parcel.id));
        self.table.commit(vec![action], deadline).await
    }

    /// Records that Stripe had accepted an event, and may still know its identifier. Returns whether it was not
    /// redriven since.
    async fn note_reported(
        &self,
        id: &UsageId,
        reported: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let change = note_report(reported);
        let action = change.update(&self.table, &Key::entry(id.as_str()));
        self.table.commit(vec![action], deadline).await
    }
}

/// Notes the time of a report, unless the event was redriven later. A redriven event is sent again.
fn note_report(reported: Timestamp) -> Change {
    Change::default()
        .when("attribute_exists(pk)")
        .when("(attribute_not_exists(redriven_at) OR redriven_at <= :reported_at)")
        .set("reported_at", item::time(reported))
}
