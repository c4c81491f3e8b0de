//! Parcels: usages of a customer that go to Stripe's meter in one event. They share its outcome.

use std::collections::HashMap;

use super::outcome::by_account;
use super::{Outbox, Report};
use crate::delivery::{MAX_MEMBERS, Mark, Parcel, UsageProgress};
use crate::ledger::{self, DeliveryState};
use crate::process::deadline::Deadline;
use crate::providers::stripe::Stripe;
use crate::words::id::{ParcelId, UsageId};

/// Maximum number of a customer's pending usages that are sent one by one. More are sent in parcels.
const PARCELS_ABOVE: usize = 50;

/// Parcels that were frozen in this round.
#[derive(Default)]
pub(super) struct FrozenParcels {
    pub(super) parcels: Vec<Parcel>,
    member_of: HashMap<UsageId, ParcelId>,
}

impl FrozenParcels {
    /// Marks usages that are now members of a parcel.
    pub(super) fn note(&self, usages: &mut [UsageProgress]) {
        for usage in usages {
            if let Some(parcel) = self.member_of.get(&usage.entry.id) {
                usage.parcel = Some(parcel.clone());
                usage.claims += 1;
                usage.deliveries.stripe = usage.deliveries.stripe.claimed();
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.parcels.len() as u64
    }
}

/// Freezes parcels of usages that were certainly never sent, for customers that have many pending.
pub(super) async fn freeze(
    outbox: &Outbox,
    usages: &[UsageProgress],
    deadline: &Deadline,
    report: &mut Report,
) -> Result<FrozenParcels, ledger::Error> {
    let now = deadline.start();
    let mut frozen = FrozenParcels::default();
    // While Stripe is left alone, what is proven unsent stays so.
    if outbox.stripe().is_none_or(Stripe::is_left_alone) {
        return Ok(frozen);
    }
    let waiting: Vec<&UsageProgress> = usages
        .iter()
        .filter(|usage| usage.deliveries.stripe.is_pending())
        .filter(|usage| usage.parcel.is_none())
        .filter(|usage| usage.event.is_told_apart(now))
        .collect();
    for (account, waiting) in by_account(&waiting) {
        if waiting.len() <= PARCELS_ABOVE {
            continue;
        }
        let customer = match outbox.customer(&account, deadline).await {
            Ok(Some(customer)) => customer,
            Ok(None) => continue,
            Err(error) => {
                report.failed("a customer's parcels", &error);
                continue;
            }
        };
        for members in together(&waiting)
            .iter()
            .flat_map(|hour| hour.chunks(MAX_MEMBERS))
        {
            let Some(parcel) = Parcel::of(members, &customer) else {
                continue;
            };
            if outbox.queue.freeze(&parcel, members, deadline).await? {
                for member in members {
                    let id = member.entry.id.clone();
                    frozen.member_of.insert(id, parcel.id.clone());
                }
                frozen.parcels.push(parcel);
            }
        }
    }
    Ok(frozen)
}

/// Groups the usages that may be sent together: proven unsent, and of one UTC hour.
fn together<'a>(waiting: &[&'a UsageProgress]) -> Vec<Vec<&'a UsageProgress>> {
    let mut hours: HashMap<i64, Vec<&UsageProgress>> = HashMap::new();
    let unsent = waiting
        .iter()
        .filter(|usage| usage.deliveries.stripe.is_unsent());
    for usage in unsent {
        let hour = usage.entry.occurred_at.as_second().div_euclid(3_600);
        hours.entry(hour).or_default().push(usage);
    }
    // A single usage is sent under its own id instead.
    let mut hours: Vec<_> = hours
        .into_iter()
        .filter(|(_, hour)| hour.len() > 1)
        .collect();
    hours.sort_unstable_by_key(|(hour, _)| *hour);
    hours.into_iter().map(|(_, usages)| usages).collect()
}

/// Returns the marks of members whose parcel is already confirmed or parked.
pub(super) async fn follow(
    outbox: &Outbox,
    usages: &[UsageProgress],
    parcels: &[Parcel],
    deadline: &Deadline,
) -> Result<HashMap<UsageId, Mark>, ledger::Error> {
    let mut known: HashMap<ParcelId, Option<Mark>> = parcels
        .iter()
        .map(|parcel| (parcel.id.clone(), None))
        .collect();
    let mut marks = HashMap::new();
    for usage in usages {
        let Some(parcel) = &usage.parcel else {
            continue;
        };
        if !usage.deliveries.stripe.is_pending() {
            continue;
        }
        if !known.contains_key(parcel) {
            let stored = match outbox.queue.parcel(parcel, deadline).await {
                // It is reported where it is listed, and holds up no other parcel.
                Err(ledger::Error::Malformed(_)) => None,
                stored => stored?,
            };
            known.insert(parcel.clone(), stored.as_ref().and_then(mark_of));
        }
        if let Some(Some(mark)) = known.get(parcel) {
            marks.insert(usage.entry.id.clone(), mark.clone());
        }
    }
    Ok(marks)
}

/// Returns the mark that a parcel's state means for its members. None if it is not decided.
fn mark_of(parcel: &Parcel) -> Option<Mark> {
    match parcel.state {
        DeliveryState::Confirmed => Some(Mark::Confirmed),
        DeliveryState::Parked => {
            let why = parcel.parked.as_deref().unwrap_or("refused");
            Some(Mark::Parked(parcel.id.reason_of_member(why)))
        }
        DeliveryState::Pending | DeliveryState::Off => None,
    }
}
