//! Compares Stripe's meter with the confirmed usages, hour by hour for each account.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::ledger::DeliveryState;
use shared::reports::audit::UsageOfDay;
use shared::words::id::AccountId;
use shared::words::meter_event_id::MeterEventId;
use shared::words::sparks::Sparks;

use super::hour::{self, Event, Standing, Verdict};
use super::look::{Look, TIMEOUT, stripe_is_busy};
use super::table::Table;
use crate::Error;
use crate::stripe_account::StripeAccount;

/// The length of an hour at the meter.
const HOUR: i64 = 3_600;

/// Maximum number of usages named per hour.
const MAX_NAMED: usize = 20;

/// Time after which a parcel was certainly not sent within the last hour. The time of its last send is not stored.
const PARCEL_RESTS_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Number of accounts between two notes of the progress.
const ACCOUNTS_BETWEEN_NOTES: usize = 100;

/// Lists the hours in which the meter disagrees. Settles parked events if its sum is conclusive.
pub(super) async fn compare(look: &mut Look<'_, '_>, table: &Table) -> Result<(), Error> {
    let mut accounts: BTreeMap<&AccountId, Vec<&UsageOfDay>> = BTreeMap::new();
    let metered = table.occurred(look);
    for usage in metered.filter(|usage| usage.deliveries.stripe != DeliveryState::Off) {
        accounts.entry(&usage.account).or_default().push(usage);
    }
    if accounts.is_empty() {
        return Ok(());
    }
    let stripe = StripeAccount::new(look.console.stripe()?, look.payments.terms.stage.clone());
    let meter = look
        .asked(stripe_is_busy, async || stripe.meter().await)
        .await?
        .ok_or(Error::NoMeter)?;
    for (number, (account, usages)) in accounts.into_iter().enumerate() {
        if number > 0 && number.is_multiple_of(ACCOUNTS_BETWEEN_NOTES) {
            look.note(&format!("{number} accounts at the meter"))?;
        }
        let counted = counted(look, table, &meter.id, account).await?;
        compare_account(look, account, &usages, &counted).await?;
    }
    Ok(())
}

/// The meter's sums for an account, over all customers that it has had.
#[derive(Default)]
struct Counted {
    /// Sum of each hour, by its start, in milli-Sparks.
    hours: BTreeMap<i64, i128>,
    /// True if Stripe does not know one of the customers. Then no event is known to be absent.
    in_part: bool,
}

async fn counted(
    look: &Look<'_, '_>,
    table: &Table,
    meter: &str,
    account: &AccountId,
) -> Result<Counted, Error> {
    let mut counted = Counted::default();
    // Hours that are not over are not compared.
    let second = look.now.as_second();
    let this_hour = Timestamp::from_second(second - second.rem_euclid(HOUR)).unwrap_or(look.now);
    let (from, before) = (look.during.start, look.during.end.min(this_hour));
    if before <= from {
        return Ok(counted);
    }
    let customers = table.customers.get(account);
    for customer in customers.into_iter().flatten() {
        let stripe = &look.payments.stripe;
        let hours = look
            .asked(stripe_is_busy, async || {
                stripe
                    .metered_hours(meter, customer, from, before, TIMEOUT)
                    .await
            })
            .await?;
        counted.in_part |= hours.is_none();
        for hour in hours.into_iter().flatten() {
            let sum = counted.hours.entry(hour.start_time).or_default();
            *sum += i128::from(hour.value.milli());
        }
    }
    Ok(counted)
}

async fn compare_account(
    look: &mut Look<'_, '_>,
    account: &AccountId,
    usages: &[&UsageOfDay],
    counted: &Counted,
) -> Result<(), Error> {
    let mut hours: BTreeMap<i64, Vec<&UsageOfDay>> = BTreeMap::new();
    for usage in usages {
        let second = usage.occurred_at.as_second();
        let begins = second - second.rem_euclid(HOUR);
        hours.entry(begins).or_default().push(usage);
    }
    let all: BTreeSet<i64> = hours.keys().chain(counted.hours.keys()).copied().collect();
    for begins in all {
        let ended = Timestamp::from_second(begins + HOUR).unwrap_or(Timestamp::MAX);
        // Usage may have come in since the table was read.
        if look.is_recent(ended) {
            continue;
        }
        let mut sent = sent(look, hours.get(&begins).map_or(&[][..], Vec::as_slice));
        for one in sent.iter_mut().filter(|_| counted.in_part) {
            if one.standing == Standing::Parked {
                one.standing = Standing::Open;
            }
        }
        let hour = Hour {
            account,
            begins,
            sent,
            counted: counted.hours.get(&begins).copied().unwrap_or_default(),
            in_part: counted.in_part,
        };
        look.report.checked.hours += 1;
        hour.compare(look).await?;
    }
    Ok(())
}

/// Usages sent to the meter as one event. They are a single usage, or those of a parcel.
struct MeterEvent<'a> {
    id: MeterEventId,
    members: Vec<&'a UsageOfDay>,
    standing: Standing,
}

fn sent<'a>(look: &Look<'_, '_>, usages: &[&'a UsageOfDay]) -> Vec<MeterEvent<'a>> {
    let mut events: BTreeMap<MeterEventId, Vec<&UsageOfDay>> = BTreeMap::new();
    for usage in usages {
        let id = match &usage.parcel {
            Some(parcel) => MeterEventId::Parcel(parcel.clone()),
            None => MeterEventId::Usage(usage.id.clone()),
        };
        events.entry(id).or_default().push(usage);
    }
    let events = events.into_iter().map(|(id, members)| MeterEvent {
        id,
        standing: standing(look, &members),
        members,
    });
    events.collect()
}

fn standing(look: &Look<'_, '_>, members: &[&UsageOfDay]) -> Standing {
    let all = |state| {
        let mut members = members.iter();
        members.all(|member| member.deliveries.stripe == state)
    };
    let recent = |member: &&UsageOfDay| look.is_recent(member.sent_at);
    let rests = |member: &&UsageOfDay| {
        member.parcel.is_none() || look.now.duration_since(member.waits_since) >= PARCEL_RESTS_AFTER
    };
    if members.iter().any(recent) {
        Standing::Open
    } else if all(DeliveryState::Confirmed) {
        Standing::Confirmed
    } else if all(DeliveryState::Parked) && members.iter().all(rests) {
        Standing::Parked
    } else {
        Standing::Open
    }
}

impl MeterEvent<'_> {
    fn milli(&self) -> i64 {
        let sum = Sparks::checked_sum(self.members.iter().map(|member| member.sparks));
        sum.map_or(i64::MAX, Sparks::milli)
    }
}

/// One hour of an account.
struct Hour<'a> {
    account: &'a AccountId,
    begins: i64,
    sent: Vec<MeterEvent<'a>>,
    counted: i128,
    in_part: bool,
}

impl Hour<'_> {
    async fn compare(&self, look: &mut Look<'_, '_>) -> Result<(), Error> {
        let events = self.sent.iter().map(|sent| Event {
            standing: sent.standing,
            milli: sent.milli(),
        });
        let events: Vec<Event> = events.collect();
        let kind = match hour::judge(&events, self.counted) {
            Verdict::Fits => {
                self.list_undecided(look);
                return Ok(());
            }
            Verdict::Settles { dropped, .. } if self.in_part && !dropped.is_empty() => {
                "meter_short"
            }
            Verdict::Settles {
                absent,
                present,
                dropped,
            } => {
                for place in dropped {
                    self.note_dropped(look, &self.sent[place]).await?;
                }
                for place in absent {
                    self.note_absent(look, &self.sent[place]).await?;
                }
                for place in present {
                    self.note_found(look, &self.sent[place]).await?;
                }
                return Ok(());
            }
            Verdict::Short => "meter_short",
            Verdict::Over => "meter_over",
            Verdict::Unclear => "unclear",
        };
        let begins = Timestamp::from_second(self.begins).unwrap_or(Timestamp::MIN);
        let id = begins.to_string();
        look.report
            .differ(kind, id, Some(self.account), self.detail());
        Ok(())
    }

    /// Lists parked events that cannot be settled yet. They were sent recently, or to a customer that is deleted.
    fn list_undecided(&self, look: &mut Look<'_, '_>) {
        let parked = |member: &&UsageOfDay| member.deliveries.stripe == DeliveryState::Parked;
        for sent in &self.sent {
            if sent.standing == Standing::Open && sent.members.iter().any(parked) {
                let detail = "parked, and it is not known yet whether the meter has it; reconcile the day again in \
                              some hours";
                look.report
                    .differ("unclear", sent.id.as_str(), Some(self.account), detail);
            }
        }
    }

    /// Describes both sums and the usages of the hour.
    fn detail(&self) -> String {
        let of = |standing| -> i128 {
            let sent = self.sent.iter().filter(|sent| sent.standing == standing);
            sent.map(|sent| i128::from(sent.milli())).sum()
        };
        let mut detail = format!(
            "the meter has {} milli-Sparks, and {} are confirmed",
            self.counted,
            of(Standing::Confirmed)
        );
        for (standing, word) in [
            (Standing::Parked, "parked"),
            (Standing::Open, "pending or recent"),
        ] {
            let milli = of(standing);
            if milli > 0 {
                detail = format!("{detail}, {milli} {word}");
            }
        }
        let members = self.sent.iter().flat_map(|sent| &sent.members);
        let ids: Vec<&str> = members.map(|member| member.id.as_str()).collect();
        let named = ids[..ids.len().min(MAX_NAMED)].join(", ");
        match ids.len().saturating_sub(MAX_NAMED) {
            _ if ids.is_empty() => detail,
            0 => format!("{detail}: {named}"),
            more => format!("{detail}: {named} and {more} more"),
        }
    }

    /// Parks an event that Stripe confirmed and did not count. Stripe may still know its identifier for a day.
    async fn note_dropped(
        &self,
        look: &mut Look<'_, '_>,
        sent: &MeterEvent<'_>,
    ) -> Result<(), Error> {
        let (id, why) = (&sent.id, "not counted by Stripe's meter");
        let deadline = look.deadline();
        let parked = look
            .payments
            .queue
            .park_reported(id, why, look.now, &deadline);
        parked.await?;
        let detail = format!(
            "confirmed, but not at the meter, so it was parked; reconcile this day again a day later, then \
             `sparks outbox redrive {id}`"
        );
        look.report
            .differ("dropped_by_stripe", id.as_str(), Some(self.account), detail);
        Ok(())
    }

    /// Records that the meter lacks an event, so that it may be sent again.
    async fn note_absent(
        &self,
        look: &mut Look<'_, '_>,
        sent: &MeterEvent<'_>,
    ) -> Result<(), Error> {
        for member in &sent.members {
            let (queue, deadline) = (&look.payments.queue, look.deadline().starting(look.now));
            if let Some(usage) = queue.usage(&member.id, &deadline).await? {
                queue.note_absent(&usage, &deadline).await?;
            }
        }
        let id = sent.id.as_str();
        let detail = format!("parked, and not at the meter: `sparks outbox redrive {id}`");
        look.report
            .differ("absent_at_stripe", id, Some(self.account), detail);
        Ok(())
    }

    /// Marks an event as confirmed, since the meter has it.
    async fn note_found(
        &self,
        look: &mut Look<'_, '_>,
        sent: &MeterEvent<'_>,
    ) -> Result<(), Error> {
        let deadline = look.deadline();
        let mut members = Vec::with_capacity(sent.members.len());
        for member in &sent.members {
            members.extend(look.payments.queue.usage(&member.id, &deadline).await?);
        }
        let complete = members.len() == sent.members.len();
        let noted = complete && look.payments.queue.note_found(&members, &deadline).await?;
        let (id, account) = (sent.id.as_str(), Some(self.account));
        if noted {
            let detail = "was parked, but is at the meter: now confirmed";
            look.report.note("found_at_stripe", id, account, detail);
        } else {
            let detail = "is at the meter, but changed during the comparison; reconcile again";
            look.report.differ("unclear", id, account, detail);
        }
        Ok(())
    }
}
