//! Events that Stripe's meter has not confirmed: one call at a time per customer, and many usages in one event where a
//! customer has many waiting.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tracing::warn;

use super::usages::{METER_AGE, Outcome, TOO_OLD, by_account};
use super::{Outbox, Report, call_timeout, has_time, next_attempt};
use crate::id::{AccountId, CustomerId, ParcelId, UsageId};
use crate::ledger::{self, CustomerLink, DeliveryState, MAX_MEMBERS, Mark, Parcel, Waiting};
use crate::patience::Patience;
use crate::stripe::{self, MeterEvent, Stripe};
use crate::telemetry::chain;

/// With more usages than this waiting for a customer, they are sent in parcels.
const PARCELS_ABOVE: usize = 50;

/// How many customers of a bucket are worked on at once.
const CUSTOMERS_AT_ONCE: usize = 8;

/// Events that are too old to be sent are parked: Stripe may have forgotten that it has them.
pub(super) fn park_old(usages: &[Waiting], now: Timestamp, outcome: &mut Outcome) {
    for usage in usages {
        let pending = usage.entry.deliveries.stripe == DeliveryState::Pending;
        let old = now.duration_since(usage.meter_age_from()) > METER_AGE;
        if pending && old && usage.parcel.is_none() {
            let parked = Mark::Parked(TOO_OLD.to_owned());
            outcome.stripe.insert(usage.entry.id.clone(), parked);
        }
    }
}

/// Parcels that were frozen in this round.
#[derive(Default)]
pub(super) struct Frozen {
    parcels: Vec<Parcel>,
    member_of: HashMap<UsageId, ParcelId>,
}

impl Frozen {
    /// Notes on usages that they are members by now.
    pub(super) fn note(&self, usages: &mut [Waiting]) {
        for usage in usages {
            if let Some(parcel) = self.member_of.get(&usage.entry.id) {
                usage.parcel = Some(parcel.clone());
                usage.claims += 1;
                usage.unsent_to_stripe = false;
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.parcels.len() as u64
    }
}

/// Freezes parcels of what was certainly never sent, for customers that have many waiting.
pub(super) async fn freeze(
    outbox: &Outbox,
    usages: &[Waiting],
    now: Timestamp,
    patience: &Patience,
    report: &mut Report,
) -> Result<Frozen, ledger::Error> {
    let mut frozen = Frozen::default();
    if outbox.stripe.is_none() {
        return Ok(frozen);
    }
    let waiting: Vec<&Waiting> = usages
        .iter()
        .filter(|usage| usage.entry.deliveries.stripe == DeliveryState::Pending)
        .filter(|usage| usage.parcel.is_none())
        .filter(|usage| now.duration_since(usage.meter_age_from()) <= METER_AGE)
        .collect();
    for (account, waiting) in by_account(&waiting) {
        if waiting.len() <= PARCELS_ABOVE {
            continue;
        }
        let customer = match customer(outbox, &account, patience).await {
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
            if outbox
                .ledger
                .freeze(&parcel, members, now, patience)
                .await?
            {
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

/// What may be sent together: proven unsent, and of one UTC hour.
fn together<'a>(waiting: &[&'a Waiting]) -> Vec<Vec<&'a Waiting>> {
    let mut hours: HashMap<i64, Vec<&Waiting>> = HashMap::new();
    for usage in waiting.iter().filter(|usage| usage.unsent_to_stripe) {
        let hour = usage.entry.occurred_at.as_second().div_euclid(3_600);
        hours.entry(hour).or_default().push(usage);
    }
    // One alone is as well sent under its own id.
    let mut hours: Vec<_> = hours
        .into_iter()
        .filter(|(_, hour)| hour.len() > 1)
        .collect();
    hours.sort_unstable_by_key(|(hour, _)| *hour);
    hours.into_iter().map(|(_, usages)| usages).collect()
}

/// The marks of members whose parcels stand already.
pub(super) async fn follow(
    outbox: &Outbox,
    usages: &[Waiting],
    parcels: &[Parcel],
    patience: &Patience,
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
        if usage.entry.deliveries.stripe != DeliveryState::Pending {
            continue;
        }
        if !known.contains_key(parcel) {
            let stored = match outbox.ledger.parcel(parcel, patience).await {
                // It is told of where it is listed, and holds up nobody else.
                Err(ledger::Error::Malformed(_)) => None,
                stored => stored?,
            };
            known.insert(parcel.clone(), stored.as_ref().and_then(standing));
        }
        if let Some(Some(mark)) = known.get(parcel) {
            marks.insert(usage.entry.id.clone(), mark.clone());
        }
    }
    Ok(marks)
}

/// What a parcel's state means for its members.
fn standing(parcel: &Parcel) -> Option<Mark> {
    match parcel.state {
        DeliveryState::Confirmed => Some(Mark::Confirmed),
        DeliveryState::Parked => {
            let why = parcel.parked.as_deref().unwrap_or("refused");
            Some(Mark::Parked(format!("parcel {}: {why}", parcel.id)))
        }
        DeliveryState::Pending | DeliveryState::Off => None,
    }
}

/// What was sent, and what could not be tried.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) marks: HashMap<UsageId, Mark>,
    pub(super) untried: HashSet<UsageId>,
}

/// Sends parcels and then what is left, customer by customer, some customers at once.
pub(super) async fn send(
    outbox: &Outbox,
    usages: &[&Waiting],
    frozen: &Frozen,
    waiting: &[Parcel],
    patience: &Patience,
) -> Result<Sent, ledger::Error> {
    let mut sent = Sent::default();
    let Some(stripe) = &outbox.stripe else {
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
            patience,
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

/// What one customer has waiting.
struct Customer<'a> {
    account: AccountId,
    usages: Vec<&'a Waiting>,
    parcels: Vec<&'a Parcel>,
}

/// Whether a customer can be gone on with.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

struct Sender<'a> {
    outbox: &'a Outbox,
    stripe: &'a Stripe,
    patience: &'a Patience,
}

impl Sender<'_> {
    /// Sends what one customer has waiting, one call after another.
    async fn send(&self, customer: Customer<'_>) -> Result<Sent, ledger::Error> {
        let mut sent = Sent::default();
        let mut next = Next::GoOn;
        for parcel in customer.parcels {
            if next == Next::GoOn && has_time(self.patience) {
                next = self.send_parcel(parcel, &mut sent).await?;
            }
        }
        if customer.usages.is_empty() {
            return Ok(sent);
        }
        let mut known = self.known(&customer.account).await;
        for usage in customer.usages {
            match &known {
                Some(id) if next == Next::GoOn && has_time(self.patience) => {
                    next = self.send_usage(usage, id, &mut sent).await;
                }
                _ => sent.leave(usage),
            }
            // It may have another customer by now.
            if matches!(sent.marks.get(&usage.entry.id), Some(Mark::Parked(_))) {
                known = self.known(&customer.account).await;
            }
        }
        Ok(sent)
    }

    async fn known(&self, account: &AccountId) -> Option<CustomerId> {
        match customer(self.outbox, account, self.patience).await {
            Ok(known) => known,
            Err(error) => {
                warn!(error = chain(&error), "could not make a customer");
                None
            }
        }
    }

    async fn send_usage(&self, usage: &Waiting, customer: &CustomerId, sent: &mut Sent) -> Next {
        let entry = &usage.entry;
        let event = MeterEvent {
            identifier: entry.id.as_str(),
            customer,
            value: entry.sparks,
            occurred_at: entry.occurred_at,
            attempt: usage.claims,
        };
        let outcome = self.record(&event).await;
        if let Some(mark) = mark(&outcome, usage.unsent_to_stripe) {
            sent.marks.insert(entry.id.clone(), mark);
        }
        next_after(&outcome)
    }

    async fn send_parcel(&self, parcel: &Parcel, sent: &mut Sent) -> Result<Next, ledger::Error> {
        let now = self.outbox.clock.now();
        let old = now.duration_since(parcel.meter_age_from()) > METER_AGE;
        let outcome = if old {
            None
        } else {
            let event = MeterEvent {
                identifier: parcel.id.as_str(),
                customer: &parcel.customer,
                value: parcel.value,
                occurred_at: parcel.occurred_at,
                attempt: parcel.attempts,
            };
            Some(self.record(&event).await)
        };
        let mark = match &outcome {
            None => Some(Mark::Parked(TOO_OLD.to_owned())),
            Some(outcome) => mark(outcome, false),
        };
        let due = next_attempt(now, parcel.attempts + 1);
        let ledger = &self.outbox.ledger;
        let written = ledger
            .mark_parcel(parcel, mark.as_ref(), due, self.patience)
            .await?;
        // Not written: somebody else has, and the members follow what the parcel says then.
        if let Some(mark) = mark.filter(|_| written) {
            let of_members = match mark {
                Mark::Parked(why) => Mark::Parked(format!("parcel {}: {why}", parcel.id)),
                mark => mark,
            };
            for member in &parcel.members {
                sent.marks.insert(member.clone(), of_members.clone());
            }
        }
        Ok(outcome.as_ref().map_or(Next::GoOn, next_after))
    }

    async fn record(&self, event: &MeterEvent<'_>) -> Result<(), stripe::Error> {
        let timeout = call_timeout(self.patience);
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

impl Sent {
    /// Leaves a usage that was taken and not tried as it was.
    fn leave(&mut self, usage: &Waiting) {
        let id = usage.entry.id.clone();
        if usage.unsent_to_stripe {
            self.marks.insert(id.clone(), Mark::Unsent("not_tried"));
        }
        self.untried.insert(id);
    }
}

/// What an attempt proves. That something was never sent stays proven only where it was before.
fn mark(outcome: &Result<(), stripe::Error>, unsent_before: bool) -> Option<Mark> {
    match outcome {
        Ok(()) => Some(Mark::Confirmed),
        Err(stripe::Error::Refused(refusal)) => Some(Mark::Parked(refusal.to_string())),
        Err(stripe::Error::Skipped) if unsent_before => Some(Mark::Unsent("circuit")),
        Err(stripe::Error::RateLimited) if unsent_before => Some(Mark::Unsent("rate_limited")),
        Err(_) => None,
    }
}

/// Whether the customer's next event is worth a call.
fn next_after(outcome: &Result<(), stripe::Error>) -> Next {
    match outcome {
        Ok(()) | Err(stripe::Error::Refused(_)) => Next::GoOn,
        Err(_) => Next::Stop,
    }
}

/// The customer of an account, made where there is none.
async fn customer(
    outbox: &Outbox,
    account: &AccountId,
    patience: &Patience,
) -> Result<Option<CustomerId>, crate::customers::Error> {
    let Some(stripe) = &outbox.stripe else {
        return Ok(None);
    };
    // As the ledger has it now: the customer that an environment remembers may be deleted since.
    outbox.customers.forget(account);
    let link = outbox
        .customers
        .find(&outbox.ledger, account, patience)
        .await?;
    if let CustomerLink {
        customer: Some(customer),
        ..
    } = link
    {
        return Ok(Some(customer));
    }
    let timeout = call_timeout(patience);
    let made = outbox.customers.make(
        &outbox.ledger,
        stripe,
        &outbox.stage,
        account,
        link.generation,
        timeout,
        patience,
    );
    made.await.map(Some)
}
