//! Takes Stripe's webhooks: an event says that something happened, and what that is, is read from Stripe.
//!
//! An event is acknowledged once its effect is written down, or once it is clear that there never can be one.
//! Everything else is an error, so that Stripe sends it again for three days.
//! <https://docs.stripe.com/webhooks>

use jiff::Timestamp;
use tracing::{info, warn};

use crate::id::{IntentId, SessionId};
use crate::ledger::{self, Checkout, Incident, Ledger};
use crate::patience::Patience;
use crate::payment::{self, STRIPE_TIMEOUT};
use crate::stripe::{self, CheckoutSession, Event, INTENT, STAGE, Stripe};

/// What was done with an event that is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is written down.
    Done,
    /// It has none here, for this reason.
    Ignored(&'static str),
    /// It can have none; that is kept for somebody to look at.
    Kept(&'static str),
}

/// Why an event is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not answer.
    #[error("stripe did not answer")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// How the payment stands is unknown.
    #[error("the payment is not known")]
    Payment(#[from] payment::Error),
    /// It is for an intent of this deployment that is not there.
    #[error("there is no such intent")]
    NoIntent,
    /// Stripe does not have what it is about. With a key of another account nothing is there.
    #[error("stripe does not have what its event is about; is the key of another account?")]
    NoSession,
}

/// Does what follows from a verified event.
pub async fn receive(
    ledger: &Ledger,
    stripe: &Stripe,
    stage: &str,
    event: &Event,
    now: Timestamp,
    patience: &Patience,
) -> Result<Outcome, Error> {
    let receiver = Receiver {
        ledger,
        stripe,
        stage,
        now,
        patience,
    };
    let outcome = match event.kind.as_str() {
        _ if event.object != "event" => Outcome::Ignored("unknown_object"),
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => receiver.checkout(event).await?,
        _ => Outcome::Ignored("unknown_type"),
    };
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

/// What one event is looked into with.
struct Receiver<'a> {
    ledger: &'a Ledger,
    stripe: &'a Stripe,
    stage: &'a str,
    now: Timestamp,
    patience: &'a Patience,
}

impl Receiver<'_> {
    async fn checkout(&self, event: &Event) -> Result<Outcome, Error> {
        // Keys of the other mode cannot read it.
        if event.livemode != self.stripe.livemode() {
            return Ok(Outcome::Ignored("other_mode"));
        }
        let id = event.object_id().and_then(|id| id.parse().ok());
        let Some(id): Option<SessionId> = id else {
            let detail = "The event names no checkout session.";
            return self.keep(&event.id, "no_session_id", detail).await;
        };
        let page = match self.ledger.checkout(&id, self.patience).await? {
            Some(page) => page,
            None => match self.page_of(&id).await? {
                Ok(page) => page,
                Err(outcome) => return Ok(outcome),
            },
        };
        let reconciled =
            payment::reconcile_checkout(self.ledger, self.stripe, &page, self.now, self.patience)
                .await;
        match reconciled {
            Ok(_) => Ok(Outcome::Done),
            // It is kept already.
            Err(payment::Error::Mismatch(_)) => Ok(Outcome::Kept("mismatch")),
            Err(payment::Error::NoSession) => self.no_session(&id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The page of a session that is not known here: its process ended between Stripe's answer and the write.
    /// Else, what becomes of its event.
    async fn page_of(&self, id: &SessionId) -> Result<Result<Checkout, Outcome>, Error> {
        let timeout = self.patience.left().min(STRIPE_TIMEOUT);
        let Some(session) = self.stripe.checkout_session(id, timeout).await? else {
            return self.no_session(id).await.map(Err);
        };
        let ours = |key| {
            let metadata = session.metadata.as_ref()?;
            metadata.get(key).map(String::as_str)
        };
        let (stage, intent) = (ours(STAGE), ours(INTENT));
        match (stage, intent.map(str::parse::<IntentId>)) {
            (None, None) => self.without_metadata(&session).await.map(Err),
            (Some(stage), _) if stage != self.stage => Ok(Err(Outcome::Ignored("other_stage"))),
            (Some(_), Some(Ok(intent))) => {
                let intent = self.ledger.intent(&intent, self.patience).await?;
                let intent = intent.ok_or(Error::NoIntent)?;
                let page = Checkout {
                    session: session.id,
                    account: intent.account,
                    intent: intent.id,
                    item: intent.order.item,
                    url: session.url,
                    expires_at: intent.expires_at,
                };
                self.ledger.bind_checkout(&page, self.patience).await?;
                warn!(session.id = %page.session, "found the unknown page `{}`", page.session);
                Ok(Ok(page))
            }
            _ => {
                let detail = "The session's metadata names no intent of this deployment.";
                self.keep(id.as_str(), "metadata", detail).await.map(Err)
            }
        }
    }

    /// A session that was not made here: of another product, or by hand for a customer of ours.
    async fn without_metadata(&self, session: &CheckoutSession) -> Result<Outcome, Error> {
        let customer = session.customer.as_deref().map(str::parse);
        let account = match customer {
            Some(Ok(customer)) => self.ledger.account_of(&customer, self.patience).await?,
            _ => None,
        };
        if account.is_none() {
            return Ok(Outcome::Ignored("other_product"));
        }
        let detail = "A customer of an account used a session that was not made here.";
        self.keep(session.id.as_str(), "not_made_here", detail)
            .await
    }

    /// A session that Stripe does not have. It is kept, and the event is not acknowledged: with the right key, what
    /// was paid may still be credited.
    async fn no_session(&self, id: &SessionId) -> Result<Outcome, Error> {
        let detail = "Stripe has sent an event about a session that it does not have. Is the key of another account?";
        self.keep(id.as_str(), "no_session", detail).await?;
        Err(Error::NoSession)
    }

    async fn keep(
        &self,
        subject: &str,
        code: &'static str,
        detail: &str,
    ) -> Result<Outcome, Error> {
        let incident = Incident {
            subject: subject.to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
            account: None,
            seen_at: self.now,
        };
        self.ledger.keep_incident(&incident, self.patience).await?;
        Ok(Outcome::Kept(code))
    }
}
