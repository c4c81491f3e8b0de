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
use crate::telemetry;

pub use body::{BatchBody, BatchItem, Invalid, MAX_ITEMS, Rule, Usage, UsageBody};
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
    /// The ledger did not say whether it is recorded.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The ledger failed on the part of the batch that this usage is in.
    #[error("it is unknown whether the usage is recorded")]
    Unknown,
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
    let systems = Systems {
        ledger,
        delivery,
        subject,
        now,
        patience,
    };
    let (results, balance) = Box::pin(systems.charge_and_deliver(prepared, true)).await?;
    let recorded = results.into_iter().next().unwrap_or(Err(Error::Unknown))?;
    Ok((recorded, balance?))
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
    let mut outcomes = Vec::with_capacity(items.len());
    let mut prepared = Vec::with_capacity(items.len());
    for item in items {
        let invalid = match item.request {
            Ok((key, usage)) => {
                prepared.push(prepare(delivery, subject, &key, usage, now));
                None
            }
            Err(invalid) => Some(Err(Error::Invalid(invalid))),
        };
        outcomes.push((item.key, invalid));
    }
    let systems = Systems {
        ledger,
        delivery,
        subject,
        now,
        patience,
    };
    let (results, _) = Box::pin(systems.charge_and_deliver(prepared, false)).await?;

    let mut results = results.into_iter();
    let outcomes = outcomes
        .into_iter()
        .enumerate()
        .map(|(position, (key, invalid))| {
            let outcome = invalid
                .or_else(|| results.next())
                .unwrap_or(Err(Error::Unknown));
            (key, outcome.map_err(|error| error.of_item(position)))
        });
    Ok(outcomes.collect())
}

impl Error {
    /// The same of an item of a batch: its fields are named from the body's root.
    fn of_item(self, position: usize) -> Self {
        match self {
            Self::Invalid(Invalid {
                rule,
                field,
                detail,
            }) => Self::Invalid(Invalid {
                rule,
                field: format!("items[{position}].{field}"),
                detail,
            }),
            error => error,
        }
    }
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
        let detail = "must not be older than 33 days or more than 2 minutes ahead";
        return Err(Error::Invalid(Invalid::new(
            Rule::Window,
            "occurred_at",
            detail,
        )));
    }
    let price = price_book::price(&usage.lines, occurred_at).map_err(unpriced)?;
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

/// What rule a usage without a price breaks.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unpriced(error: price_book::Error) -> Error {
    let invalid = match error {
        price_book::Error::UnknownModel { line } => {
            let detail = "is not in the price book for that time";
            Invalid::new(Rule::Model, format!("usage[{line}].model"), detail)
        }
        price_book::Error::UnpricedTokens { line, class } => {
            let detail = "is a class of tokens that the model has no price for";
            Invalid::new(Rule::Quantity, format!("usage[{line}].{class}"), detail)
        }
        price_book::Error::TooMuch => {
            let detail = "costs more than one meter event can carry; split it";
            Invalid::new(Rule::Quantity, "usage", detail)
        }
    };
    Error::Invalid(invalid)
}

/// What recording works with, and for whom.
#[derive(Clone, Copy)]
struct Systems<'a> {
    ledger: &'a Ledger,
    delivery: &'a Delivery,
    subject: &'a Subject,
    now: Timestamp,
    patience: &'a Patience,
}

impl Systems<'_> {
    /// Charges what is ready, looks up what is not, delivers what is new, and reads the balance if wanted.
    async fn charge_and_deliver(
        &self,
        prepared: Vec<Prepared>,
        with_balance: bool,
    ) -> Result<(Vec<Result<Recorded, Error>>, Result<Sparks, ledger::Error>), Error> {
        let Self {
            ledger,
            delivery,
            subject,
            now,
            patience,
        } = *self;
        let account = &subject.account;
        let ready: Vec<UsageEntry> = prepared
            .iter()
            .filter_map(|item| item.entry.as_ref().ok())
            .cloned()
            .collect();
        let (charging, customer) = tokio::join!(
            self.charge(&ready),
            delivery.customer(ledger, account, patience)
        );
        let charging = charging?;

        let contents = new_contents(&prepared, &charging);
        let recorded: Vec<&UsageEntry> = charging
            .outcomes
            .iter()
            .flatten()
            .filter_map(recorded_now)
            .collect();
        let mut traces = Vec::with_capacity(recorded.len());
        for entry in &recorded {
            info!(
                usage.id = %entry.id, account.id = %account, sparks = %entry.sparks,
                "charged usage `{}`", entry.id
            );
            let content = contents.get(&entry.id).copied().unwrap_or_default();
            traces.push(Trace { entry, content });
        }
        let (deliveries, balance, stored) = tokio::join!(
            delivery.deliver(ledger, account, &traces, customer, patience),
            async {
                if !with_balance {
                    return Ok(Sparks::ZERO);
                }
                let account = ledger.settled_account(account, now, patience).await?;
                Ok(account.map_or(Sparks::ZERO, |account| account.available))
            },
            self.look_up(&prepared),
        );
        let delivered = recorded
            .iter()
            .map(|entry| entry.id.clone())
            .zip(deliveries)
            .collect();
        Ok((results(prepared, charging, stored, &delivered), balance))
    }

    /// Charges, and opens the account first where this request may.
    async fn charge(&self, ready: &[UsageEntry]) -> Result<Charging, Error> {
        let Self {
            ledger,
            subject,
            now,
            patience,
            ..
        } = *self;
        let account = &subject.account;
        let mut charging = ledger.charge(account, ready, now, patience).await;
        if ready.is_empty() {
            charging.account_missing = ledger.account(account, patience).await?.is_none();
        }
        if charging.account_missing {
            if !subject.may_open {
                return Err(Error::AccountNotFound);
            }
            ledger.open_account(account, now, patience).await?;
            charging = ledger.charge(account, ready, now, patience).await;
        }
        match charging.failure.take() {
            // Nothing is known of any usage: the whole request failed.
            Some(failure) if charging.outcomes.iter().all(Option::is_none) => Err(failure.into()),
            Some(failure) => {
                telemetry::failure(&failure, "the ledger failed on a part of a batch");
                Ok(charging)
            }
            None => Ok(charging),
        }
    }

    /// Looks for the entries of usages that would be refused for their time or price: a replay is judged
    /// before those.
    async fn look_up(&self, prepared: &[Prepared]) -> HashMap<UsageId, Option<UsageEntry>> {
        let refused = prepared.iter().filter(|item| item.entry.is_err());
        let found = future::join_all(refused.map(|item| async {
            match self.ledger.usage(&item.id, self.patience).await {
                Ok(stored) => Some((item.id.clone(), stored)),
                Err(failure) => {
                    telemetry::failure(&failure, "could not look up a usage");
                    None
                }
            }
        }));
        found.await.into_iter().flatten().collect()
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

/// Puts together what became of each usage, in order.
fn results(
    prepared: Vec<Prepared>,
    charging: Charging,
    mut stored: HashMap<UsageId, Option<UsageEntry>>,
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
            Err(refusal) if written_later.contains(&item.id) => Err(refusal),
            Err(refusal) => match stored.remove(&item.id) {
                None => Err(Error::Unknown),
                Some(None) => Err(refusal),
                Some(Some(entry)) if entry.request_hash == item.hash => recorded(entry, true),
                Some(Some(_)) => Err(Error::KeyReused),
            },
            Ok(entry) => match outcomes.next().flatten() {
                None => Err(Error::Unknown),
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
