//! Records usage: prices it, debits it, traces it, meters it. Flow 1.
//!
//! The order is fixed: price in this process, commit the debit with its entry in one transaction, and only then
//! deliver. Whatever happens after the commit, the entry records what is left to do.

mod body;
mod receipt;
mod recording;

use jiff::{SignedDuration, Timestamp};

use crate::delivery::Delivery;
use crate::ledger::{self, Charge, Ledger, TraceLabels, UsageEntry};
use crate::pricing::price_book::{self, Price};
use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Step};
use crate::words::id::{IdempotencyKey, KeySpace, UsageId};
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

use recording::{Item, Recording};

pub use body::{BatchBody, BatchItem, Invalid, MAX_ITEMS, Rule, Usage, UsageBody};
pub use receipt::{BatchReceipt, ItemReceipt, ProviderCost, ReceiptLine, UsageReceipt};

/// Maximum age of a usage. Stripe's meter accepts 35 days, and the outbox may need two.
const OLDEST: SignedDuration = SignedDuration::from_hours(33 * 24);

/// Maximum time by which a usage may be ahead, for clocks that differ.
const NEWEST: SignedDuration = SignedDuration::from_mins(2);

/// A usage that is recorded, now or earlier.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The entry, with the states of its deliveries.
    pub entry: UsageEntry,
    /// True if the same request had recorded it before.
    pub replayed: bool,
}

/// The reason why a usage is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// The balance does not cover it.
    #[error("the balance does not cover the usage")]
    InsufficientSparks {
        /// The usage's cost.
        required: Sparks,
        /// The Sparks that can be spent.
        available: Sparks,
    },
    /// The key belongs to another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// It is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// The ledger failed, so the usage may be recorded or not.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The ledger failed on the part of the batch with this usage.
    #[error("it is unknown whether the usage is recorded")]
    Unknown,
}

/// Records one usage and reads the balance after it.
pub async fn record(
    ledger: &Ledger,
    delivery: &Delivery,
    subject: &Subject,
    key: &IdempotencyKey,
    usage: Usage,
    deadline: &Deadline,
) -> Result<(Recorded, Sparks), Error> {
    let recording = Recording {
        ledger,
        delivery,
        subject,
        deadline,
    };
    let mut item = recording.price(key, usage);
    let customer = Box::pin(recording.charge(&mut [&mut item])).await?;
    let recorded = item.is_recorded();
    let mut items = [&mut item];
    let delivered = Box::pin(recording.deliver(&mut items, customer));
    let ((), mut balance) = tokio::join!(delivered, recording.balance(recorded));
    if !recorded && item.is_recorded() {
        // A replay that only its lookup has found.
        balance = recording.balance(true).await;
    }
    Ok((item.answer()?, balance?))
}

/// Records the items of a batch as if they were sent one after another.
pub async fn record_batch(
    ledger: &Ledger,
    delivery: &Delivery,
    subject: &Subject,
    items: Vec<BatchItem>,
    deadline: &Deadline,
) -> Result<Vec<(String, Result<Recorded, Error>)>, Error> {
    let recording = Recording {
        ledger,
        delivery,
        subject,
        deadline,
    };
    let items = items.into_iter().map(|item| match item.request {
        Ok((key, usage)) => (item.key, recording.price(&key, usage)),
        Err(invalid) => (item.key, Item::Refused(Error::Invalid(invalid))),
    });
    let mut batch: Vec<(String, Item)> = items.collect();
    let mut items: Vec<&mut Item> = batch.iter_mut().map(|(_, item)| item).collect();
    let customer = Box::pin(recording.charge(&mut items)).await?;
    Box::pin(recording.deliver(&mut items, customer)).await;
    let answers = batch.into_iter().enumerate();
    let answers = answers.map(|(position, (key, item))| {
        let answer = item.answer().map_err(|error| error.of_item(position));
        (key, answer)
    });
    Ok(answers.collect())
}

impl Error {
    /// Names the field of an invalid batch item from the body's root.
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

impl Recording<'_> {
    /// Prices a usage and makes its entry.
    fn price(&self, key: &IdempotencyKey, usage: Usage) -> Item {
        let Self {
            ledger,
            delivery,
            subject,
            deadline,
        } = *self;
        let now = deadline.start();
        let (id, other_id) = ids(delivery.stage(), subject, ledger.item_version(), key);
        let request_hash = usage.hash();
        let priced = telemetry::timed(Step::Price, || priced(&usage, now));
        let (occurred_at, price) = match priced {
            Ok(priced) => priced,
            Err(refusal) => {
                return Item::Unpriced {
                    id,
                    other_id,
                    request_hash,
                    refusal,
                };
            }
        };
        let content = [usage.input, usage.output];
        let entry = UsageEntry {
            id,
            account: subject.account.clone(),
            member: usage.member,
            request_hash,
            sparks: price.total,
            lines: price.lines,
            price_version: price_book::version().to_owned(),
            occurred_at: Timestamp::from_millisecond(occurred_at.as_millisecond())
                .unwrap_or(occurred_at),
            recorded_at: now,
            trace: TraceLabels {
                // An empty text has no content: a trace that is sent again does not lose it.
                content: content.iter().flatten().any(|text| !text.is_empty()),
                ..usage.trace
            },
            deliveries: delivery.initial(price.total),
        };
        Item::Priced {
            charge: Charge {
                entry,
                outcome: None,
            },
            other_id,
            content,
        }
    }
}

/// Returns the id under which a usage is recorded, and the key's other id. The same key may have been used under that
/// one.
///
/// The other one was used by the same token before item version 2, or by a function that already writes version 2.
fn ids(
    stage: &str,
    subject: &Subject,
    written: ItemVersion,
    key: &IdempotencyKey,
) -> (UsageId, Option<UsageId>) {
    let account = &subject.account;
    let of_services = UsageId::derive(stage, account, KeySpace::Services, key);
    if subject.by_service {
        return (of_services, None);
    }
    let own = UsageId::derive(stage, account, KeySpace::OwnTokens, key);
    match written {
        ItemVersion::V1 => (of_services, Some(own)),
        ItemVersion::V2 | ItemVersion::V3 => (own, Some(of_services)),
    }
}

/// Resolves the usage's time and price; fails if it is outside the window or unpriced.
pub(crate) fn priced(usage: &Usage, now: Timestamp) -> Result<(Timestamp, Price), Error> {
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
    Ok((occurred_at, price))
}

/// Returns the rule that a usage without a price breaks.
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
