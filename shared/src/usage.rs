//! Records usage: prices it, debits it, traces it, meters it.
//!
//! The order is fixed: price in this process, commit the debit with its entry in one transaction, and only then
//! deliver. Whatever happens after the commit, the entry records what is left to do.

mod body;
mod price;
mod receipt;
mod recording;

use crate::delivery::Delivery;
use crate::ledger::{self, Ledger, UsageEntry};
use crate::process::deadline::Deadline;
use crate::words::id::IdempotencyKey;
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

pub(crate) use price::priced;
use recording::{Item, Recording};

pub use body::{BatchBody, BatchItem, Invalid, MAX_ITEMS, Rule, Usage, UsageBody};
pub use receipt::{BatchReceipt, ItemReceipt, ProviderCost, ReceiptLine, UsageReceipt};

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
