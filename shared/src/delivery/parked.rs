//! Deliveries that failed for good: proof of what Stripe's meter counted, and the operator's redrive.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};

use crate::delivery::parcel::Parcel;
use crate::delivery::store::DeliveryQueue;
use crate::delivery::waiting::Waiting;
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item::{self, Item};
use crate::table::key::{Key, Queue};
use crate::table::values;
use crate::words::id::{ParcelId, UsageId};

/// Age up to which Stripe certainly recognises a repeated event.
const TOLD_APART: SignedDuration = SignedDuration::from_hours(23);

/// Age up to which Stripe's meter accepts events.
const TAKEN_BACK: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Age up to which Stripe may still recognise a repeated event, and its sums may lag behind.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(25);

/// The outcome of a redrive by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// It is due now.
    Pending,
    /// No delivery of it is parked.
    NotParked,
    /// There is no such usage or parcel.
    Unknown,
    /// It is a member of a parcel, which is put back as a whole.
    InParcel,
    /// Stripe may have it: the operator must first prove that it does not.
    NotShownAbsent,
    /// It occurred too long ago for Stripe's meter.
    TooOld,
    /// Its trace is due now; its event stays parked, for one of the reasons above.
    TraceAlone,
    /// Langfuse may have its trace; the outbox reads Langfuse again.
    TraceAskedFor,
}

impl DeliveryQueue {
    /// Reads a usage with the progress of its deliveries.
    pub async fn standing(
        &self,
        id: &UsageId,
        deadline: &Deadline,
    ) -> Result<Option<Waiting>, Error> {
        let item = self.table.item(&Key::entry(id.as_str()), deadline).await?;
        Ok(item.as_ref().map(Waiting::from_item).transpose()?)
    }

    /// Records that the meter does not have an event, of a usage alone or of its parcel.
    pub async fn note_absent(&self, usage: &Waiting, deadline: &Deadline) -> Result<(), Error> {
        let now = deadline.start();
        let mut keys = vec![Key::entry(usage.entry.id.as_str())];
        keys.extend(usage.parcel.as_ref().map(Key::parcel));
        let note = |key: &Key| {
            self.table.update(
                key,
                "stripe = :parked",
                "SET absent_at = :now",
                [
                    (":parked", item::text(DeliveryState::Parked.as_str())),
                    (":now", item::time(now)),
                ],
            )
        };
        for key in &keys {
            self.table.apply(note(key), deadline).await?;
        }
        Ok(())
    }

    /// Records that the meter has an event: of one usage, or of a parcel with these members. Returns whether all of it
    /// was still parked, as it was read.
    pub async fn note_found(
        &self,
        members: &[Waiting],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let mut actions: Vec<_> = members.iter().map(|member| self.found(member)).collect();
        let parcel = members.first().and_then(|first| first.parcel.as_ref());
        actions.extend(parcel.map(|parcel| {
            self.table.update(
                &Key::parcel(parcel),
                "stripe = :parked",
                "SET stripe = :confirmed REMOVE parked, absent_at, reported_at",
                [
                    (":parked", item::text(DeliveryState::Parked.as_str())),
                    (":confirmed", item::text(DeliveryState::Confirmed.as_str())),
                ],
            )
        }));
        self.table.commit(actions, deadline).await
    }

    fn found(&self, usage: &Waiting) -> TransactWriteItem {
        let langfuse = usage.entry.deliveries.langfuse;
        let mut values = values([
            (":langfuse", item::text(langfuse.as_str())),
            (":parked", item::text(DeliveryState::Parked.as_str())),
            (":confirmed", item::text(DeliveryState::Confirmed.as_str())),
        ]);
        let claimed = claims_as_read(usage, &mut values);
        let mut change =
            "SET stripe = :confirmed REMOVE stripe_parked, absent_at, reported_at".to_owned();
        if matches!(langfuse, DeliveryState::Confirmed | DeliveryState::Off) {
            change.push_str(", pending_bucket, pending_due");
        }
        let condition = format!("stripe = :parked AND langfuse = :langfuse AND {claimed}");
        let key = Key::entry(usage.entry.id.as_str());
        self.table.update_with(&key, &condition, &change, values)
    }

    /// Redrives what is parked of a usage, or a parcel with its members.
    ///
    /// If Langfuse may have the trace, the outbox reads Langfuse again. `untraced` says that the operator has seen that
    /// it is not there.
    pub async fn redrive(
        &self,
        id: &str,
        untraced: bool,
        deadline: &Deadline,
    ) -> Result<Redriven, Error> {
        let now = deadline.start();
        if let Ok(parcel) = id.parse() {
            return self.redrive_parcel(&parcel, deadline).await;
        }
        let Ok(usage) = id.parse::<UsageId>() else {
            return Ok(Redriven::Unknown);
        };
        let key = Key::entry(usage.as_str());
        let Some(item) = self.table.item(&key, deadline).await? else {
            return Ok(Redriven::Unknown);
        };
        let found = Waiting::from_item(&item)?;
        let of_stripe = found.entry.deliveries.stripe == DeliveryState::Parked;
        if !found.entry.deliveries.any_parked() {
            return Ok(Redriven::NotParked);
        }
        let times = (found.meter_age_from(), found.entry.occurred_at);
        let refused = match &found.parcel {
            _ if !of_stripe => None,
            Some(_) => Some(Redriven::InParcel),
            None => refusal(&item, times, now)?,
        };
        let of_langfuse = found.entry.deliveries.langfuse == DeliveryState::Parked;
        let is_asked_for = of_langfuse && found.unclear_since.is_some() && !untraced;
        let (event, redriven) = match refused {
            None if item.contains_key("absent_at") => (Again::Absent, Redriven::Pending),
            None if is_asked_for && !of_stripe => (Again::Not, Redriven::TraceAskedFor),
            None => (Again::Repeated, Redriven::Pending),
            Some(_) if is_asked_for => (Again::Not, Redriven::TraceAskedFor),
            Some(_) if of_langfuse => (Again::Not, Redriven::TraceAlone),
            Some(refused) => return Ok(refused),
        };
        let action = self.put_back_parked(&found, event, untraced, now);
        if self.table.commit(vec![action], deadline).await? {
            Ok(redriven)
        } else {
            Err(Error::Busy("the usage kept changing".into()))
        }
    }

    async fn redrive_parcel(&self, id: &ParcelId, deadline: &Deadline) -> Result<Redriven, Error> {
        let now = deadline.start();
        let key = Key::parcel(id);
        let Some(item) = self.table.item(&key, deadline).await? else {
            return Ok(Redriven::Unknown);
        };
        let parcel = Parcel::from_item(&item)?;
        if parcel.state != DeliveryState::Parked {
            return Ok(Redriven::NotParked);
        }
        let times = (parcel.meter_age_from(), parcel.occurred_at);
        if let Some(refused) = refusal(&item, times, now)? {
            return Ok(refused);
        }
        // One transaction: a run in between would park the redriven part again, and the parcel and its members would
        // disagree.
        let absent = item.contains_key("absent_at");
        let event = if absent {
            Again::Absent
        } else {
            Again::Repeated
        };
        let mut actions = Vec::with_capacity(parcel.members.len() + 1);
        for member in &parcel.members {
            let found = self.standing(member, deadline).await?;
            actions.extend(found.map(|found| self.put_back_parked(&found, event, false, now)));
        }
        let again = if absent { ", redriven_at = :now" } else { "" };
        let change = format!(
            "SET stripe = :pending, pending_bucket = :bucket, pending_due = :now{again} \
             REMOVE parked, absent_at, reported_at"
        );
        let values = values([
            (":parked", item::text(DeliveryState::Parked.as_str())),
            (":pending", item::text(DeliveryState::Pending.as_str())),
            (":now", item::time(now)),
            (":bucket", Queue::Due.of(&parcel.account)),
        ]);
        actions.push(
            self.table
                .update_with(&key, "stripe = :parked", &change, values),
        );
        if !self.table.commit(actions, deadline).await? {
            return Err(Error::Busy("the parcel kept changing".into()));
        }
        Ok(Redriven::Pending)
    }

    /// Makes what is parked of a usage pending again, unless it has changed since it was read.
    fn put_back_parked(
        &self,
        found: &Waiting,
        event: Again,
        untraced: bool,
        now: Timestamp,
    ) -> TransactWriteItem {
        let deliveries = found.entry.deliveries;
        let mut values = values([
            (":langfuse", item::text(deliveries.langfuse.as_str())),
            (":stripe", item::text(deliveries.stripe.as_str())),
            (":pending", item::text(DeliveryState::Pending.as_str())),
            (":bucket", Queue::Due.of(&found.entry.account)),
            (":now", item::time(now)),
        ]);
        let mut set = vec!["pending_bucket = :bucket", "pending_due = :now"];
        let mut remove = Vec::new();
        if deliveries.langfuse == DeliveryState::Parked {
            set.push("langfuse = :pending");
            remove.extend([
                "langfuse_parked",
                "langfuse_absent_at",
                "langfuse_unclear_since",
            ]);
            // Langfuse stores nothing that it refuses. A trace whose outcome is unclear may be there, so the outbox
            // reads Langfuse again.
            if found.unclear_since.is_none() || untraced {
                let why = if untraced { "untraced" } else { "refused" };
                set.push("langfuse_unsent = :why");
                values.insert(":why".to_owned(), item::text(why));
            }
        }
        if deliveries.stripe == DeliveryState::Parked && event != Again::Not {
            set.push("stripe = :pending");
            if event == Again::Absent {
                set.push("redriven_at = :now");
            }
            remove.extend(["stripe_parked", "absent_at", "reported_at"]);
        }
        let remove = if remove.is_empty() {
            String::new()
        } else {
            format!(" REMOVE {}", remove.join(", "))
        };
        let change = format!("SET {}{remove}", set.join(", "));
        let key = Key::entry(found.entry.id.as_str());
        let claimed = claims_as_read(found, &mut values);
        let condition = format!("langfuse = :langfuse AND stripe = :stripe AND {claimed}");
        self.table.update_with(&key, &condition, &change, values)
    }
}

/// The way in which a parked event is redriven with its usage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// It stays parked.
    Not,
    /// Stripe recognises the repetition if it has it.
    Repeated,
    /// Stripe was shown not to have it. Only then does its age start anew: otherwise Stripe may forget an identifier
    /// that it has counted.
    Absent,
}

/// Returns the condition that no run has claimed a usage since it was read.
fn claims_as_read(usage: &Waiting, values: &mut Item) -> &'static str {
    if usage.claims == 0 {
        return "attribute_not_exists(claims)";
    }
    values.insert(":claims".to_owned(), item::number(usage.claims));
    "claims = :claims"
}

/// Returns the reason why an event must not be sent again; None if it may.
///
/// An event that Stripe refused may be sent while Stripe recognises a repetition. An event that Stripe may have, or had
/// accepted, may be sent only once the meter's sums have shown that it is absent. If Stripe had accepted it, the sums
/// must show that a day later: before, Stripe knows the identifier and would not count a new event, and a missing event
/// may only be late.
fn refusal(
    item: &Item,
    (age_from, occurred_at): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Option<Redriven>, Error> {
    if now.duration_since(occurred_at) >= TAKEN_BACK {
        return Ok(Some(Redriven::TooOld));
    }
    let time = |attribute: &'static str| -> Result<Option<Timestamp>, Error> {
        Ok(match item.get(attribute) {
            Some(_) => Some(item::read_time(item, attribute)?),
            None => None,
        })
    };
    let (absent_at, reported_at) = (time("absent_at")?, time("reported_at")?);
    let may = match (reported_at, absent_at) {
        (None, None) => now.duration_since(age_from) <= TOLD_APART,
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(reported), Some(absent)) => absent.duration_since(reported) > FORGOTTEN_AFTER,
    };
    Ok((!may).then_some(Redriven::NotShownAbsent))
}
