//! Records usage: prices it, debits it, traces it, meters it. Flow 1.
//!
//! The order is fixed: price in this process, commit the debit with its entry in one transaction, and only
//! then deliver. Whatever happens after the commit, the entry says what is still to be done.

mod body;
mod receipt;

use std::collections::HashMap;

use futures_util::future;
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use crate::delivery::Delivery;
use crate::id::{IdempotencyKey, UsageId};
use crate::identity::Subject;
use crate::langfuse::{Content, Trace};
use crate::ledger::{self, Charged, Charging, Deliveries, Ledger, UsageEntry};
use crate::patience::Patience;
use crate::price_book;
use crate::sparks::Sparks;

pub use body::{BatchBody, BatchItem, Invalid, MAX_ITEMS, Rule, Usage, UsageBody};
pub(crate) use receipt::wire_time;
pub use receipt::{BatchReceipt, ItemReceipt, UsageReceipt};

/// How far back a usage may have occurred: Stripe's meter takes 35 days, the outbox may need two.
const OLDEST: SignedDuration = SignedDuration::from_hours(33 * 24);

/// How far ahead a usage may have occurred, for clocks that differ.
const NEWEST: SignedDuration = SignedDuration::from_mins(2);

/// A usage that is recorded, now or before.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The entry.
    pub entry: UsageEntry,
    /// Whether the same request had recorded it before.
    pub replayed: bool,
    /// How far its deliveries have come.
    pub deliveries: Deliveries,
}

/// Why a usage is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// The balance does not cover it.
    #[error("the balance does not cover the usage")]
    InsufficientSparks {
        /// What it costs.
        required: Sparks,
        /// What can be spent.
        available: Sparks,
    },
    /// The key belongs to another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// It is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// It has no price.
    #[error("the usage has no price")]
    Unpriced(#[from] price_book::Error),
    /// It occurred too long ago, or in the future.
    #[error("the usage is outside the time window")]
    OutOfWindow,
    /// The ledger did not say whether it is recorded.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The ledger failed on a part of the batch that this usage is in.
    #[error("the ledger failed on this part of the batch")]
    Unsettled,
}

/// A usage that is ready to be charged, or why it is not.
struct Prepared {
    id: UsageId,
    hash: ledger::RequestHash,
    entry: Result<UsageEntry, Error>,
    usage: Usage,
}

/// Records one usage and reads the balance after it.
pub async fn record(
    ledger: &Ledger,
    delivery: &Delivery,
    subject: &Subject,
    key: &IdempotencyKey,
    usage: Usage,
    now: Timestamp,
    patience: &Patience,
) -> Result<(Recorded, Sparks), Error> {
    let prepared = vec![prepare(delivery, subject, key, usage, now)];
    let (results, balance) =
        Box::pin(settle(ledger, delivery, subject, prepared, now, patience)).await?;
    let recorded = results
        .into_iter()
        .next()
        .unwrap_or(Err(Error::Unsettled))?;
    Ok((recorded, balance))
}

/// Records the items of a batch as if they were sent one after another.
pub async fn record_batch(
    ledger: &Ledger,
    delivery: &Delivery,
    subject: &Subject,
    items: Vec<BatchItem>,
    now: Timestamp,
    patience: &Patience,
) -> Result<Vec<(String, Result<Recorded, Error>)>, Error> {
    let mut keys = Vec::with_capacity(items.len());
    let mut invalid = HashMap::new();
    let mut prepared = Vec::with_capacity(items.len());
    for (position, item) in items.into_iter().enumerate() {
        keys.push(item.key);
        match item.request {
            Ok((key, usage)) => prepared.push(prepare(delivery, subject, &key, usage, now)),
            Err(error) => {
                invalid.insert(position, error);
            }
        }
    }
    let (results, _) = Box::pin(settle(ledger, delivery, subject, prepared, now, patience)).await?;
    let mut results = results.into_iter();
    let outcomes =
        keys.into_iter()
            .enumerate()
            .map(|(position, key)| match invalid.remove(&position) {
                Some(error) => (key, Err(Error::Invalid(error))),
                None => (key, results.next().unwrap_or(Err(Error::Unsettled))),
            });
    Ok(outcomes.collect())
}

/// Prices a usage and puts it in the form of its entry.
fn prepare(
    delivery: &Delivery,
    subject: &Subject,
    key: &IdempotencyKey,
    usage: Usage,
    now: Timestamp,
) -> Prepared {
    let id = UsageId::derive(delivery.stage(), &subject.account, key);
    let hash = usage.hash();
    let entry = entry(delivery, subject, id.clone(), hash, &usage, now);
    Prepared {
        id,
        hash,
        entry,
        usage,
    }
}

fn entry(
    delivery: &Delivery,
    subject: &Subject,
    id: UsageId,
    request_hash: ledger::RequestHash,
    usage: &Usage,
    now: Timestamp,
) -> Result<UsageEntry, Error> {
    let occurred_at = usage.occurred_at.unwrap_or(now);
    let age = now.duration_since(occurred_at);
    if age > OLDEST || age < -NEWEST {
        return Err(Error::OutOfWindow);
    }
    let price = price_book::price(&usage.lines, occurred_at)?;
    Ok(UsageEntry {
        id,
        account: subject.account.clone(),
        member: usage.member.clone(),
        request_hash,
        sparks: price.total,
        lines: price.lines,
        price_version: price_book::version().to_owned(),
        occurred_at: Timestamp::from_millisecond(occurred_at.as_millisecond())
            .unwrap_or(occurred_at),
        recorded_at: now,
        trace: usage.trace.clone(),
        deliveries: delivery.initial(),
    })
}

/// Charges what is ready, looks up what is not, delivers what is new, and reads the balance.
async fn settle(
    ledger: &Ledger,
    delivery: &Delivery,
    subject: &Subject,
    prepared: Vec<Prepared>,
    now: Timestamp,
    patience: &Patience,
) -> Result<(Vec<Result<Recorded, Error>>, Sparks), Error> {
    let account = &subject.account;
    let ready: Vec<UsageEntry> = prepared
        .iter()
        .filter_map(|item| item.entry.as_ref().ok())
        .cloned()
        .collect();
    let (charging, customer) = tokio::join!(
        charge(ledger, subject, &ready, now, patience),
        delivery.known_customer(ledger, account, patience),
    );
    let charging = charging?;
    let contents: HashMap<UsageId, Content<'_>> = new_contents(&prepared, &charging);
    let recorded: Vec<&UsageEntry> = charging
        .outcomes
        .iter()
        .flatten()
        .filter_map(recorded_now)
        .collect();
    let traces: Vec<Trace<'_>> = recorded
        .iter()
        .map(|entry| Trace {
            entry,
            content: contents.get(&entry.id).copied().unwrap_or_default(),
        })
        .collect();
    for entry in &recorded {
        info!(
            usage.id = %entry.id, account.id = %account, sparks = %entry.sparks,
            "charged usage `{}`", entry.id
        );
    }
    let (deliveries, balance, stored) = tokio::join!(
        async {
            if traces.is_empty() {
                return Vec::new();
            }
            delivery
                .deliver(ledger, account, &traces, customer, patience)
                .await
        },
        ledger.settled_account(account, now, patience),
        look_up(ledger, &prepared, patience),
    );
    let delivered = recorded
        .iter()
        .map(|entry| entry.id.clone())
        .zip(deliveries)
        .collect();
    let balance = balance?.map_or(Sparks::ZERO, |account| account.available);
    Ok((results(prepared, charging, &stored?, &delivered), balance))
}

/// Charges, and opens the account first where this request may.
async fn charge(
    ledger: &Ledger,
    subject: &Subject,
    ready: &[UsageEntry],
    now: Timestamp,
    patience: &Patience,
) -> Result<Charging, Error> {
    let mut charging = ledger.charge(&subject.account, ready, now, patience).await;
    if charging.account_missing && subject.may_open {
        ledger.open_account(&subject.account, now, patience).await?;
        charging = ledger.charge(&subject.account, ready, now, patience).await;
    }
    if charging.account_missing {
        return Err(Error::AccountNotFound);
    }
    match charging.failure.take() {
        // Nothing is known of any usage: the whole request failed.
        Some(failure) if charging.outcomes.iter().all(Option::is_none) => Err(failure.into()),
        Some(failure) => {
            crate::telemetry::failure(&failure, "the ledger failed on a part of a batch");
            Ok(charging)
        }
        None => Ok(charging),
    }
}

const fn recorded_now(outcome: &Charged) -> Option<&UsageEntry> {
    match outcome {
        Charged::Recorded(entry) => Some(entry),
        Charged::Replayed(_) | Charged::Reused | Charged::InsufficientSparks { .. } => None,
    }
}

/// What goes to Langfuse with the usages that were recorded now: the content of the request that did it.
fn new_contents<'a>(
    prepared: &'a [Prepared],
    charging: &Charging,
) -> HashMap<UsageId, Content<'a>> {
    let ready = prepared.iter().filter(|item| item.entry.is_ok());
    ready
        .zip(&charging.outcomes)
        .filter(|(_, outcome)| matches!(outcome, Some(Charged::Recorded(_))))
        .map(|(item, _)| {
            let content = Content {
                input: item.usage.input.as_deref(),
                output: item.usage.output.as_deref(),
            };
            (item.id.clone(), content)
        })
        .collect()
}

/// Finds the entries of usages that would be refused for their time or price: a replay is judged first.
async fn look_up(
    ledger: &Ledger,
    prepared: &[Prepared],
    patience: &Patience,
) -> Result<HashMap<UsageId, UsageEntry>, ledger::Error> {
    let refused = prepared.iter().filter(|item| item.entry.is_err());
    let found = future::try_join_all(refused.map(|item| ledger.usage(&item.id, patience))).await?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|entry| (entry.id.clone(), entry))
        .collect())
}

/// Puts together what became of each usage, in order.
fn results(
    prepared: Vec<Prepared>,
    charging: Charging,
    stored: &HashMap<UsageId, UsageEntry>,
    delivered: &HashMap<UsageId, Deliveries>,
) -> Vec<Result<Recorded, Error>> {
    // An entry that this very request writes later on was not there yet at the turn of an earlier item.
    let mut written_later: Vec<UsageId> = charging
        .outcomes
        .iter()
        .flatten()
        .filter_map(recorded_now)
        .map(|entry| entry.id.clone())
        .collect();
    let mut outcomes = charging.outcomes.into_iter();
    let recorded = |entry: UsageEntry, replayed| {
        let deliveries = delivered
            .get(&entry.id)
            .copied()
            .unwrap_or(entry.deliveries);
        Ok(Recorded {
            entry,
            replayed,
            deliveries,
        })
    };
    let mut results = Vec::with_capacity(prepared.len());
    for item in prepared {
        results.push(match item.entry {
            Err(refusal) => match stored
                .get(&item.id)
                .filter(|_| !written_later.contains(&item.id))
            {
                None => Err(refusal),
                Some(entry) if entry.request_hash == item.hash => recorded(entry.clone(), true),
                Some(_) => Err(Error::KeyReused),
            },
            Ok(entry) => match outcomes.next().flatten() {
                None => Err(Error::Unsettled),
                Some(Charged::Recorded(entry)) => {
                    written_later.retain(|id| *id != entry.id);
                    recorded(entry, false)
                }
                Some(Charged::Replayed(entry)) => recorded(entry, true),
                Some(Charged::Reused) => Err(Error::KeyReused),
                Some(Charged::InsufficientSparks { available }) => Err(Error::InsufficientSparks {
                    required: entry.sparks,
                    available,
                }),
            },
        });
    }
    results
}
