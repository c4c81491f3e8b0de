//! Records prepared usages: charges them, delivers the new ones, and orders the results.

use std::collections::HashMap;

use futures_util::future;
use tracing::info;

use super::{Error, Recorded, Usage};
use crate::delivery::Delivery;
use crate::ledger::{self, Charged, Charging, Deliveries, Ledger, UsageEntry};
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric, Step};
use crate::providers::langfuse::{Content, Trace};
use crate::words::id::UsageId;
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

/// A usage that is ready to be charged, or the reason why it is not.
pub(super) struct Prepared {
    pub(super) id: UsageId,
    /// Another id under which the same request may be recorded.
    pub(super) other_id: Option<UsageId>,
    pub(super) hash: ledger::RequestHash,
    pub(super) entry: Result<UsageEntry, Error>,
    pub(super) usage: Usage,
}

/// The context of a recording: its systems, its subject and its deadline.
#[derive(Clone, Copy)]
pub(super) struct Recording<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) delivery: &'a Delivery,
    pub(super) subject: &'a Subject,
    pub(super) deadline: &'a Deadline,
}

impl Recording<'_> {
    /// Charges ready usages, looks up refused ones, delivers new ones, and reads the balance if asked to.
    pub(super) async fn charge_and_deliver(
        &self,
        prepared: Vec<Prepared>,
        with_balance: bool,
    ) -> Result<(Vec<Result<Recorded, Error>>, Result<Sparks, ledger::Error>), Error> {
        let Self {
            ledger,
            delivery,
            subject,
            deadline,
        } = *self;
        let account = &subject.account;
        let ready: Vec<UsageEntry> = prepared
            .iter()
            .filter_map(|item| item.entry.as_ref().ok())
            .cloned()
            .collect();
        let (charging, customer) = tokio::join!(
            async {
                let earlier = self.earlier(&prepared).await?;
                let charging = self.charge(&ready, &earlier);
                let charging = telemetry::step(Step::Commit, charging).await?;
                Ok::<_, Error>((earlier, charging))
            },
            delivery.customer(account, deadline)
        );
        let (earlier, charging) = charging?;

        let contents = new_contents(&prepared, &charging);
        let recorded: Vec<&UsageEntry> = charging
            .outcomes
            .iter()
            .flatten()
            .filter_map(recorded_now)
            .collect();
        let mut traces = Vec::with_capacity(recorded.len());
        for entry in &recorded {
            telemetry::count(Metric::UsageRecorded, 1);
            telemetry::count(Metric::SparksBurned, entry.sparks.milli());
            info!(
                usage.id = %entry.id, account.id = %account, sparks = %entry.sparks,
                "charged usage `{}`", entry.id
            );
            let content = contents.get(&entry.id).copied().unwrap_or_default();
            traces.push(Trace { entry, content });
        }
        let (deliveries, balance, stored) = tokio::join!(
            delivery.deliver(account, &traces, customer, deadline),
            async {
                // A refusal reports the balance by itself.
                if !with_balance || !charging.outcomes.iter().flatten().any(is_recorded) {
                    return Ok(Sparks::ZERO);
                }
                let account = ledger.settled_account(account, deadline);
                let account = telemetry::step(Step::Read, account).await?;
                Ok(account.map_or(Sparks::ZERO, |account| account.available))
            },
            self.look_up(&prepared, &earlier),
        );
        let delivered = recorded
            .iter()
            .map(|entry| entry.id.clone())
            .zip(deliveries)
            .collect();
        Ok((results(prepared, charging, &stored, &delivered), balance))
    }

    /// Reads the entries of requests that are recorded under their other id. Another request under that id is ignored.
    async fn earlier(
        &self,
        prepared: &[Prepared],
    ) -> Result<HashMap<UsageId, UsageEntry>, ledger::Error> {
        let ids: Vec<&UsageId> = prepared
            .iter()
            .filter_map(|item| item.other_id.as_ref())
            .collect();
        let stored = self.ledger.usages(&ids, self.deadline).await?;
        let same = |item: &&Prepared, entry: &&UsageEntry| {
            item.other_id.as_ref() == Some(&entry.id) && item.hash == entry.request_hash
        };
        let earlier = prepared.iter().filter_map(|item| {
            let entry = stored.iter().find(|entry| same(&item, entry))?;
            Some((item.id.clone(), entry.clone()))
        });
        Ok(earlier.collect())
    }

    /// Charges ready usages; opens the account first if it is missing and this request may open it.
    async fn charge(
        &self,
        ready: &[UsageEntry],
        earlier: &HashMap<UsageId, UsageEntry>,
    ) -> Result<Charging, Error> {
        let Self {
            ledger,
            subject,
            deadline,
            ..
        } = *self;
        let account = &subject.account;
        let charge = || ledger.charge(account, ready, earlier.clone(), deadline);
        let mut charging = Box::pin(charge()).await;
        if ready.is_empty() {
            charging.account_missing = ledger.account(account, deadline).await?.is_none();
        }
        if charging.account_missing {
            if !subject.may_open() {
                return Err(Error::AccountNotFound);
            }
            ledger.open_account(account, deadline).await?;
            charging = Box::pin(charge()).await;
        }
        match charging.failure.take() {
            // The outcome of every usage is unknown: the whole request failed.
            Some(failure) if charging.outcomes.iter().all(Option::is_none) => Err(failure.into()),
            Some(failure) => {
                telemetry::failure(&failure, "the ledger failed on a part of a batch");
                Ok(charging)
            }
            None => Ok(charging),
        }
    }

    /// Reads the entries of usages that would be refused for their time or price.
    ///
    /// A replay takes precedence over these refusals.
    async fn look_up(
        &self,
        prepared: &[Prepared],
        earlier: &HashMap<UsageId, UsageEntry>,
    ) -> HashMap<UsageId, Option<UsageEntry>> {
        let refused = prepared.iter().filter(|item| item.entry.is_err());
        let found = future::join_all(refused.map(|item| async {
            if let Some(entry) = earlier.get(&item.id) {
                return Some((item.id.clone(), Some(entry.clone())));
            }
            match self.ledger.usage(&item.id, self.deadline).await {
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

/// Returns whether a usage is recorded, now or before.
const fn is_recorded(outcome: &Charged) -> bool {
    matches!(outcome, Charged::Recorded(_) | Charged::Replayed(_))
}

const fn recorded_now(outcome: &Charged) -> Option<&UsageEntry> {
    match outcome {
        Charged::Recorded(entry) => Some(entry),
        Charged::Replayed(_) | Charged::Reused | Charged::InsufficientSparks { .. } => None,
    }
}

/// Returns the trace contents of newly recorded usages: those of the request that recorded each.
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

/// Assembles the result of each usage, in order.
fn results(
    prepared: Vec<Prepared>,
    charging: Charging,
    stored: &HashMap<UsageId, Option<UsageEntry>>,
    delivered: &HashMap<UsageId, Deliveries>,
) -> Vec<Result<Recorded, Error>> {
    // An entry that this very request writes later did not exist yet at the turn of an earlier item.
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
            Err(refusal) => match stored.get(&item.id) {
                None => Err(Error::Unknown),
                Some(None) => Err(refusal),
                Some(Some(entry)) if entry.request_hash == item.hash => {
                    recorded(entry.clone(), true)
                }
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
