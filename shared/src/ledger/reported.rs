//! Events that Stripe had taken and could not count after all: they are parked.

use jiff::Timestamp;

use super::calls::Judged;
use super::entry::DeliveryState;
use super::item::{self, Key};
use super::mark::{Guard, Mark, Marks};
use super::parcel::Parcel;
use super::{Error, Ledger};
use crate::process::patience::Patience;
use crate::words::id::{ParcelId, UsageId};

/// How often something is read again that keeps changing.
const MAX_ATTEMPTS: u32 = 5;

/// A report says nothing of what was put back since: that is sent again.
const NOT_SENT_SINCE: &str =
    "attribute_exists(pk) AND (attribute_not_exists(redriven_at) OR redriven_at <= :reported)";

/// What became of an event that was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is none of this ledger's.
    NotOurs,
    /// It was parked already, or put back since.
    Known,
    /// It is parked now.
    Parked,
}

/// The identifier in what a report names: that, or the idempotency key that the event was sent with, which adds the
/// number of the attempt.
fn without_attempt(named: &str) -> &str {
    match named.rsplit_once(':') {
        Some((identifier, attempt)) if attempt.bytes().all(|byte| byte.is_ascii_digit()) => {
            identifier
        }
        _ => named,
    }
}

impl Ledger {
    /// Parks an event of a usage or a parcel, unless it was put back since it was `reported`.
    pub async fn park_reported(
        &self,
        identifier: &str,
        why: &str,
        reported: Timestamp,
        patience: &Patience,
    ) -> Result<Reported, Error> {
        let identifier = without_attempt(identifier);
        if !identifier.starts_with("par_") {
            let id = UsageId::stored(identifier.to_owned());
            return self.park_usage(&id, why, reported, patience).await;
        }
        let id = ParcelId::stored(identifier.to_owned());
        let Some(parcel) = self.parcel(&id, patience).await? else {
            return Ok(Reported::NotOurs);
        };
        if !self.park_parcel(&parcel, why, reported, patience).await? {
            return Ok(Reported::Known);
        }
        let mut became = Reported::Known;
        for member in &parcel.members {
            let why = format!("parcel {id}: {why}");
            let parked = self.park_usage(member, &why, reported, patience).await?;
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
        patience: &Patience,
    ) -> Result<Reported, Error> {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(found) = self.standing(id, patience).await? else {
                return Ok(Reported::NotOurs);
            };
            // Before the mark: whoever dies in between is called again, and then it stands here already.
            if !self.note_reported(id, reported, patience).await?
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
                .mark_if(&found.entry, guard, &marks, None, patience)
                .await?
            {
                return Ok(Reported::Parked);
            }
            if !patience.another(attempt).await {
                break;
            }
        }
        Err(Error::Busy("the usage kept changing".into()))
    }

    /// Answers whether it was not put back since.
    async fn park_parcel(
        &self,
        parcel: &Parcel,
        why: &str,
        reported: Timestamp,
        patience: &Patience,
    ) -> Result<bool, Error> {
        let action = self.update(
            &Key::parcel(&parcel.id),
            NOT_SENT_SINCE,
            "SET stripe = :parked, parked = :why, reported_at = :reported REMOVE pending_bucket, pending_due",
            [
                (":parked", item::text(DeliveryState::Parked.as_str())),
                (":why", item::text(why)),
                (":reported", item::time(reported)),
            ],
        );
        let judged = self.transact(vec![action], patience).await?;
        Ok(matches!(judged, Judged::Committed))
    }

    /// Notes that Stripe had taken an event, and may still know its identifier. Answers whether it was not put back since.
    async fn note_reported(
        &self,
        id: &UsageId,
        reported: Timestamp,
        patience: &Patience,
    ) -> Result<bool, Error> {
        let action = self.update(
            &Key::entry(id.as_str()),
            NOT_SENT_SINCE,
            "SET reported_at = :reported",
            [(":reported", item::time(reported))],
        );
        let judged = self.transact(vec![action], patience).await?;
        Ok(matches!(judged, Judged::Committed))
    }
}
