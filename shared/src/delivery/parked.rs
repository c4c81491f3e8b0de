//! Deliveries that failed for good: proof of what Stripe's meter counted, and the operator's redrive.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};

use crate::delivery::change::Change;
use crate::delivery::progress::{self, Progress, Unsent};
use crate::delivery::store::DeliveryQueue;
use crate::delivery::usage_progress::{MeterEventTimes, UsageProgress};
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item;
use crate::table::key::{Key, Queue};
use crate::words::id::{ParcelId, UsageId};
use crate::words::meter_event_id::MeterEventId;
use crate::words::sink::Sink;

/// Age up to which Stripe's meter accepts events.
const TAKEN_BACK: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Age up to which Stripe may recognise a repeated event and its sums may lag.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(25);

/// The outcome of a redrive by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedriveOutcome {
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
    pub async fn usage(
        &self,
        id: &UsageId,
        deadline: &Deadline,
    ) -> Result<Option<UsageProgress>, Error> {
        let item = self.table.item(&Key::entry(id.as_str()), deadline).await?;
        Ok(item.as_ref().map(UsageProgress::from_item).transpose()?)
    }

    /// Records that the meter lacks an event, of a usage alone or of its parcel.
    pub async fn note_absent(
        &self,
        usage: &UsageProgress,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let mut keys = vec![Key::entry(usage.entry.id.as_str())];
        keys.extend(usage.parcel.as_ref().map(Key::parcel));
        for key in &keys {
            let note = if_parked().set("absent_at", item::time(deadline.start()));
            self.table
                .apply(note.update(&self.table, key), deadline)
                .await?;
        }
        Ok(())
    }

    /// Records that the meter has the event of one usage, or of these members' parcel. Returns whether all of it was
    /// still parked, as it was read.
    pub async fn note_found(
        &self,
        members: &[UsageProgress],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let mut actions: Vec<_> = members.iter().map(|member| self.found(member)).collect();
        let parcel = members.first().and_then(|first| first.parcel.as_ref());
        actions.extend(parcel.map(|parcel| {
            let change = if_parked()
                .set_state(Sink::StripeMeter, DeliveryState::Confirmed)
                .remove(["parked", "absent_at", "reported_at"]);
            change.update(&self.table, &Key::parcel(parcel))
        }));
        self.table.commit(actions, deadline).await
    }

    fn found(&self, usage: &UsageProgress) -> TransactWriteItem {
        let langfuse = usage.entry.deliveries.langfuse;
        let as_read = if_parked()
            .if_state(Sink::Langfuse, langfuse)
            .if_claims(usage.claims);
        let change = progress::confirm(Sink::StripeMeter, as_read);
        let mut change = change.remove(["absent_at", "reported_at"]);
        if matches!(langfuse, DeliveryState::Confirmed | DeliveryState::Off) {
            change = change.unlist();
        }
        change.update(&self.table, &Key::entry(usage.entry.id.as_str()))
    }

    /// Redrives what is parked of a usage, or a parcel with its members.
    ///
    /// If Langfuse may have the trace, the outbox reads Langfuse again. `untraced` says that the operator has seen that
    /// it is not there.
    pub async fn redrive(
        &self,
        id: &MeterEventId,
        untraced: bool,
        deadline: &Deadline,
    ) -> Result<RedriveOutcome, Error> {
        match id {
            MeterEventId::Usage(id) => self.redrive_usage(id, untraced, deadline).await,
            MeterEventId::Parcel(id) => self.redrive_parcel(id, deadline).await,
        }
    }

    async fn redrive_usage(
        &self,
        id: &UsageId,
        untraced: bool,
        deadline: &Deadline,
    ) -> Result<RedriveOutcome, Error> {
        let now = deadline.start();
        let Some(usage) = self.usage(id, deadline).await? else {
            return Ok(RedriveOutcome::Unknown);
        };
        if !usage.entry.deliveries.any_parked() {
            return Ok(RedriveOutcome::NotParked);
        }
        let deliveries = usage.deliveries.as_ref();
        let parked = deliveries.map(|one| matches!(one, Progress::Parked { .. }));
        let refused = match &usage.parcel {
            _ if !parked.stripe => None,
            Some(_) => Some(RedriveOutcome::InParcel),
            None => refusal(&usage.event, now),
        };
        let is_asked_for = is_unclear(&usage.deliveries.langfuse) && !untraced;
        let (event, outcome) = match refused {
            None if usage.event.absent_at.is_some() => (Again::Absent, RedriveOutcome::Pending),
            None if is_asked_for && !parked.stripe => (Again::Not, RedriveOutcome::TraceAskedFor),
            None => (Again::Repeated, RedriveOutcome::Pending),
            Some(_) if is_asked_for => (Again::Not, RedriveOutcome::TraceAskedFor),
            Some(_) if parked.langfuse => (Again::Not, RedriveOutcome::TraceAlone),
            Some(refused) => return Ok(refused),
        };
        let action = self.put_back_parked(&usage, event, untraced, now);
        if self.table.commit(vec![action], deadline).await? {
            Ok(outcome)
        } else {
            Err(Error::Busy("the usage kept changing".into()))
        }
    }

    async fn redrive_parcel(
        &self,
        id: &ParcelId,
        deadline: &Deadline,
    ) -> Result<RedriveOutcome, Error> {
        let now = deadline.start();
        let Some(parcel) = self.parcel(id, deadline).await? else {
            return Ok(RedriveOutcome::Unknown);
        };
        if parcel.state != DeliveryState::Parked {
            return Ok(RedriveOutcome::NotParked);
        }
        if let Some(refused) = refusal(&parcel.event, now) {
            return Ok(refused);
        }
        // One transaction: a run in between would park the redriven part again, and the parcel and its members would
        // disagree.
        let event = match parcel.event.absent_at {
            Some(_) => Again::Absent,
            None => Again::Repeated,
        };
        let mut actions = Vec::with_capacity(parcel.members.len() + 1);
        for member in &parcel.members {
            let usage = self.usage(member, deadline).await?;
            actions.extend(usage.map(|usage| self.put_back_parked(&usage, event, false, now)));
        }
        let mut change = if_parked()
            .set_state(Sink::StripeMeter, DeliveryState::Pending)
            .list(Queue::Due.of(&parcel.account), now)
            .remove(["parked", "absent_at", "reported_at"]);
        if event == Again::Absent {
            change = change.set("redriven_at", item::time(now));
        }
        actions.push(change.update(&self.table, &Key::parcel(id)));
        if !self.table.commit(actions, deadline).await? {
            return Err(Error::Busy("the parcel kept changing".into()));
        }
        Ok(RedriveOutcome::Pending)
    }

    /// Makes a usage's parked deliveries pending again, unless it has changed since it was read.
    fn put_back_parked(
        &self,
        usage: &UsageProgress,
        event: Again,
        untraced: bool,
        now: Timestamp,
    ) -> TransactWriteItem {
        let states = usage.entry.deliveries;
        let mut change =
            Change::as_read(states, usage.claims).list(Queue::Due.of(&usage.entry.account), now);
        if states.langfuse == DeliveryState::Parked {
            // Langfuse stores nothing that it refuses. A trace whose outcome is unclear may be there, so the outbox
            // reads Langfuse again.
            let unsent = if untraced {
                Some(Unsent::Untraced)
            } else {
                (!is_unclear(&usage.deliveries.langfuse)).then_some(Unsent::Refused)
            };
            change = progress::redrive(Sink::Langfuse, unsent, change);
        }
        if states.stripe == DeliveryState::Parked && event != Again::Not {
            change = progress::redrive(Sink::StripeMeter, None, change)
                .remove(["absent_at", "reported_at"]);
            if event == Again::Absent {
                change = change.set("redriven_at", item::time(now));
            }
        }
        change.update(&self.table, &Key::entry(usage.entry.id.as_str()))
    }
}

/// Returns whether a trace is parked because Langfuse could not say whether it has it.
const fn is_unclear(trace: &Progress) -> bool {
    matches!(
        trace,
        Progress::Parked {
            unclear_since: Some(_),
            ..
        }
    )
}

/// A change of a usage or a parcel whose event is parked.
fn if_parked() -> Change {
    Change::default().if_state(Sink::StripeMeter, DeliveryState::Parked)
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

/// Returns the reason why an event must not be sent again; None if it may.
///
/// An event that Stripe refused may be sent while Stripe recognises a repetition. An event that Stripe may have, or had
/// accepted, may be sent only once the meter's sums have shown that it is absent. If Stripe had accepted it, the sums
/// must show that a day later: before, Stripe knows the identifier and would not count a new event, and a missing event
/// may only be late.
fn refusal(event: &MeterEventTimes, now: Timestamp) -> Option<RedriveOutcome> {
    if now.duration_since(event.occurred_at) >= TAKEN_BACK {
        return Some(RedriveOutcome::TooOld);
    }
    let may = match (event.reported_at, event.absent_at) {
        (None, None) => event.is_told_apart(now),
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(reported), Some(absent)) => absent.duration_since(reported) > FORGOTTEN_AFTER,
    };
    (!may).then_some(RedriveOutcome::NotShownAbsent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_stripe_may_have_is_redriven_only_after_proof() {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let unproven = Some(RedriveOutcome::NotShownAbsent);
        for (now, reported, absent, refused) in [
            (23, None, None, None),
            (24, None, None, unproven),
            (24, None, Some(24), None),
            (24, Some(1), None, unproven),
            (30, Some(1), Some(26), unproven),
            (30, Some(1), Some(27), None),
            (35 * 24, None, Some(24), Some(RedriveOutcome::TooOld)),
        ] {
            let event = MeterEventTimes {
                occurred_at: at(0),
                recorded_at: at(0),
                redriven_at: None,
                reported_at: reported.map(at),
                absent_at: absent.map(at),
            };
            assert_eq!(refusal(&event, at(now)), refused, "{event:?}");
        }
    }
}
