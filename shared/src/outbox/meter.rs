//! Sends events that Stripe's meter has not confirmed, one call at a time per customer.
//!
//! If a customer has many usages waiting, one event carries many of them: a parcel.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tracing::warn;

use super::outcome::{Outcome, TOO_OLD, by_account};
use super::parcels::FrozenParcels;
use super::{Outbox, call_timeout, has_time, next_attempt};
use crate::delivery::{Mark, Parcel, Unsent, UsageProgress, proof};
use crate::ledger;
use crate::process::deadline::Deadline;
use crate::process::telemetry::chain;
use crate::providers::stripe::{self, MeterEvent, Stripe};
use crate::words::id::{AccountId, CustomerId, UsageId};

/// Number of customers of a bucket that are worked on at once.
const CUSTOMERS_AT_ONCE: usize = 8;

/// Parks events that are too old to be sent. Stripe may have forgotten that it has them.
pub(super) fn park_old(usages: &[UsageProgress], now: Timestamp, outcome: &mut Outcome) {
    for usage in usages {
        let pending = usage.deliveries.stripe.is_pending();
        let old = !usage.event.is_told_apart(now);
        if pending && old && usage.parcel.is_none() {
            let parked = Mark::Parked(TOO_OLD.to_owned());
            outcome.marks.stripe.insert(usage.entry.id.clone(), parked);
        }
    }
}

/// The marks of usages that were sent, and the usages that could not be tried.
#[derive(Default)]
pub(super) struct MeterOutcome {
    pub(super) marks: HashMap<UsageId, Mark>,
    pub(super) untried: HashSet<UsageId>,
}

/// Sends each customer's parcels and then its other usages, for several customers at once.
pub(super) async fn send(
    outbox: &Outbox,
    usages: &[&UsageProgress],
    frozen: &FrozenParcels,
    waiting: &[Parcel],
    deadline: &Deadline,
) -> Result<MeterOutcome, ledger::Error> {
    let mut sent = MeterOutcome::default();
    let Some(stripe) = outbox.stripe() else {
        return Ok(sent);
    };
    let mut work: Vec<Customer<'_>> = by_account(usages)
        .into_iter()
        .map(|(account, usages)| Customer {
            account,
            usages,
            parcels: Vec::new(),
        })
        .collect();
    for parcel in waiting.iter().chain(&frozen.parcels) {
        match work.iter_mut().find(|one| one.account == parcel.account) {
            Some(customer) => customer.parcels.push(parcel),
            None => work.push(Customer {
                account: parcel.account.clone(),
                usages: Vec::new(),
                parcels: vec![parcel],
            }),
        }
    }
    let work = work.into_iter().map(|customer| async move {
        let sender = Sender {
            outbox,
            stripe,
            deadline,
        };
        sender.send(customer).await
    });
    let work: Vec<_> = work.collect();
    let mut work = stream::iter(work).buffer_unordered(CUSTOMERS_AT_ONCE);
    while let Some(done) = work.next().await {
        let done = done?;
        sent.marks.extend(done.marks);
        sent.untried.extend(done.untried);
    }
    Ok(sent)
}

/// The pending usages and parcels of one customer.
struct Customer<'a> {
    account: AccountId,
    usages: Vec<&'a UsageProgress>,
    parcels: Vec<&'a Parcel>,
}

/// The decision to continue with a customer's events or to stop.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

struct Sender<'a> {
    outbox: &'a Outbox,
    stripe: &'a Stripe,
    deadline: &'a Deadline,
}

impl Sender<'_> {
    /// Sends a customer's pending parcels and usages, one call after another.
    async fn send(&self, customer: Customer<'_>) -> Result<MeterOutcome, ledger::Error> {
        let mut sent = MeterOutcome::default();
        let mut next = Next::GoOn;
        for parcel in customer.parcels {
            if next == Next::GoOn && has_time(self.deadline) {
                next = self.send_parcel(parcel, &mut sent).await?;
            }
        }
        if customer.usages.is_empty() {
            return Ok(sent);
        }
        let mut known = self.known(&customer.account).await;
        for usage in customer.usages {
            match &known {
                Some(id) if next == Next::GoOn && has_time(self.deadline) => {
                    next = self.send_usage(usage, id, &mut sent).await;
                }
                _ => sent.leave(usage),
            }
            // The account may have another customer by now.
            if matches!(sent.marks.get(&usage.entry.id), Some(Mark::Parked(_))) {
                known = self.known(&customer.account).await;
            }
        }
        Ok(sent)
    }

    async fn known(&self, account: &AccountId) -> Option<CustomerId> {
        match self.outbox.customer(account, self.deadline).await {
            Ok(known) => known,
            Err(error) => {
                warn!(error = chain(&error), "could not make a customer");
                None
            }
        }
    }

    async fn send_usage(
        &self,
        usage: &UsageProgress,
        customer: &CustomerId,
        sent: &mut MeterOutcome,
    ) -> Next {
        let entry = &usage.entry;
        let event = MeterEvent {
            identifier: entry.id.as_str(),
            customer,
            value: entry.sparks,
            occurred_at: entry.occurred_at,
            attempt: usage.claims,
        };
        let outcome = self.record(&event).await;
        let mark = proof::of_event(&outcome, usage.deliveries.stripe.is_unsent());
        sent.marks.extend(mark.map(|mark| (entry.id.clone(), mark)));
        next_after(&outcome)
    }

    async fn send_parcel(
        &self,
        parcel: &Parcel,
        sent: &mut MeterOutcome,
    ) -> Result<Next, ledger::Error> {
        let now = self.outbox.clock.now();
        let old = !parcel.event.is_told_apart(now);
        let outcome = if old {
            None
        } else {
            let event = MeterEvent {
                identifier: parcel.id.as_str(),
                customer: &parcel.customer,
                value: parcel.value,
                occurred_at: parcel.event.occurred_at,
                attempt: parcel.attempts,
            };
            Some(self.record(&event).await)
        };
        let mark = match &outcome {
            None => Some(Mark::Parked(TOO_OLD.to_owned())),
            Some(outcome) => proof::of_event(outcome, false),
        };
        let due = next_attempt(now, parcel.attempts + 1);
        let written = self
            .outbox
            .queue
            .mark_parcel(parcel, mark.as_ref(), due, self.deadline)
            .await?;
        // If it was not written, another run has marked the parcel, and the members follow that mark.
        if let Some(mark) = mark.filter(|_| written) {
            let of_members = match mark {
                Mark::Parked(why) => Mark::Parked(parcel.id.reason_of_member(&why)),
                mark => mark,
            };
            for member in &parcel.members {
                sent.marks.insert(member.clone(), of_members.clone());
            }
        }
        Ok(outcome.as_ref().map_or(Next::GoOn, next_after))
    }

    async fn record(&self, event: &MeterEvent<'_>) -> Result<(), stripe::Error> {
        let timeout = call_timeout(self.deadline);
        let outcome = self.stripe.record_meter_event(event, timeout).await;
        if let Err(error) = &outcome {
            let identifier = event.identifier;
            warn!(
                event.identifier = identifier,
                error = chain(error),
                "stripe did not confirm"
            );
        }
        outcome
    }
}

impl MeterOutcome {
    /// Leaves a usage that was claimed but not tried as it was.
    fn leave(&mut self, usage: &UsageProgress) {
        let id = usage.entry.id.clone();
        if usage.deliveries.stripe.is_unsent() {
            let mark = Mark::Unsent(Unsent::NotTried);
            self.marks.insert(id.clone(), mark);
        }
        self.untried.insert(id);
    }
}

/// Decides whether the customer's next event is worth a call.
fn next_after(outcome: &Result<(), stripe::Error>) -> Next {
    match outcome {
        Ok(()) | Err(stripe::Error::Refused(_)) => Next::GoOn,
        Err(_) => Next::Stop,
    }
}
