//! What is counted of invocations: every metric, its name at CloudWatch and its unit.

use std::borrow::Cow;

/// What is counted. Amounts are whole numbers, of Sparks in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Usages that were charged now; replays are not.
    UsageRecorded,
    /// What they cost, in milli-Sparks.
    SparksBurned,
    /// Deliveries that the provider has confirmed.
    DeliveryConfirmed(Provider),
    /// Deliveries that are left to the outbox.
    DeliveryPending(Provider),
    /// Deliveries that failed for good: somebody must look.
    DeliveryParked(Provider),
    /// How long the oldest pending delivery has waited.
    OutboxAgeSeconds,
    /// Entries with pending deliveries.
    OutboxPending,
    /// Packs and periods of plans that were credited now.
    CreditsGranted,
    /// What they brought, in milli-Sparks.
    SparksCredited,
    /// Refunds and disputes that took Sparks back now.
    ClawBacks,
    /// What they took, in milli-Sparks.
    SparksTakenBack,
    /// Refunds and disputes that came to nothing after all.
    Restorations,
    /// What they gave back, in milli-Sparks.
    SparksRestored,
    /// Transactions and updates that met another transaction on an item of their account.
    Conflicts,
    /// Requests, and items of batches, that were answered with the problem of this code.
    Refusals(&'static str),
    /// Webhooks with a good signature that were not acknowledged: Stripe sends them again.
    WebhookFailures,
    /// Of each webhook that is signed as Stripe signs, just now: 1 by one of the secrets, 0 by none.
    WebhookSignatureKnown,
    /// How long an invocation spent on a step, all times together.
    StepDurationMs(Step),
}

/// Who is told of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The trace in Langfuse.
    Langfuse,
    /// The event at Stripe's meter.
    Stripe,
}

/// A step of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pricing usages.
    Price,
    /// The transaction that is the effect: a debit, a credit, a reversal.
    Commit,
    /// Waiting for Langfuse.
    Langfuse,
    /// Waiting for Stripe, each attempt; calls at the same time add up.
    Stripe,
    /// Writing down how far deliveries have come.
    Mark,
    /// Reading for the answer what an account has or did.
    Read,
}

impl Metric {
    /// The name at CloudWatch, with what it is of: one line has one value per dimension.
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
            Self::DeliveryConfirmed(Provider::Langfuse) => "DeliveryConfirmed.langfuse",
            Self::DeliveryConfirmed(Provider::Stripe) => "DeliveryConfirmed.stripe",
            Self::DeliveryPending(Provider::Langfuse) => "DeliveryPending.langfuse",
            Self::DeliveryPending(Provider::Stripe) => "DeliveryPending.stripe",
            Self::DeliveryParked(Provider::Langfuse) => "DeliveryParked.langfuse",
            Self::DeliveryParked(Provider::Stripe) => "DeliveryParked.stripe",
            Self::StepDurationMs(Step::Price) => "StepDurationMs.price",
            Self::StepDurationMs(Step::Commit) => "StepDurationMs.commit",
            Self::StepDurationMs(Step::Langfuse) => "StepDurationMs.langfuse",
            Self::StepDurationMs(Step::Stripe) => "StepDurationMs.stripe",
            Self::StepDurationMs(Step::Mark) => "StepDurationMs.mark",
            Self::StepDurationMs(Step::Read) => "StepDurationMs.read",
            Self::Refusals(code) => return format!("Refusals.{code}").into(),
        })
    }

    /// The unit at CloudWatch, which has none of Sparks.
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

    /// What two amounts of one invocation come to: the sum, and of ages the highest.
    pub(super) fn together(self, one: i64, two: i64) -> i64 {
        match self {
            Self::OutboxAgeSeconds => one.max(two),
            _ => one.saturating_add(two),
        }
    }
}
