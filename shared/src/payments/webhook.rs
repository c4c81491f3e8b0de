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
use crate::payments::incidents::Fault;
use crate::payments::invoice;
use crate::payments::outcome::{NoEffect, OtherOwner, Outcome};
use crate::payments::payment::{self, SessionOrigin};
use crate::payments::reversal;
use crate::payments::subscription;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric};
use crate::providers::stripe::{self, Event, EventKind, UnknownEvent, Unverified};
use crate::words::id::{CustomerId, InvoiceId, ReversalId, SessionId, WarningId};
use crate::words::reversal_kind::ReversalKind;
use crate::words::sink::Sink;

use crate::payments::Payments;

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

/// Checks the signature of a webhook's body. Counts whether one of the secrets made it.
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
    let handler = EventHandler {
        payments,
        event,
        deadline,
    };
    let outcome = handler.handle().await?;
    let word = match outcome {
        Outcome::Done => "done",
        Outcome::Nothing(_) | Outcome::NotOurs(_) => "ignored",
        Outcome::Mismatch | Outcome::Unclear(_) => "kept",
    };
    info!(
        event.id = event.id,
        event.kind = event.name,
        event.outcome = word,
        event.reason = outcome.reason().unwrap_or_default(),
        "event `{}` is {word}",
        event.id
    );
    Ok(outcome)
}

/// One event that is being handled.
struct EventHandler<'a> {
    payments: &'a Payments,
    event: &'a Event,
    deadline: &'a Deadline,
}

impl EventHandler<'_> {
    async fn handle(&self) -> Result<Outcome, Error> {
        let kind = match self.event.kind() {
            Ok(kind) => kind,
            Err(UnknownEvent::Object) => return Ok(Outcome::Nothing(NoEffect::UnknownObject)),
            Err(UnknownEvent::Type) => return Ok(Outcome::Nothing(NoEffect::UnknownType)),
        };
        // Keys of the other mode cannot read it.
        if self.event.livemode != self.payments.stripe.livemode() {
            return Ok(Outcome::Nothing(NoEffect::OtherMode));
        }
        match kind {
            EventKind::Session => Box::pin(self.session()).await,
            EventKind::InvoicePaid => Box::pin(self.invoice()).await,
            EventKind::InvoiceNotFinalized | EventKind::Subscription => {
                Box::pin(self.subscription(kind)).await
            }
            EventKind::Reversal(kind) => Box::pin(self.reversal(kind)).await,
            EventKind::CustomerDeleted => Box::pin(self.customer()).await,
            EventKind::FraudWarning => Box::pin(self.warning()).await,
            EventKind::MeterErrors => Box::pin(self.meter_errors()).await,
        }
    }

    async fn session(&self) -> Result<Outcome, Error> {
        let Some(id) = self.object::<SessionId>() else {
            return self.nameless().await;
        };
        let session = match payment::origin(self.payments, &id, self.deadline).await {
            Ok(SessionOrigin::Ours(session)) => session,
            Ok(SessionOrigin::NotOurs(owner)) => return Ok(Outcome::NotOurs(owner)),
            Ok(SessionOrigin::Unclear(fault)) => return self.keep(id.as_str(), fault).await,
            Err(payment::Error::NoSession) => return self.not_there(id.as_str()).await,
            Err(error) => return Err(error.into()),
        };
        telemetry::account(&session.account);
        let reconciled = payment::reconcile_checkout(self.payments, &session, self.deadline);
        match reconciled.await {
            Ok(_) => Ok(Outcome::Done),
            // The incident is kept already.
            Err(
                payment::Error::Mismatch(_) | payment::Error::Invoice(invoice::Error::Mismatch(_)),
            ) => Ok(Outcome::Mismatch),
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
            Ok(invoice::Outcome::Nothing(reason)) => {
                Ok(Outcome::Nothing(NoEffect::NoGrant(reason)))
            }
            Ok(invoice::Outcome::NotOurs(owner)) => Ok(Outcome::NotOurs(owner)),
            Err(invoice::Error::Mismatch(_)) => Ok(Outcome::Mismatch),
            Err(invoice::Error::NoInvoice) => self.not_there(id.as_str()).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the account's subscriptions anew: one has changed, or its invoice was not paid.
    async fn subscription(&self, kind: EventKind) -> Result<Outcome, Error> {
        let links = &self.payments.customers.links;
        let account = links.account_named(self.event.customer(), self.deadline);
        let Some(account) = account.await? else {
            return Ok(Outcome::NotOurs(OtherOwner::Product));
        };
        telemetry::account(&account);
        if kind == EventKind::InvoiceNotFinalized {
            let subject = self.event.object_id().unwrap_or(&self.event.id);
            let (fault, incidents) = (Fault::NotFinalized, &self.payments.incidents);
            let kept = incidents.keep(subject, fault, Some(&account), self.deadline);
            kept.await?;
        }
        subscription::sync(self.payments, &account, self.deadline).await?;
        Ok(Outcome::Done)
    }

    async fn reversal(&self, kind: ReversalKind) -> Result<Outcome, Error> {
        let Some(id) = self.object::<ReversalId>() else {
            return self.nameless().await;
        };
        let outcome = reversal::reconcile(self.payments, kind, &id, self.deadline).await;
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
        outcome: Result<Outcome, reversal::Error>,
    ) -> Result<Outcome, Error> {
        match outcome {
            Ok(Outcome::Unclear(fault)) => self.keep(subject, fault).await,
            Ok(outcome) => Ok(outcome),
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
            return Ok(Outcome::NotOurs(OtherOwner::Product));
        };
        telemetry::account(&account);
        // No customer is remembered here.
        let parted = subscription::part(payments, &account, &customer, deadline);
        Ok(if parted.await? {
            Outcome::Done
        } else {
            Outcome::Nothing(NoEffect::NotDeleted)
        })
    }

    /// Parks the meter events that Stripe accepted but could not count, if it names them.
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
            return self.keep(&self.event.id, Fault::MeterErrors).await;
        }
        Ok(Outcome::Done)
    }

    /// Returns the id of the event's object.
    fn object<T: std::str::FromStr>(&self) -> Option<T> {
        self.event.object_id().and_then(|id| id.parse().ok())
    }

    async fn nameless(&self) -> Result<Outcome, Error> {
        self.keep(&self.event.id, Fault::NoObjectId).await
    }

    /// Keeps an incident about an object that Stripe does not have. The event is not acknowledged: with the right key,
    /// a payment may still be credited.
    async fn not_there(&self, subject: &str) -> Result<Outcome, Error> {
        self.keep(subject, Fault::NotThere).await?;
        Err(Error::NotThere)
    }

    async fn keep(&self, subject: &str, fault: Fault<'static>) -> Result<Outcome, Error> {
        let incidents = &self.payments.incidents;
        incidents.keep(subject, fault, None, self.deadline).await?;
        Ok(Outcome::Unclear(fault))
    }
}
