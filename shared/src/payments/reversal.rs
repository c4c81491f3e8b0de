//! Claws back Sparks for refunds, disputes and credit notes, and restores them if those are undone.
//!
//! A refund counts as soon as it exists, a dispute as soon as it is more than an inquiry: the money is gone by then.
//! A refund that fails, a dispute that is won and a credit note that is void restore what they took. The outbox checks
//! reversals that may still change, so that a lost webhook only delays their outcome.
//! <https://docs.stripe.com/disputes/how-disputes-work> <https://docs.stripe.com/refunds#failed-refunds>

mod followed;
mod review;
mod warning;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

pub use followed::OpenReversals;

use crate::ledger::{self, NewReversal, Part, Reversed};
use crate::payments::Payments;
use crate::payments::incidents::Incident;
use crate::payments::invoice;
use crate::payments::payment::{self, Page};
use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric, Step};
use crate::providers::stripe::{self, INTENT, MoneyBack, Paid, STAGE};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, InvoiceId, ReversalId, SessionId};
use crate::words::money::Share;
use crate::words::reversal_kind::ReversalKind;
use crate::words::sparks::Sparks;
pub use review::{Finding, Review, review};
pub use warning::warn_of_fraud;

/// Intervals between checks: daily for an undecided reversal, weekly for a refund that may still fail.
const DAILY: SignedDuration = SignedDuration::from_hours(24);
const WEEKLY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Time for which a refund that has succeeded is checked: a bank may return it for up to 30 days.
/// <https://docs.stripe.com/refunds#failed-refunds>
const MAY_FAIL_FOR: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Time for which the reversal of an ungranted invoice is checked. `sparks reconcile` finds a later grant.
const WAITS_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The result of reconciling a refund, a dispute or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The ledger has its effect on the purchase.
    Done,
    /// It changes nothing for now, for this reason.
    Nothing(&'static str),
    /// It belongs to another product or deployment.
    NotOurs(&'static str),
    /// It cannot be settled automatically; the operator has to look at it.
    Unclear(&'static str),
}

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

/// The state of a refund, a dispute or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The money is gone.
    Taken,
    /// It is an inquiry; the money may still be taken.
    Asked,
    /// It is undone for good: the money is back, or never left.
    Ended,
}

/// The purchase that a payment was for.
struct Bought {
    account: AccountId,
    /// The id of its credit.
    id: EntryId,
}

/// Reads a refund, a dispute or a credit note from Stripe, and claws back or restores its Sparks.
///
/// As long as it may change, another check of it stays due.
pub async fn reconcile(
    payments: &Payments,
    reason: ReversalKind,
    id: &ReversalId,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let now = deadline.start();
    let ledger = &payments.ledger;
    if reason == ReversalKind::CreditNote && ledger.item_version() < ItemVersion::V3 {
        return Ok(Outcome::Nothing("not_enabled"));
    }
    let following = Following {
        payments,
        reason,
        deadline,
    };
    let found = following.read(id).await?;
    let outcome = Box::pin(following.settle(&found)).await;
    let created = Timestamp::from_second(found.created).unwrap_or(now);
    let age = now.duration_since(created);
    let pause = match &outcome {
        // Its invoice may still be granted: once the rest is paid, or once the operator has corrected the terms.
        Ok(Outcome::Nothing(invoice::NOT_PAID))
        | Err(Error::Invoice(invoice::Error::Mismatch(_))) => (age < WAITS_FOR).then_some(DAILY),
        Ok(Outcome::Nothing(_) | Outcome::Done | Outcome::Unclear(_)) => {
            next_look(reason, &found, age)
        }
        Ok(Outcome::NotOurs(_)) | Err(_) => return outcome,
    };
    let Some(pause) = pause else {
        payments
            .open_reversals
            .unfollow(reason, id, deadline)
            .await?;
        return outcome;
    };
    let due = now.saturating_add(pause).unwrap_or(now);
    let is_followed = payments
        .open_reversals
        .follow(reason, id, due, deadline)
        .await?;
    match outcome {
        Err(_) if is_followed => Ok(Outcome::Nothing("mismatch")),
        outcome => outcome,
    }
}

/// Judges the state of a refund, a dispute or a credit note.
///
/// A dispute is `prevented` in two ways: blocked before it arose, which moves no money, or resolved by refunding the
/// cardholder without a refund object (Visa's Rapid Dispute Resolution).
/// <https://docs.stripe.com/changelog/basil/2025-08-27/add-preventions-to-dispute>
fn standing(reason: ReversalKind, found: &MoneyBack) -> Standing {
    // All movements are on one balance, in its currency.
    let moved = || -> i128 {
        found
            .moved
            .iter()
            .map(|moved| i128::from(moved.minor()))
            .sum()
    };
    let is_resolved = || found.case_type.as_deref() == Some("resolution") || moved() < 0;
    match (reason, found.status.as_deref().unwrap_or_default()) {
        (ReversalKind::Refund, "failed" | "canceled")
        | (ReversalKind::Dispute, "won")
        | (ReversalKind::CreditNote, "void") => Standing::Ended,
        (ReversalKind::Dispute, "prevented") if !is_resolved() => Standing::Ended,
        (ReversalKind::Dispute, status) if status.starts_with("warning_") => Standing::Asked,
        _ => Standing::Taken,
    }
}

/// Returns the time until the next check of a refund, a dispute or a credit note of this age; None if no further change
/// is expected. A later change is still acted on.
fn next_look(
    reason: ReversalKind,
    found: &MoneyBack,
    age: SignedDuration,
) -> Option<SignedDuration> {
    match (reason, found.status.as_deref().unwrap_or_default()) {
        (ReversalKind::Refund, "failed" | "canceled")
        | (ReversalKind::Dispute, "won" | "lost" | "warning_closed" | "prevented")
        | (ReversalKind::CreditNote, _) => None,
        (ReversalKind::Refund, "succeeded") => (age < MAY_FAIL_FOR).then_some(WEEKLY),
        (ReversalKind::Refund | ReversalKind::Dispute, _) => Some(DAILY),
    }
}

/// The reconciliation of one refund, dispute or credit note.
struct Following<'a> {
    payments: &'a Payments,
    reason: ReversalKind,
    deadline: &'a Deadline,
}

impl Following<'_> {
    async fn read(&self, id: &ReversalId) -> Result<MoneyBack, Error> {
        let timeout = stripe::timeout(self.deadline);
        let found = self.payments.stripe.money_back(self.reason, id, timeout);
        found.await?.ok_or(Error::NotThere)
    }

    /// Claws back or restores the Sparks of its purchase.
    async fn settle(&self, found: &MoneyBack) -> Result<Outcome, Error> {
        let standing = standing(self.reason, found);
        if standing == Standing::Asked {
            let paid_at = paid_at(self.payments, found, self.deadline).await?;
            return Ok(match paid_at {
                PaidAt::Elsewhere(reason) => Outcome::NotOurs(reason),
                PaidAt::Session(_) | PaidAt::Invoice(_) => Outcome::Nothing("inquiry"),
            });
        }
        // The refunds of a credit note are reconciled under their own ids.
        if self.reason == ReversalKind::CreditNote && found.amount.minor() == 0 {
            return Ok(Outcome::Nothing("nothing_credited"));
        }
        let bought = match Box::pin(self.bought(found)).await? {
            Ok(bought) => bought,
            Err(outcome) => return Ok(outcome),
        };
        telemetry::account(&bought.account);
        let reversing = self.carry_out(found, &bought, standing);
        match telemetry::step(Step::Commit, reversing).await? {
            Reversed::Recorded(sparks) => {
                tell(found, &bought, standing, sparks);
                Ok(Outcome::Done)
            }
            Reversed::Replayed => Ok(Outcome::Done),
            Reversed::Nothing => Ok(Outcome::Nothing("nothing_granted")),
            Reversed::NoShare => Ok(Outcome::Unclear("no_share")),
            // The object may have been read before its end was recorded. If it is still taken at Stripe, it is unclear.
            Reversed::Ended => {
                let again = self.read(&found.id).await?;
                if self::standing(self.reason, &again) == Standing::Taken {
                    warn!(reversal.id = %found.id, "`{}` takes effect again after it was undone", found.id);
                    return Ok(Outcome::Unclear("taken_again"));
                }
                Ok(Outcome::Done)
            }
        }
    }

    async fn carry_out(
        &self,
        found: &MoneyBack,
        bought: &Bought,
        standing: Standing,
    ) -> Result<Reversed, Error> {
        let (ledger, deadline) = (&self.payments.ledger, self.deadline);
        let mut new = NewReversal {
            id: found.id.clone(),
            account: bought.account.clone(),
            purchase: bought.id.clone(),
            part: Part::Amount(found.amount),
        };
        if standing != Standing::Taken {
            return Ok(ledger.restore(&new, deadline).await?);
        }
        let reversed = ledger.reverse(&new, deadline).await?;
        if reversed != Reversed::NoShare {
            return Ok(reversed);
        }
        new.part = self.part_that_was_moved(found, bought).await?;
        Ok(ledger.reverse(&new, deadline).await?)
    }

    /// Returns the part of a purchase that is reversed in another currency.
    ///
    /// It is the amount that the dispute moved, out of the amount of the charge, both in the currency of the Stripe
    /// account's balance. If either is missing, an incident is kept, and the part is everything.
    async fn part_that_was_moved(&self, found: &MoneyBack, bought: &Bought) -> Result<Part, Error> {
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
        let incident = Incident {
            subject: found.id.to_string(),
            code: "no_share".to_owned(),
            detail: format!(
                "Its share of `{}` cannot be computed: nothing was paid, or in another currency. All Sparks are taken back.",
                bought.id
            ),
            account: Some(bought.account.clone()),
            seen_at: self.deadline.start(),
        };
        self.payments
            .incidents
            .keep_incident(&incident, self.deadline)
            .await?;
        Ok(Part::Share(Share::ALL))
    }

    /// Returns the purchase of a refund or a dispute, credited first if necessary; or the outcome if there is none.
    async fn bought(&self, found: &MoneyBack) -> Result<Result<Bought, Outcome>, Error> {
        match paid_at(self.payments, found, self.deadline).await? {
            PaidAt::Session(session) => self.sold(&session).await,
            PaidAt::Invoice(invoice) => self.subscribed(&invoice).await,
            PaidAt::Elsewhere(reason) => Ok(Err(Outcome::NotOurs(reason))),
        }
    }

    async fn sold(&self, session: &SessionId) -> Result<Result<Bought, Outcome>, Error> {
        let deadline = self.deadline;
        let page = match payment::page(self.payments, session, deadline).await? {
            Page::Known(page) => page,
            Page::NotOurs(reason) => return Ok(Err(Outcome::NotOurs(reason))),
            Page::Unclear(reason) => return Ok(Err(Outcome::Unclear(reason))),
        };
        match payment::reconcile_checkout(self.payments, &page, deadline).await {
            // It is kept already, and nothing was credited.
            Ok(_) | Err(payment::Error::Mismatch(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Ok(Bought {
            account: page.account,
            id: EntryId::from(session),
        }))
    }

    async fn subscribed(&self, id: &InvoiceId) -> Result<Result<Bought, Outcome>, Error> {
        match invoice::reconcile(self.payments, id, self.deadline).await {
            Ok(invoice::Outcome::Granted(..)) => {}
            Ok(invoice::Outcome::Nothing(reason)) => return Ok(Err(Outcome::Nothing(reason))),
            Ok(invoice::Outcome::NotOurs(reason)) => return Ok(Err(Outcome::NotOurs(reason))),
            Err(error) => return Err(error.into()),
        }
        let ledger = &self.payments.ledger;
        let credit = EntryId::from(id);
        let account = ledger.account_of_credit(&credit, self.deadline).await?;
        let lost = || ledger::Error::Broken("an invoice's credit is missing".into());
        Ok(Ok(Bought {
            account: account.ok_or_else(lost)?,
            id: credit,
        }))
    }
}

/// Logs and counts the Sparks that were taken back or restored.
fn tell(found: &MoneyBack, bought: &Bought, standing: Standing, sparks: Sparks) {
    let (word, times, amount) = if standing == Standing::Taken {
        ("took back", Metric::ClawBacks, Metric::SparksTakenBack)
    } else {
        ("restored", Metric::Restorations, Metric::SparksRestored)
    };
    telemetry::count(times, 1);
    telemetry::count(amount, sparks.milli());
    info!(
        account.id = %bought.account,
        reversal.id = %found.id,
        reversal.sparks = %sparks,
        "{word} {sparks} Sparks of `{}` for `{}`", bought.id, found.id
    );
}

/// The place where a payment was made.
enum PaidAt {
    /// At this page.
    Session(SessionId),
    /// With this invoice.
    Invoice(InvoiceId),
    /// At another product or deployment, for this reason.
    Elsewhere(&'static str),
}

/// Follows a refund, a dispute or a credit note to where its payment was made. Nothing is written.
async fn paid_at(
    payments: &Payments,
    found: &MoneyBack,
    deadline: &Deadline,
) -> Result<PaidAt, Error> {
    match &found.of {
        Paid::Payment(payment) => paid_with(payments, payment, deadline).await,
        Paid::Invoice(invoice) => Ok(PaidAt::Invoice(invoice.clone())),
        Paid::Unknown => Ok(PaidAt::Elsewhere("other_product")),
    }
}

/// Follows a payment to where it was made.
async fn paid_with(
    payments: &Payments,
    payment: &str,
    deadline: &Deadline,
) -> Result<PaidAt, Error> {
    let timeout = || stripe::timeout(deadline);
    let payment = payments.stripe.payment(payment, timeout()).await?;
    let payment = payment.ok_or(Error::NotThere)?;
    let written = |key| payment.metadata.get(key).map(String::as_str);
    match (written(STAGE), written(INTENT)) {
        // A subscription's payments have no metadata; they are found by their invoice.
        (None, _) => {
            let invoice = payments.stripe.invoice_of_payment(&payment.id, timeout());
            let invoice = invoice.await?.map(PaidAt::Invoice);
            Ok(invoice.unwrap_or(PaidAt::Elsewhere("other_product")))
        }
        (Some(stage), _) if stage != payments.terms.stage => Ok(PaidAt::Elsewhere("other_stage")),
        _ => {
            let session = payments.stripe.session_of_payment(&payment.id, timeout());
            Ok(PaidAt::Session(session.await?.ok_or(Error::NotThere)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::money::{Currency, Money};

    const fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn found(status: Option<&str>, case_type: Option<&str>, moved: &[i64]) -> MoneyBack {
        MoneyBack {
            id: "dp_1".parse().unwrap(),
            amount: usd(2_000),
            created: 0,
            of: Paid::Payment("pi_1".to_owned()),
            charge: None,
            status: status.map(str::to_owned),
            case_type: case_type.map(str::to_owned),
            moved: moved.iter().copied().map(usd).collect(),
        }
    }

    #[test]
    fn a_reversal_is_taken_while_the_money_is_gone() {
        use ReversalKind::{CreditNote, Dispute, Refund};
        use Standing::{Asked, Ended, Taken};
        for (reason, status, expected, pause) in [
            (Refund, Some("pending"), Taken, Some(DAILY)),
            (Refund, Some("requires_action"), Taken, Some(DAILY)),
            (Refund, Some("succeeded"), Taken, Some(WEEKLY)),
            (Refund, None, Taken, Some(DAILY)),
            (Refund, Some("failed"), Ended, None),
            (Refund, Some("canceled"), Ended, None),
            (Dispute, Some("warning_needs_response"), Asked, Some(DAILY)),
            (Dispute, Some("warning_under_review"), Asked, Some(DAILY)),
            (Dispute, Some("warning_closed"), Asked, None),
            (Dispute, Some("needs_response"), Taken, Some(DAILY)),
            (Dispute, Some("under_review"), Taken, Some(DAILY)),
            (Dispute, Some("appeal_under_review"), Taken, Some(DAILY)),
            (Dispute, Some("lost"), Taken, None),
            (Dispute, Some("won"), Ended, None),
            (CreditNote, Some("issued"), Taken, None),
            (CreditNote, Some("void"), Ended, None),
        ] {
            let found = found(status, Some("chargeback"), &[-2_000]);
            assert_eq!(standing(reason, &found), expected, "{reason:?} {status:?}");
            let next = next_look(reason, &found, SignedDuration::ZERO);
            assert_eq!(next, pause, "{reason:?} {status:?}");
        }
        let refund = found(Some("succeeded"), None, &[]);
        assert_eq!(next_look(Refund, &refund, MAY_FAIL_FOR), None);
    }

    #[test]
    fn a_prevented_dispute_is_taken_if_the_cardholder_has_the_money() {
        for (case_type, moved, expected) in [
            (Some("block"), &[][..], Standing::Ended),
            (Some("resolution"), &[-2_000], Standing::Taken),
            // The transaction comes later than the status.
            (Some("resolution"), &[], Standing::Taken),
            (None, &[-2_000], Standing::Taken),
            (None, &[-2_000, 2_000], Standing::Ended),
            (None, &[], Standing::Ended),
        ] {
            let found = found(Some("prevented"), case_type, moved);
            let stands = standing(ReversalKind::Dispute, &found);
            assert_eq!(stands, expected, "{case_type:?} {moved:?}");
        }
    }
}
