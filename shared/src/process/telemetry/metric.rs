//! The metrics of invocations, with their names and units at CloudWatch.

use std::borrow::Cow;

use crate::words::sink::Sink;

/// A metric. Amounts are whole numbers; Sparks are counted in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Usages that the invocation charged, without replays.
    UsageRecorded,
    /// The price of these usages, in milli-Sparks.
    SparksBurned,
    /// Deliveries that the sink has confirmed.
    DeliveryConfirmed(Sink),
    /// Deliveries that are left to the outbox.
    DeliveryPending(Sink),
    /// Deliveries that failed for good: an operator must look at them.
    DeliveryParked(Sink),
    /// The age of the oldest pending delivery.
    OutboxAgeSeconds,
    /// Entries with pending deliveries.
    OutboxPending,
    /// Packs and plan periods that the invocation credited.
    CreditsGranted,
    /// The Sparks of these credits, in milli-Sparks.
    SparksCredited,
    /// Refunds and disputes for which the invocation clawed Sparks back.
    ClawBacks,
    /// The Sparks clawed back, in milli-Sparks.
    SparksTakenBack,
    /// Refunds that failed and disputes that were won.
    Restorations,
    /// The Sparks restored for them, in milli-Sparks.
    SparksRestored,
    /// Transactions and updates that conflicted with another transaction on an item of their account.
    Conflicts,
    /// Requests, and items of batches, that failed with the problem of this code.
    Refusals(&'static str),
    /// Webhooks with a valid signature that were not acknowledged: Stripe sends them again.
    WebhookFailures,
    /// For each webhook with a recent, well-formed signature: 1 if a secret made it. 0 if none did.
    WebhookSignatureKnown,
    /// The total time that an invocation spent on a step.
    StepDurationMs(Step),
}

/// A step of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pricing usages.
    Price,
    /// The transaction that takes effect: a debit, a credit, a reversal.
    Commit,
    /// Waiting for Langfuse.
    Langfuse,
    /// Waiting for Stripe, each attempt; concurrent calls add up.
    Stripe,
    /// Recording the state of deliveries.
    Mark,
    /// Reading an account's data for the response.
    Read,
}

impl Metric {
    /// The name at CloudWatch, with the sink, step or code. A line has one value per dimension.
    pub(super) fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::UsageRecorded => "UsageRecorded",
            Self::SparksBurned => "SparksBurned",
            Self::OutboxAgeSeconds => "OutboxAgeSeconds",
            Self::OutboxPending => "OutboxPending",
            Self::CreditsGranted => "CreditsGranted",
            Self::SparksCredited => "SparksCredited",
            Self::ClawBacks => "ClawBacks",
            Self::SparksTakenBack => "SparksTakenBack",
            Self::Restorations => "Restorations",
            Self::SparksRestored => "SparksRestored",
            Self::Conflicts => "Conflicts",
            Self::WebhookFailures => "WebhookFailures",
            Self::WebhookSignatureKnown => "WebhookSignatureKnown",
            Self::StepDurationMs(Step::Price) => "StepDurationMs.price",
            Self::StepDurationMs(Step::Commit) => "StepDurationMs.commit",
            Self::StepDurationMs(Step::Langfuse) => "StepDurationMs.langfuse",
            Self::StepDurationMs(Step::Stripe) => "StepDurationMs.stripe",
            Self::StepDurationMs(Step::Mark) => "StepDurationMs.mark",
            Self::StepDurationMs(Step::Read) => "StepDurationMs.read",
            Self::DeliveryConfirmed(sink) => return format!("DeliveryConfirmed.{sink}").into(),
            Self::DeliveryPending(sink) => return format!("DeliveryPending.{sink}").into(),
            Self::DeliveryParked(sink) => return format!("DeliveryParked.{sink}").into(),
            Self::Refusals(code) => return format!("Refusals.{code}").into(),
        })
    }

    /// The unit at CloudWatch, which has none for Sparks.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::UsageRecorded
            | Self::DeliveryConfirmed(_)
            | Self::DeliveryPending(_)
            | Self::DeliveryParked(_)
            | Self::OutboxPending
            | Self::CreditsGranted
            | Self::ClawBacks
            | Self::Restorations
            | Self::Conflicts
            | Self::Refusals(_)
            | Self::WebhookFailures
            | Self::WebhookSignatureKnown => "Count",
            Self::SparksBurned
            | Self::SparksCredited
            | Self::SparksTakenBack
            | Self::SparksRestored => "None",
            Self::OutboxAgeSeconds => "Seconds",
            Self::StepDurationMs(_) => "Milliseconds",
        }
    }

    /// Combines two amounts of one invocation: the sum, or for ages the highest.
    pub(super) fn together(self, one: i64, two: i64) -> i64 {
        match self {
            Self::OutboxAgeSeconds => one.max(two),
            _ => one.saturating_add(two),
        }
    }
}
