//! Handles Stripe's webhooks: an event only names an object, whose state is read from Stripe.
//!
//! An event is acknowledged once its effect is recorded, or once it is certain that it can never have one.
//! Everything else is an error, so that Stripe retries the event for three days.
//! <https://docs.stripe.com/webhooks>

use jiff::Timestamp;
use secrecy::SecretString;
use tracing::info;

use crate::delivery::ReportOutcome;
use crate::ledger;
use crate::payments::incidents::Incident;
use crate::payments::invoice;
use crate::payments::payment::{self, Page};
use crate::payments::reversal;
use crate::payments::subscription;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric};
use crate::providers::stripe::{self, Event, Unverified};
use crate::words::id::{AccountId, CustomerId, InvoiceId, ReversalId, SessionId, WarningId};
use crate::words::reversal_kind::ReversalKind;
use crate::words::sink::Sink;

use crate::payments::Payments;

/// Types of events about meter events that Stripe accepted but could not count.
const METER_ERRORS: [&str; 2] = [
    "v1.billing.meter.error_report_triggered",
    "v1.billing.meter.no_meter_found",
];

/// The outcome of an acknowledged event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is recorded.
    Done,
    /// It has no effect here, for this reason.
    Ignored(&'static str),
    /// It can have no effect; an incident is kept for the operator.
    Kept(&'static str),
}

/// A failure because of which an event is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not answer.
    #[error("stripe did not answer")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The payment could not be checked.
    #[error("the payment could not be checked")]
    Payment(#[from] payment::Error),
    /// The invoice could not be checked.
    #[error("the invoice could not be checked")]
    Invoice(#[from] invoice::Error),
    /// The refund or dispute could not be checked.
    #[error("the refund or dispute could not be checked")]
    Reversal(#[from] reversal::Error),
    /// The account's subscriptions could not be checked.
    #[error("the account's subscriptions could not be checked")]
    Subscription(#[from] subscription::Error),
    /// Stripe does not have the event's object. With a key of another account, it has none of them.
    #[error("stripe does not have the event's object; is the key another account's?")]
    NotThere,
}

/// Checks the signature of a webhook's body, and counts whether one of the secrets made it.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), Unverified> {
    let verified = stripe::verify(header, body, secrets, now);
    // A header that any scanner sends says nothing about the secrets, and is not counted.
    if matches!(verified, Ok(()) | Err(Unverified::Signature)) {
        telemetry::count(Metric::WebhookSignatureKnown, i64::from(verified.is_ok()));
    }
    verified
}

/// Does what follows from a verified event; a failure is counted.
pub async fn receive(
    payments: &Payments,
    event: &Event,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let outcome = follow(payments, event, deadline).await;
    if outcome.is_err() {
        telemetry::count(Metric::WebhookFailures, 1);
    }
    outcome
}

async fn follow(payments: &Payments, event: &Event, deadline: &Deadline) -> Result<Outcome, Error> {
    let receiver = Receiver {
        payments,
        event,
        deadline,
    };
    let outcome = receiver.receive().await?;
    let (word, reason) = match outcome {
        Outcome::Done => ("done", ""),
        Outcome::Ignored(reason) => ("ignored", reason),
        Outcome::Kept(reason) => ("kept", reason),
    };
    info!(
        event.id = event.id,
        event.kind = event.kind,
        event.outcome = word,
        event.reason = reason,
        "event `{}` is {word}",
        event.id
    );
    Ok(outcome)
}

/// One event that is being handled.
struct Receiver<'a> {
    payments: &'a Payments,
    event: &'a Event,
    deadline: &'a Deadline,
}

impl Receiver<'_> {
    async fn receive(&self) -> Result<Outcome, Error> {
        let kind = self.event.kind.as_str();
        if self.event.object == "v2.core.event" && METER_ERRORS.contains(&kind) {
            if self.event.livemode != self.payments.stripe.livemode() {
                return Ok(Outcome::Ignored("other_mode"));
            }
            return Box::pin(self.meter_errors()).await;
        }
        if self.event.object != "event" {
            return Ok(Outcome::Ignored("unknown_object"));
        }
        let follow = match kind {
            "checkout.session.completed"
            | "checkout.session.async_payment_succeeded"
            | "checkout.session.async_payment_failed"
            | "checkout.session.expired" => Follow::Checkout,
            // The same fact twice; the second also comes for charges of other kinds.
            "invoice.paid" | "invoice.payment_succeeded" => Follow::Invoice,
            "invoice.payment_failed"
            | "invoice.payment_action_required"
            | "invoice.finalization_failed"
            | "invoice.marked_uncollectible"
            | "invoice.voided" => Follow::Subscription,
            "refund.created" | "refund.updated" | "refund.failed" => {
                Follow::Reversal(ReversalKind::Refund)
            }
            "customer.deleted" => Follow::Customer,
            "radar.early_fraud_warning.created" => Follow::Warning,
            _ if kind.starts_with("credit_note.") => Follow::Reversal(ReversalKind::CreditNote),
            _ if kind.starts_with("customer.subscription.") => Follow::Subscription,
            _ if kind.starts_with("charge.dispute.") => Follow::Reversal(ReversalKind::Dispute),
            _ => return Ok(Outcome::Ignored("unknown_type")),
        };
        // Keys of the other mode cannot read it.
        if self.event.livemode != self.payments.stripe.livemode() {
            return Ok(Outcome::Ignored("other_mode"));
        }
        match follow {
            Follow::Checkout => Box::pin(self.checkout()).await,
            Follow::Invoice => Box::pin(self.invoice()).await,
            Follow::Subscription => Box::pin(self.subscription()).await,
            Follow::Reversal(reason) => Box::pin(self.reversal(reason)).await,
            Follow::Customer => Box::pin(self.customer()).await,
            Follow::Warning => Box::pin(self.warning()).await,
        }
    }

    async fn checkout(&self) -> Result<Outcome, Error> {
        let Some(id) = self.object::<SessionId>() else {
            return self.nameless().await;
        };
        let page = match payment::page(self.payments, &id, self.deadline).await {
            Ok(Page::Known(page)) => page,
            Ok(Page::NotOurs(reason)) => return Ok(Outcome::Ignored(reason)),
            Ok(Page::Unclear(code)) => return self.keep(id.as_str(), code).await,
            Err(payment::Error::NoSession) => return self.not_there(id.as_str()).await,
            Err(error) => return Err(error.into()),
        };
        telemetry::account(&page.account);
        let reconciled = payment::reconcile_checkout(self.payments, &page, self.deadline);
        match reconciled.await {
            Ok(_) => Ok(Outcome::Done),
            // The incident is kept already.
            Err(
                payment::Error::Mismatch(_) | payment::Error::Invoice(invoice::Error::Mismatch(_)),
            ) => Ok(Outcome::Kept("mismatch")),
            Err(payment::Error::NoSession) => self.not_there(id.as_str()).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn invoice(&self) -> Result<Outcome, Error> {
        let Some(id) = self.object::<InvoiceId>() else {
            return self.nameless().await;
        };
        match invoice::reconcile(self.payments, &id, self.deadline).await {
            Ok(invoice::Outcome::Granted(..)) => Ok(Outcome::Done),
            Ok(invoice::Outcome::Nothing(reason) | invoice::Outcome::NotOurs(reason)) => {
                Ok(Outcome::Ignored(reason))
            }
            Err(invoice::Error::Mismatch(_)) => Ok(Outcome::Kept("mismatch")),
            Err(invoice::Error::NoInvoice) => self.not_there(id.as_str()).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the account's subscriptions anew: one has changed, or its invoice was not paid.
    async fn subscription(&self) -> Result<Outcome, Error> {
        let customer = self.event.customer().map(str::parse::<CustomerId>);
        let Some(Ok(customer)) = customer else {
            return Ok(Outcome::Ignored("other_product"));
        };
        let Some(account) = self
            .payments
            .customers
            .links
            .account_of(&customer, self.deadline)
            .await?
        else {
            return Ok(Outcome::Ignored("other_product"));
        };
        telemetry::account(&account);
        if self.event.kind == "invoice.finalization_failed" {
            self.keep_of("not_finalized", &account).await?;
        }
        subscription::sync(self.payments, &account, self.deadline).await?;
        Ok(Outcome::Done)
    }

    async fn reversal(&self, reason: ReversalKind) -> Result<Outcome, Error> {
        let Some(id) = self.object::<ReversalId>() else {
            return self.nameless().await;
        };
        let outcome = reversal::reconcile(self.payments, reason, &id, self.deadline).await;
        self.followed(id.as_str(), outcome).await
    }

    async fn warning(&self) -> Result<Outcome, Error> {
        let Some(id) = self.object::<WarningId>() else {
            return self.nameless().await;
        };
        let warned = reversal::warn_of_fraud(self.payments, &id, self.deadline).await;
        self.followed(id.as_str(), warned).await
    }

    async fn followed(
        &self,
        subject: &str,
        outcome: Result<reversal::Outcome, reversal::Error>,
    ) -> Result<Outcome, Error> {
        match outcome {
            Ok(reversal::Outcome::Done) => Ok(Outcome::Done),
            Ok(reversal::Outcome::Nothing(reason) | reversal::Outcome::NotOurs(reason)) => {
                Ok(Outcome::Ignored(reason))
            }
            Ok(reversal::Outcome::Unclear(code)) => self.keep(subject, code).await,
            Err(reversal::Error::NotThere) => self.not_there(subject).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn customer(&self) -> Result<Outcome, Error> {
        let Some(customer) = self.object::<CustomerId>() else {
            return self.nameless().await;
        };
        let (payments, deadline) = (self.payments, self.deadline);
        let Some(account) = payments
            .customers
            .links
            .account_of(&customer, deadline)
            .await?
        else {
            return Ok(Outcome::Ignored("other_product"));
        };
        telemetry::account(&account);
        // No customer is remembered here.
        let parted = subscription::part(payments, &account, &customer, deadline);
        Ok(if parted.await? {
            Outcome::Done
        } else {
            Outcome::Ignored("not_deleted")
        })
    }

    /// Parks the meter events that Stripe accepted but could not count, as far as it names them.
    /// <https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api#handle-meter-event-errors>
    async fn meter_errors(&self) -> Result<Outcome, Error> {
        let Payments { queue, stripe, .. } = self.payments;
        let timeout = stripe::timeout(self.deadline);
        let Some(report) = stripe.meter_errors(&self.event.id, timeout).await? else {
            return self.not_there(&self.event.id).await;
        };
        let mut ours = 0_u64;
        for error in &report.errors {
            let why = format!("reported by stripe: {}", error.code);
            let parking = queue.park_reported(&error.event, &why, report.created, self.deadline);
            let became = parking.await?;
            ours += u64::from(became != ReportOutcome::NotOurs);
            if became == ReportOutcome::Parked {
                telemetry::count(Metric::DeliveryParked(Sink::StripeMeter), 1);
            }
        }
        if report.count > ours {
            // Stripe names only some of them.
            return self.keep(&self.event.id, "meter_errors").await;
        }
        Ok(Outcome::Done)
    }

    /// Returns the id of the event's object.
    fn object<T: std::str::FromStr>(&self) -> Option<T> {
        self.event.object_id().and_then(|id| id.parse().ok())
    }

    async fn nameless(&self) -> Result<Outcome, Error> {
        self.keep(&self.event.id, "no_object_id").await
    }

    /// Keeps an incident about an object that Stripe does not have. The event is not acknowledged: with the right key,
    /// a payment may still be credited.
    async fn not_there(&self, subject: &str) -> Result<Outcome, Error> {
        self.keep(subject, "not_there").await?;
        Err(Error::NotThere)
    }

    async fn keep(&self, subject: &str, code: &'static str) -> Result<Outcome, Error> {
        self.keep_incident(subject, code, None).await?;
        Ok(Outcome::Kept(code))
    }

    /// Keeps an incident about the event's object, which belongs to an account.
    async fn keep_of(&self, code: &'static str, account: &AccountId) -> Result<(), Error> {
        let subject = self.event.object_id().unwrap_or(&self.event.id);
        self.keep_incident(subject, code, Some(account.clone()))
            .await
    }

    async fn keep_incident(
        &self,
        subject: &str,
        code: &'static str,
        account: Option<AccountId>,
    ) -> Result<(), Error> {
        let incident = Incident {
            subject: subject.to_owned(),
            code: code.to_owned(),
            detail: detail(code).to_owned(),
            account,
            seen_at: self.deadline.start(),
        };
        let kept = self
            .payments
            .incidents
            .keep_incident(&incident, self.deadline);
        Ok(kept.await?)
    }
}

/// The kind of object that an event is about.
enum Follow {
    Checkout,
    Invoice,
    Subscription,
    Reversal(ReversalKind),
    Customer,
    Warning,
}

/// Explains an incident in a sentence.
fn detail(code: &str) -> &'static str {
    match code {
        "no_object_id" => "The event does not name its object.",
        "not_there" => {
            "Stripe sent an event about an object that it does not have. Is the key another account's?"
        }
        "meter_errors" => {
            "Stripe could not count meter events and does not name all of them. `sparks reconcile` finds them."
        }
        "metadata" => "The session's metadata names no intent of this deployment.",
        "not_made_here" => "A customer of an account used a session that was not made here.",
        "not_finalized" => {
            "Stripe cannot finalise the invoice, so the customer is not charged: often an address is missing, which tax needs."
        }
        "taken_again" => {
            "A refund or dispute that had failed or been won takes effect again. Its Sparks were restored before."
        }
        _ => "It cannot be settled automatically.",
    }
}

#[cfg(test)]
mod tests {
    use super::detail;

    #[test]
    fn each_incident_code_has_its_own_detail() {
        let codes = [
            "no_object_id",
            "not_there",
            "meter_errors",
            "metadata",
            "not_made_here",
            "not_finalized",
            "taken_again",
        ];
        let mut details = codes.map(detail).to_vec();
        details.push(detail("anything_else"));
        details.sort_unstable();
        details.dedup();
        assert_eq!(details.len(), codes.len() + 1);
    }
}
