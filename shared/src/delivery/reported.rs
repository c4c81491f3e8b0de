//! Parks events that Stripe first accepted and later reported as impossible to count.

use jiff::Timestamp;

use crate::delivery::mark::{Guard, Mark, Marks};
use crate::delivery::parcel::Parcel;
use crate::delivery::store::DeliveryQueue;
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item;
use crate::table::key::Key;
use crate::words::id::{ParcelId, UsageId};

/// Maximum number of reads of an item that keeps changing.
const MAX_ATTEMPTS: u32 = 5;

/// A report does not apply to what was redriven after it: that is sent again.
const NOT_SENT_SINCE: &str =
    "attribute_exists(pk) AND (attribute_not_exists(redriven_at) OR redriven_at <= :reported)";

/// The outcome of a reported event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is not an event of this ledger.
    NotOurs,
    /// It was parked already, or redriven since.
    Known,
    /// It is parked now.
    Parked,
}

/// Returns the identifier of the event that a report names.
///
/// The name is the identifier, or the idempotency key that the event was sent with, which adds the number of the
/// attempt.
fn without_attempt(named: &str) -> &str {
    match named.rsplit_once(':') {
        Some((identifier, attempt)) if attempt.bytes().all(|byte| byte.is_ascii_digit()) => {
            identifier
        }
        _ => named,
    }
}

impl DeliveryQueue {
    /// Parks an event of a usage or a parcel, unless it was redriven since it was `reported`.
    pub async fn park_reported(
        &self,
        identifier: &str,
        why: &str,
        reported: Timestamp,
        deadline: &Deadline,
    ) -> Result<Reported, Error> {
        let identifier = without_attempt(identifier);
        if let Ok(usage) = identifier.parse() {
            return self.park_usage(&usage, why, reported, deadline).await;
        }
        let Ok(id) = identifier.parse::<ParcelId>() else {
            return Ok(Reported::NotOurs);
        };
        let Some(parcel) = self.parcel(&id, deadline).await? else {
            return Ok(Reported::NotOurs);
        };
        if !self.park_parcel(&parcel, why, reported, deadline).await? {
            return Ok(Reported::Known);
        }
        let mut became = Reported::Known;
        for member in &parcel.members {
            let why = format!("parcel {id}: {why}");
            let parked = self.park_usage(member, &why, reported, deadline).await?;
            if parked == Reported::Parked {
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
    ) -> Result<Reported, Error> {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(found) = self.standing(id, deadline).await? else {
                return Ok(Reported::NotOurs);
            };
            // Written before the mark: if the process dies in between, Stripe repeats the report, and the note is
            // already here.
            if !self.note_reported(id, reported, deadline).await?
                || found.entry.deliveries.stripe == DeliveryState::Parked
            {
                return Ok(Reported::Known);
            }
            let marks = Marks {
                langfuse: None,
                stripe: Some(Mark::Parked(why.to_owned())),
            };
            let guard = Guard::Claims(found.claims);
            if self
                .mark_if(&found.entry, guard, &marks, None, deadline)
                .await?
            {
                return Ok(Reported::Parked);
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
        let action = self.table.update(
            &Key::parcel(&parcel.id),
            NOT_SENT_SINCE,
            "SET stripe = :parked, parked = :why, reported_at = :reported REMOVE pending_bucket, pending_due",
            [
                (":parked", item::text(DeliveryState::Parked.as_str())),
                (":why", item::text(why)),
                (":reported", item::time(reported)),
            ],
        );
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
        let action = self.table.update(
            &Key::entry(id.as_str()),
            NOT_SENT_SINCE,
            "SET reported_at = :reported",
            [(":reported", item::time(reported))],
        );
        self.table.commit(vec![action], deadline).await
    }
}
