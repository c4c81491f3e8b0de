//! Delivers recorded usages to Langfuse and to Stripe's meter, in parallel and within a budget.
//!
//! No failure here can lose a usage: an unconfirmed delivery stays pending in the ledger, and the outbox finishes it.
//! Nothing runs on after the budget, because Lambda freezes a process that has answered.

mod change;
mod mark;
mod parcel;
mod parked;
mod progress;
pub(crate) mod proof;
mod queue;
mod reported;
mod store;
mod usage_progress;

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tracing::{info, warn};

pub use parcel::{MAX_MEMBERS, Parcel};
pub use parked::RedriveOutcome;
pub use progress::{Mark, Marks, Progress, Proof, Unsent};
pub use queue::{BucketLease, PendingDelivery, QueueItem, QueueItemKind};
pub use reported::ReportOutcome;
pub use store::DeliveryQueue;
pub use usage_progress::{MeterEventTimes, SinkSet, UsageProgress};

use crate::customers::{CustomerLink, Customers};
use crate::ledger::{Deliveries, DeliveryState, Ledger, UsageEntry};
use crate::process::clock::{self, Clock};
use crate::process::deadline::{ANSWER_RESERVE, Deadline};
use crate::process::telemetry::{self, Metric, Step, chain};
use crate::process::{Setup, config};
use crate::providers::langfuse::{Content, Langfuse, Trace};
use crate::providers::stripe::{self, MeterEvent, Stripe};
use crate::words::id::{AccountId, CustomerId};
use crate::words::sink::Sink;
use crate::words::sparks::Sparks;
use proof::Export;

/// Number of marks that are written in parallel.
const MARKS_AT_ONCE: usize = 8;

/// The state of an account's link to a Stripe customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Customer {
    /// The account has this customer.
    Known(CustomerId),
    /// The account has none, so one is created; the number of those deleted before.
    Missing(u32),
    /// The account may have one, so none is created. A second one would split the account's usage.
    Unclear,
}

/// A usage that was just recorded, with what only its request knows.
#[derive(Debug)]
pub struct NewUsage<'a> {
    /// The entry. Its states change as it is delivered.
    pub entry: &'a mut UsageEntry,
    /// The model's input and output.
    pub content: Content<'a>,
}

/// Delivers usages to the configured providers.
#[derive(Debug)]
pub struct Delivery {
    langfuse: Option<Langfuse>,
    stripe: Option<Stripe>,
    customers: Customers,
    queue: DeliveryQueue,
    stage: String,
    budget: Duration,
    clock: Clock,
}

impl Delivery {
    /// Reads the configuration and prepares the clients of the providers that it names.
    pub fn beside(ledger: &Ledger, setup: Setup<'_>) -> Result<Self, config::Error> {
        let environment = setup.environment;
        let (stage, table) = (environment.stage()?, ledger.table());
        let (langfuse, stripe) = (environment.langfuse()?, environment.stripe()?);
        Ok(Self {
            langfuse: langfuse
                .map(|access| Langfuse::new(&access, &stage, setup.transport, setup.clock)),
            stripe: stripe.map(|access| Stripe::new(&access, setup.transport, setup.clock)),
            customers: Customers::over(table.clone()),
            queue: DeliveryQueue::over(table.clone()),
            budget: environment.delivery_budget()?,
            stage,
            clock: setup.clock.clone(),
        })
    }

    /// Returns the time that deliveries may take.
    pub const fn budget(&self) -> Duration {
        self.budget
    }

    /// Returns the deployment's name, from which ids are derived.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Returns the initial states of a new entry. The meter gets no usage that costs nothing.
    pub fn initial(&self, sparks: Sparks) -> Deliveries {
        const fn pending_if(configured: bool) -> DeliveryState {
            if configured {
                DeliveryState::Pending
            } else {
                DeliveryState::Off
            }
        }
        Deliveries {
            langfuse: pending_if(self.langfuse.is_some()),
            stripe: pending_if(self.stripe.is_some() && sparks > Sparks::ZERO),
        }
    }

    /// Looks up the Stripe customer of an account within the budget. Meant to run in parallel with the debit.
    pub async fn customer(&self, account: &AccountId, deadline: &Deadline) -> Customer {
        if self.stripe.is_none() {
            return Customer::Unclear;
        }
        let deadline = deadline.at_most(self.budget);
        match self.customers.find(account, &deadline).await {
            Ok(CustomerLink {
                customer: Some(customer),
                ..
            }) => Customer::Known(customer),
            Ok(CustomerLink { generation, .. }) => Customer::Missing(generation),
            Err(error) => {
                warn!(error = chain(&error), "could not look up a customer");
                Customer::Unclear
            }
        }
    }

    /// Delivers new usages of one account and marks their entries, here and in the table.
    pub async fn deliver(
        &self,
        account: &AccountId,
        usages: &mut [NewUsage<'_>],
        customer: Customer,
        deadline: &Deadline,
    ) {
        if usages.is_empty() {
            return;
        }
        let traces = usages.iter().map(|usage| Trace {
            entry: usage.entry,
            content: usage.content,
        });
        let traces: Vec<Trace<'_>> = traces.collect();
        // The marks use what the providers leave of the budget: an entry without its mark is sent once more.
        let marking = Deadline::lasting(&self.clock, self.budget + ANSWER_RESERVE);
        let (langfuse, stripe) = tokio::join!(
            self.trace(&traces),
            self.meter(account, &traces, customer, deadline)
        );
        let mut marks = Vec::with_capacity(traces.len());
        for ((trace, langfuse), stripe) in traces.iter().zip(langfuse).zip(stripe) {
            marks.push(self.mark(trace, Marks { langfuse, stripe }, &marking));
        }
        let marks = stream::iter(marks).buffered(MARKS_AT_ONCE).collect();
        let marked: Vec<Deliveries> = telemetry::step(Step::Mark, marks).await;
        for (usage, deliveries) in usages.iter_mut().zip(marked) {
            usage.entry.deliveries = deliveries;
        }
    }

    /// Sends all traces in one export.
    async fn trace(&self, traces: &[Trace<'_>]) -> Vec<Option<Mark>> {
        let Some(langfuse) = &self.langfuse else {
            return vec![None; traces.len()];
        };
        let outcome = langfuse.record(traces, self.budget).await;
        if let Err(error) = &outcome {
            warn!(error = chain(error), "langfuse did not confirm");
        }
        let export = Export {
            traces: traces.len(),
            has_content: true,
        };
        vec![proof::of_export(&outcome, export); traces.len()]
    }

    /// Sends meter events one after another. Stripe takes one call at a time per customer and meter.
    ///
    /// Each event that was not sent is marked as unsent: only a provably unsent event may be sent in a parcel.
    async fn meter(
        &self,
        account: &AccountId,
        traces: &[Trace<'_>],
        customer: Customer,
        deadline: &Deadline,
    ) -> Vec<Option<Mark>> {
        let metered = |trace: &Trace<'_>| trace.entry.deliveries.stripe == DeliveryState::Pending;
        let Some(stripe) = self.stripe.as_ref().filter(|_| traces.iter().any(metered)) else {
            return vec![None; traces.len()];
        };
        let unsent = |why| -> Vec<Option<Mark>> {
            let marks = traces.iter();
            marks
                .map(|trace| metered(trace).then_some(Mark::Unsent(why)))
                .collect()
        };
        let started = self.clock.now();
        let left = || {
            self.budget
                .saturating_sub(clock::until(self.clock.now(), started))
        };
        let customer = match customer {
            Customer::Known(customer) => customer,
            Customer::Unclear => return unsent(Unsent::CustomerUnclear),
            Customer::Missing(generation) => {
                let made = self
                    .customers
                    .make(stripe, &self.stage, account, generation, left(), deadline)
                    .await;
                match made {
                    Ok(customer) => customer,
                    Err(error) => {
                        warn!(error = chain(&error), "could not create a customer");
                        return unsent(Unsent::NoCustomer);
                    }
                }
            }
        };
        let mut marks = unsent(Unsent::NotTried);
        for (trace, mark) in traces.iter().zip(&mut marks) {
            if !metered(trace) {
                continue;
            }
            if left().is_zero() {
                break;
            }
            let entry = trace.entry;
            let event = MeterEvent {
                identifier: entry.id.as_str(),
                customer: &customer,
                value: entry.sparks,
                occurred_at: entry.occurred_at,
                attempt: 0,
            };
            let outcome = stripe.record_meter_event(&event, left()).await;
            if let Err(error) = &outcome {
                warn!(usage.id = %entry.id, error = chain(error), "stripe did not confirm");
                if matches!(error, stripe::Error::Refused(_)) {
                    // The customer may have been deleted, and the ledger may know its successor.
                    self.customers.forget(account);
                }
            }
            *mark = proof::of_event(&outcome, true);
        }
        marks
    }

    /// Marks the progress of an entry's deliveries. If that fails, they count as pending.
    async fn mark(&self, trace: &Trace<'_>, marks: Marks, deadline: &Deadline) -> Deliveries {
        let entry = trace.entry;
        let deliveries = match self.queue.mark(entry, &marks, deadline).await {
            Ok(deliveries) => {
                info!(
                    usage.id = %entry.id,
                    langfuse = %deliveries.langfuse,
                    stripe = %deliveries.stripe,
                    "deliveries of usage `{}`", entry.id
                );
                deliveries
            }
            Err(error) => {
                warn!(usage.id = %entry.id, error = chain(&error), "could not mark an entry");
                entry.deliveries
            }
        };
        for (sink, state) in deliveries.iter() {
            count(sink, *state);
        }
        deliveries
    }
}

/// Counts a delivery by its state.
pub(crate) fn count(sink: Sink, state: DeliveryState) {
    let metric = match state {
        DeliveryState::Confirmed => Metric::DeliveryConfirmed(sink),
        DeliveryState::Pending => Metric::DeliveryPending(sink),
        DeliveryState::Parked => Metric::DeliveryParked(sink),
        DeliveryState::Off => return,
    };
    telemetry::count(metric, 1);
}
