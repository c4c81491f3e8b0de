//! Claws back Sparks for refunds, disputes and credit notes. Restores them if those are undone.
//!
//! A refund counts as soon as it exists, a dispute as soon as it is more than an inquiry: the money is gone by then.
//! A refund that fails, a dispute that is won and a credit note that is void restore what they took. The outbox checks
//! reversals that may still change, so that a lost webhook only delays their outcome.
//! <https://docs.stripe.com/disputes/how-disputes-work> <https://docs.stripe.com/refunds#failed-refunds>

mod followed;
mod origin;
mod review;
mod state;
mod warning;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

pub use followed::OpenReversals;

use crate::ledger::{self, NewReversal, Part, ReversalOutcome};
use crate::payments::Payments;
use crate::payments::incidents::Fault;
use crate::payments::invoice;
use crate::payments::outcome::{NoEffect, NoGrant, Outcome};
use crate::payments::payment::{self, SessionOrigin};
use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric, Step};
use crate::providers::stripe::{self, MoneyBack};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, InvoiceId, ReversalId, SessionId};
use crate::words::money::Share;
use crate::words::reversal_kind::ReversalKind;
use crate::words::sparks::Sparks;
use origin::PaymentOrigin;
pub use review::{Finding, Review, review};
use state::{DAILY, ReversalState};
pub use warning::warn_of_fraud;

/// Time for which the reversal of an ungranted invoice is checked. `sparks reconcile` finds a later grant.
const WAITS_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A failure to reconcile a refund, a dispute or a credit note.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not return it.
    #[error("stripe did not return the refund or dispute")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// The purchase could not be credited first.
    #[error("the purchase could not be checked")]
    Payment(#[from] payment::Error),
    /// The purchase could not be granted first.
    #[error("the purchase could not be checked")]
    Invoice(#[from] invoice::Error),
    /// Stripe has no object with this id, or no payment for it.
    #[error("stripe has no such refund, dispute or payment; is the key another account's?")]
    NotThere,
}

/// The purchase that a payment was for.
struct PaidPurchase {
    account: AccountId,
    /// The id of its credit.
    id: EntryId,
}

/// The end of a reconciliation before the ledger has decided.
enum Stop {
    Outcome(Outcome),
    Error(Error),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl<E> From<E> for Stop
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Reads a refund, a dispute or a credit note from Stripe. Claws back or restores its Sparks.
///
/// As long as it may change, another check of it stays due.
pub async fn reconcile(
    payments: &Payments,
    kind: ReversalKind,
    id: &ReversalId,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let now = deadline.start();
    let ledger = &payments.ledger;
    if kind == ReversalKind::CreditNote && ledger.item_version() < ItemVersion::V3 {
        return Ok(Outcome::Nothing(NoEffect::NotEnabled));
    }
    let reconciliation = Reconciliation {
        payments,
        kind,
        deadline,
    };
    let found = reconciliation.read(id).await?;
    let outcome = match Box::pin(reconciliation.settle(&found)).await {
        Ok(outcome) | Err(Stop::Outcome(outcome)) => Ok(outcome),
        Err(Stop::Error(error)) => Err(error),
    };
    let created = Timestamp::from_second(found.created).unwrap_or(now);
    let age = now.duration_since(created);
    let pause = match &outcome {
        // Its invoice may still be granted: once the rest is paid, or once the operator has corrected the terms.
        Ok(Outcome::Nothing(NoEffect::NoGrant(NoGrant::NotPaid)))
        | Err(Error::Invoice(invoice::Error::Mismatch(_))) => (age < WAITS_FOR).then_some(DAILY),
        Ok(Outcome::Nothing(_) | Outcome::Done | Outcome::Mismatch | Outcome::Unclear(_)) => {
            state::next_look(found.status, age)
        }
        Ok(Outcome::NotOurs(_)) | Err(_) => return outcome,
    };
    let Some(pause) = pause else {
        payments.open_reversals.unfollow(kind, id, deadline).await?;
        return outcome;
    };
    let due = now.saturating_add(pause).unwrap_or(now);
    let following = payments.open_reversals.follow(kind, id, due, deadline);
    let is_followed = following.await?;
    match outcome {
        Err(_) if is_followed => Ok(Outcome::Nothing(NoEffect::InvoiceMismatch)),
        outcome => outcome,
    }
}

/// The reconciliation of one refund, dispute or credit note.
struct Reconciliation<'a> {
    payments: &'a Payments,
    kind: ReversalKind,
    deadline: &'a Deadline,
}

impl Reconciliation<'_> {
    async fn read(&self, id: &ReversalId) -> Result<MoneyBack, Error> {
        let timeout = stripe::timeout(self.deadline);
        let found = self.payments.stripe.money_back(self.kind, id, timeout);
        found.await?.ok_or(Error::NotThere)
    }

    /// Claws back or restores the Sparks of its purchase.
    async fn settle(&self, found: &MoneyBack) -> Result<Outcome, Stop> {
        let state = state::of(found);
        if state == ReversalState::Inquiry {
            let origin = origin::of_reversal(self.payments, found, self.deadline);
            return Ok(match origin.await? {
                PaymentOrigin::NotOurs(owner) => Outcome::NotOurs(owner),
                PaymentOrigin::Session(_) | PaymentOrigin::Invoice(_) => {
                    Outcome::Nothing(NoEffect::Inquiry)
                }
            });
        }
        // The refunds of a credit note are reconciled under their own ids.
        if self.kind == ReversalKind::CreditNote && found.amount.minor() == 0 {
            return Ok(Outcome::Nothing(NoEffect::NothingCredited));
        }
        let purchase = Box::pin(self.purchase(found)).await?;
        telemetry::account(&purchase.account);
        let reversing = self.carry_out(found, &purchase, state);
        match telemetry::step(Step::Commit, reversing).await? {
            ReversalOutcome::Recorded(sparks) => {
                report(found, &purchase, state, sparks);
                Ok(Outcome::Done)
            }
            ReversalOutcome::Replayed => Ok(Outcome::Done),
            ReversalOutcome::Nothing => Ok(Outcome::Nothing(NoEffect::NothingGranted)),
            ReversalOutcome::NoShare => {
                let broken = "a part of a whole has no share";
                Err(ledger::Error::Broken(broken.into()).into())
            }
            // The object may have been read before its end was recorded. If it is still taken at Stripe, it is unclear.
            ReversalOutcome::Ended => {
                let again = self.read(&found.id).await?;
                if state::of(&again) == ReversalState::Taken {
                    warn!(reversal.id = %found.id, "`{}` takes effect again after it was undone", found.id);
                    return Ok(Outcome::Unclear(Fault::TakenAgain));
                }
                Ok(Outcome::Done)
            }
        }
    }

    async fn carry_out(
        &self,
        found: &MoneyBack,
        purchase: &PaidPurchase,
        state: ReversalState,
    ) -> Result<ReversalOutcome, Error> {
        let (ledger, deadline) = (&self.payments.ledger, self.deadline);
        let mut new = NewReversal {
            id: found.id.clone(),
            account: purchase.account.clone(),
            purchase: purchase.id.clone(),
            part: Part::Amount(found.amount),
        };
        if state != ReversalState::Taken {
            return Ok(ledger.restore(&new, deadline).await?);
        }
        let reversed = ledger.reverse(&new, deadline).await?;
        if reversed != ReversalOutcome::NoShare {
            return Ok(reversed);
        }
        new.part = self.part_that_was_moved(found, purchase).await?;
        Ok(ledger.reverse(&new, deadline).await?)
    }

    /// Returns the part of a purchase that is reversed in another currency.
    ///
    /// It is the amount that the dispute moved, out of the amount of the charge, both in the currency of the Stripe
    /// account's balance. If either is missing, an incident is kept, and the part is everything.
    async fn part_that_was_moved(
        &self,
        found: &MoneyBack,
        purchase: &PaidPurchase,
    ) -> Result<Part, Error> {
        let withdrawn = found.moved.iter().find(|moved| moved.minor() < 0);
        let timeout = stripe::timeout(self.deadline);
        let charged = match &found.charge {
            Some(charge) => self.payments.stripe.settled_amount(charge, timeout).await?,
            None => None,
        };
        let withdrawn = withdrawn.and_then(|withdrawn| withdrawn.checked_neg());
        let share = withdrawn
            .zip(charged)
            .and_then(|(part, whole)| part.share_of(whole));
        if let Some(share) = share {
            return Ok(Part::Share(share));
        }
        // The incident is kept first: once everything is taken, a retry is only a replay.
        let (fault, account) = (
            Fault::NoShare {
                purchase: purchase.id.as_str(),
            },
            Some(&purchase.account),
        );
        let incidents = &self.payments.incidents;
        let kept = incidents.keep(found.id.as_str(), fault, account, self.deadline);
        kept.await?;
        Ok(Part::Share(Share::ALL))
    }

    /// Returns the purchase of a refund or a dispute, credited first if necessary.
    async fn purchase(&self, found: &MoneyBack) -> Result<PaidPurchase, Stop> {
        match origin::of_reversal(self.payments, found, self.deadline).await? {
            PaymentOrigin::Session(session) => self.sold(&session).await,
            PaymentOrigin::Invoice(invoice) => self.subscribed(&invoice).await,
            PaymentOrigin::NotOurs(owner) => Err(Outcome::NotOurs(owner).into()),
        }
    }

    async fn sold(&self, id: &SessionId) -> Result<PaidPurchase, Stop> {
        let session = match payment::origin(self.payments, id, self.deadline).await? {
            SessionOrigin::Ours(session) => session,
            SessionOrigin::NotOurs(owner) => return Err(Outcome::NotOurs(owner).into()),
            SessionOrigin::Unclear(fault) => return Err(Outcome::Unclear(fault).into()),
        };
        match payment::reconcile_checkout(self.payments, &session, self.deadline).await {
            // It is kept already, and nothing was credited.
            Ok(_) | Err(payment::Error::Mismatch(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(PaidPurchase {
            account: session.account,
            id: EntryId::from(id),
        })
    }

    async fn subscribed(&self, id: &InvoiceId) -> Result<PaidPurchase, Stop> {
        match invoice::reconcile(self.payments, id, self.deadline).await? {
            invoice::Outcome::Granted(..) => {}
            invoice::Outcome::Nothing(reason) => {
                return Err(Outcome::Nothing(NoEffect::NoGrant(reason)).into());
            }
            invoice::Outcome::NotOurs(owner) => return Err(Outcome::NotOurs(owner).into()),
        }
        let ledger = &self.payments.ledger;
        let credit = EntryId::from(id);
        let account = ledger.account_of_credit(&credit, self.deadline).await?;
        let lost = || ledger::Error::Broken("an invoice's credit is missing".into());
        Ok(PaidPurchase {
            account: account.ok_or_else(lost)?,
            id: credit,
        })
    }
}

/// Logs and counts the Sparks that were taken back or restored.
fn report(found: &MoneyBack, purchase: &PaidPurchase, state: ReversalState, sparks: Sparks) {
    let (word, times, amount) = if state == ReversalState::Taken {
        ("took back", Metric::ClawBacks, Metric::SparksTakenBack)
    } else {
        ("restored", Metric::Restorations, Metric::SparksRestored)
    };
    telemetry::count(times, 1);
    telemetry::count(amount, sparks.milli());
    info!(
        account.id = %purchase.account,
        reversal.id = %found.id,
        reversal.sparks = %sparks,
        "{word} {sparks} Sparks of `{}` for `{}`", purchase.id, found.id
    );
}
