//! Moves usages on: from priced to charged, and from charged to delivered.

use std::mem;

use futures_util::future;
use tracing::info;

use super::{Error, Recorded};
use crate::delivery::{Customer, Delivery, NewUsage};
use crate::ledger::{self, Charge, Charged, Ledger, RequestHash, UsageEntry};
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric, Step};
use crate::providers::langfuse::Content;
use crate::words::id::UsageId;
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

/// One usage on its way from its price to its answer.
pub(super) enum Item {
    /// Refused for its time, its price or its key, unless its request was recorded before.
    Unpriced {
        id: UsageId,
        /// Another id under which the same request may be recorded.
        other_id: Option<UsageId>,
        request_hash: RequestHash,
        refusal: Error,
    },
    /// Ready to be charged.
    Priced {
        charge: Charge,
        /// Another id under which the same request may be recorded.
        other_id: Option<UsageId>,
        /// The model's input and output.
        content: [Option<String>; 2],
    },
    /// Debited and recorded by this request.
    Charged {
        entry: UsageEntry,
        content: [Option<String>; 2],
    },
    /// Recorded before, by the same request.
    Replayed(Box<UsageEntry>),
    /// Not recorded, or unknown.
    Refused(Error),
}

impl Item {
    /// Returns whether it is recorded, as far as is known.
    pub(super) const fn is_recorded(&self) -> bool {
        matches!(self, Self::Charged { .. } | Self::Replayed(_))
    }

    /// Returns the answer to it.
    pub(super) fn answer(self) -> Result<Recorded, Error> {
        let (entry, replayed) = match self {
            Self::Charged { entry, .. } => (entry, false),
            Self::Replayed(entry) => (*entry, true),
            Self::Unpriced { refusal, .. } | Self::Refused(refusal) => return Err(refusal),
            Self::Priced { .. } => return Err(Error::Unknown),
        };
        Ok(Recorded { entry, replayed })
    }

    fn priced_charge(&mut self) -> Option<&mut Charge> {
        match self {
            Self::Priced { charge, .. } => Some(charge),
            Self::Unpriced { .. } | Self::Charged { .. } | Self::Replayed(_) | Self::Refused(_) => {
                None
            }
        }
    }

    /// Returns the id under which it would be recorded, and the hash of its request.
    fn request(&self) -> Option<(&UsageId, RequestHash)> {
        match self {
            Self::Unpriced {
                id, request_hash, ..
            } => Some((id, *request_hash)),
            Self::Priced { charge, .. } => Some((&charge.entry.id, charge.entry.request_hash)),
            Self::Charged { .. } | Self::Replayed(_) | Self::Refused(_) => None,
        }
    }

    fn other_id(&self) -> Option<&UsageId> {
        match self {
            Self::Unpriced { other_id, .. } | Self::Priced { other_id, .. } => other_id.as_ref(),
            Self::Charged { .. } | Self::Replayed(_) | Self::Refused(_) => None,
        }
    }

    /// Returns whether an entry is this request's, under its other id.
    fn is_earlier(&self, entry: &UsageEntry) -> bool {
        let hash = self.request().map(|(_, hash)| hash);
        self.other_id() == Some(&entry.id) && hash == Some(entry.request_hash)
    }

    /// Returns the entry that this request recorded under an id, if this item is it.
    fn charged_as(&self, id: &UsageId) -> Option<&UsageEntry> {
        match self {
            Self::Charged { entry, .. } => Some(entry).filter(|entry| entry.id == *id),
            Self::Unpriced { .. } | Self::Priced { .. } | Self::Replayed(_) | Self::Refused(_) => {
                None
            }
        }
    }

    /// Moves a priced item on to the ledger's outcome.
    fn take_outcome(&mut self) {
        *self = match mem::replace(self, Self::Refused(Error::Unknown)) {
            Self::Priced {
                charge: Charge { entry, outcome },
                content,
                ..
            } => match outcome {
                Some(Charged::Recorded) => Self::Charged { entry, content },
                Some(Charged::Replayed(earlier)) => Self::Replayed(earlier),
                Some(Charged::Reused) => Self::Refused(Error::KeyReused),
                Some(Charged::InsufficientSparks { available }) => {
                    Self::Refused(Error::InsufficientSparks {
                        required: entry.sparks,
                        available,
                    })
                }
                None => Self::Refused(Error::Unknown),
            },
            item => item,
        };
    }
}

/// The systems, the subject and the deadline of a recording.
#[derive(Clone, Copy)]
pub(super) struct Recording<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) delivery: &'a Delivery,
    pub(super) subject: &'a Subject,
    pub(super) deadline: &'a Deadline,
}

impl Recording<'_> {
    /// Charges priced items. Returns the account's Stripe customer, which is looked up at the same time.
    pub(super) async fn charge(&self, items: &mut [&mut Item]) -> Result<Customer, Error> {
        let customer = self.delivery.customer(&self.subject.account, self.deadline);
        let (charged, customer) = tokio::join!(
            async {
                self.find_earlier(items).await?;
                telemetry::step(Step::Commit, self.debit(items)).await
            },
            customer
        );
        charged?;
        Ok(customer)
    }

    /// Reads the balance for the answer to a recorded item. A refusal reports the balance by itself.
    pub(super) async fn balance(&self, recorded: bool) -> Result<Sparks, ledger::Error> {
        if !recorded {
            return Ok(Sparks::ZERO);
        }
        let account = self
            .ledger
            .settled_account(&self.subject.account, self.deadline);
        let account = telemetry::step(Step::Read, account).await?;
        Ok(account.map_or(Sparks::ZERO, |account| account.available))
    }

    /// Delivers charged items, and looks unpriced ones up at the same time.
    pub(super) async fn deliver(&self, items: &mut [&mut Item], customer: Customer) {
        let account = &self.subject.account;
        let (mut charged, mut unpriced) = (Vec::new(), Vec::new());
        let mut left = &mut *items;
        while let Some((item, later)) = mem::take(&mut left).split_first_mut() {
            match item {
                Item::Charged { entry, content } => {
                    note_charged(entry);
                    let [input, output] = &*content;
                    let content = Content {
                        input: input.as_deref(),
                        output: output.as_deref(),
                    };
                    charged.push(NewUsage { entry, content });
                }
                // An entry that a later item has written did not exist at the turn of this one.
                Item::Unpriced { id, .. }
                    if later.iter().any(|later| later.charged_as(id).is_some()) => {}
                Item::Unpriced { .. } => unpriced.push(item),
                Item::Priced { .. } | Item::Replayed(_) | Item::Refused(_) => {}
            }
            left = later;
        }
        let lookups = unpriced.into_iter().map(|item| self.look_up(item));
        let deliveries = self
            .delivery
            .deliver(account, &mut charged, customer, self.deadline);
        tokio::join!(deliveries, future::join_all(lookups));

        // A replay of an earlier item of the same batch has that item's deliveries.
        for turn in 1..items.len() {
            let (earlier, items) = items.split_at_mut(turn);
            if let Item::Replayed(replay) = &mut *items[0] {
                let mut earlier = earlier.iter();
                if let Some(entry) = earlier.find_map(|item| item.charged_as(&replay.id)) {
                    replay.deliveries = entry.deliveries;
                }
            }
        }
    }

    /// Finds items that are recorded under their other id. Another request under that id is ignored.
    ///
    /// If the batch repeats the key of such an item, another request under it is refused, unless it was recorded before.
    async fn find_earlier(&self, items: &mut [&mut Item]) -> Result<(), ledger::Error> {
        let ids: Vec<&UsageId> = items.iter().filter_map(|item| item.other_id()).collect();
        let stored = self.ledger.usages(&ids, self.deadline).await?;
        let mut found = Vec::new();
        for item in &mut *items {
            if let Some(entry) = stored.iter().find(|entry| item.is_earlier(entry)) {
                found.extend(item.request().map(|(id, _)| id.clone()));
                **item = Item::Replayed(Box::new(entry.clone()));
            }
        }
        for item in items {
            if let Some((id, request_hash)) = item.request()
                && found.contains(id)
            {
                **item = Item::Unpriced {
                    id: id.clone(),
                    other_id: None,
                    request_hash,
                    refusal: Error::KeyReused,
                };
            }
        }
        Ok(())
    }

    /// Debits priced items. Opens the account first if it is missing and this request may open it.
    async fn debit(&self, items: &mut [&mut Item]) -> Result<(), Error> {
        let Self {
            ledger,
            subject,
            deadline,
            ..
        } = *self;
        let account = &subject.account;
        let any_replay = items.iter().any(|item| item.is_recorded());
        let mut charges: Vec<&mut Charge> = items
            .iter_mut()
            .filter_map(|item| item.priced_charge())
            .collect();
        let mut exists = Box::pin(ledger.charge(account, &mut charges, deadline)).await;
        // Without a charge, only a replay shows that the account exists.
        let missing = if charges.is_empty() && !any_replay {
            ledger.account(account, deadline).await?.is_none()
        } else {
            matches!(exists, Ok(false))
        };
        if missing {
            if !subject.may_open() {
                return Err(Error::AccountNotFound);
            }
            ledger.open_account(account, deadline).await?;
            exists = Box::pin(ledger.charge(account, &mut charges, deadline)).await;
        }
        if let Err(failure) = exists {
            if charges.iter().all(|charge| charge.outcome.is_none()) {
                // The outcome of every usage is unknown: the whole request failed.
                return Err(failure.into());
            }
            telemetry::failure(&failure, "the ledger failed on a part of a batch");
        }
        for item in items {
            item.take_outcome();
        }
        Ok(())
    }

    /// Reads the entry of a usage that would be refused for its time or price. A replay takes precedence.
    async fn look_up(&self, item: &mut Item) {
        let Item::Unpriced {
            id, request_hash, ..
        } = &*item
        else {
            return;
        };
        *item = match self.ledger.usage(id, self.deadline).await {
            Ok(None) => return,
            Ok(Some(entry)) if entry.request_hash == *request_hash => {
                Item::Replayed(Box::new(entry))
            }
            Ok(Some(_)) => Item::Refused(Error::KeyReused),
            Err(failure) => {
                telemetry::failure(&failure, "could not look up a usage");
                Item::Refused(Error::Unknown)
            }
        };
    }
}

/// Counts and logs a usage that this request has charged.
fn note_charged(entry: &UsageEntry) {
    telemetry::count(Metric::UsageRecorded, 1);
    telemetry::count(Metric::SparksBurned, entry.sparks.milli());
    info!(
        usage.id = %entry.id, account.id = %entry.account, sparks = %entry.sparks,
        "charged usage `{}`", entry.id
    );
}
