//! Takes back what refunds and disputes are of, and gives it back when they come to nothing.
//!
//! A refund counts from when it exists, a dispute from when it is opened as more than an inquiry: the money is
//! gone by then. A refund that fails and a dispute that is won restore what they took.
//! <https://docs.stripe.com/disputes/how-disputes-work> <https://docs.stripe.com/refunds#failed-refunds>

mod review;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::desk::Desk;
use crate::id::{AccountId, InvoiceId, ReversalId, SessionId};
use crate::invoice;
use crate::ledger::{self, NewReversal, Reversed};
use crate::patience::Patience;
use crate::payment::{self, Page, STRIPE_TIMEOUT};
use crate::stripe::{self, INTENT, MoneyBack, Reason, STAGE};
use crate::telemetry::{self, Metric, Step};
pub use review::{Finding, Review, review};

/// What became of a refund or a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What it is of stands as it says.
    Done,
    /// It changes nothing here, for this reason.
    Nothing(&'static str),
    /// It is nothing that can be followed; somebody has to look at it.
    Unclear(&'static str),
}

/// Why it is unknown what a refund or a dispute is of.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not answer.
    #[error("stripe did not say how the refund or dispute stands")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// What was paid could not be credited first.
    #[error("the purchase is not known")]
    Payment(#[from] payment::Error),
    /// What was paid could not be granted first.
    #[error("the purchase is not known")]
    Invoice(#[from] invoice::Error),
    /// Stripe has none of this id, or no payment of it.
    #[error("stripe has no such refund, dispute or payment; is its key of another account?")]
    NotThere,
}

/// How a refund or a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The money is gone.
    Taken,
    /// It was only asked about, and may yet be taken.
    Asked,
    /// It came to nothing, for good.
    Ended,
}

/// A purchase by what it was paid with.
struct Bought {
    account: AccountId,
    /// The id of its credit.
    id: String,
}

/// Reads a refund or a dispute from Stripe, and takes or restores what it is of.
pub async fn reconcile(
    desk: Desk<'_>,
    reason: Reason,
    id: &ReversalId,
    now: Timestamp,
    patience: &Patience,
) -> Result<Outcome, Error> {
    let following = Following {
        desk,
        now,
        patience,
    };
    let found = following.read(reason, id).await?;
    let standing = standing(reason, found.status.as_deref());
    if standing == Standing::Asked {
        return Ok(Outcome::Nothing("inquiry"));
    }
    let bought = match Box::pin(following.bought(&found)).await? {
        Ok(bought) => bought,
        Err(outcome) => return Ok(outcome),
    };
    telemetry::account(&bought.account);
    let reversing = following.carry_out(&found, &bought, standing);
    match telemetry::step(Step::Commit, reversing).await? {
        Reversed::Recorded(sparks) => {
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
            Ok(Outcome::Done)
        }
        Reversed::Replayed => Ok(Outcome::Done),
        Reversed::Nothing => Ok(Outcome::Nothing("nothing_granted")),
        Reversed::NoShare => Ok(Outcome::Unclear("no_share")),
        // What was read may be older than its end. When Stripe still says so, somebody has to look.
        Reversed::Ended => {
            let again = following.read(reason, id).await?;
            if self::standing(reason, again.status.as_deref()) == Standing::Taken {
                warn!(reversal.id = %found.id, "`{}` is taken again after its end", found.id);
                return Ok(Outcome::Unclear("taken_again"));
            }
            Ok(Outcome::Done)
        }
    }
}

fn standing(reason: Reason, status: Option<&str>) -> Standing {
    match (reason, status.unwrap_or_default()) {
        (Reason::Refund, "failed" | "canceled") | (Reason::Dispute, "won" | "prevented") => {
            Standing::Ended
        }
        (Reason::Dispute, status) if status.starts_with("warning_") => Standing::Asked,
        _ => Standing::Taken,
    }
}

/// One refund or dispute that is followed.
struct Following<'a> {
    desk: Desk<'a>,
    now: Timestamp,
    patience: &'a Patience,
}

impl Following<'_> {
    async fn read(&self, reason: Reason, id: &ReversalId) -> Result<MoneyBack, Error> {
        let timeout = self.patience.left().min(STRIPE_TIMEOUT);
        let found = self.desk.stripe.money_back(reason, id, timeout).await?;
        found.ok_or(Error::NotThere)
    }

    async fn carry_out(
        &self,
        found: &MoneyBack,
        bought: &Bought,
        standing: Standing,
    ) -> Result<Reversed, Error> {
        let (ledger, now, patience) = (self.desk.ledger, self.now, self.patience);
        let new = NewReversal {
            id: found.id.to_string(),
            account: bought.account.clone(),
            purchase: bought.id.clone(),
            amount: found.amount,
            currency: found.currency.clone(),
        };
        Ok(if standing == Standing::Taken {
            ledger.reverse(&new, now, patience).await?
        } else {
            ledger.restore(&new, now, patience).await?
        })
    }

    /// The purchase that a refund or a dispute is of, credited first where it was not; or else what becomes of it.
    async fn bought(&self, found: &MoneyBack) -> Result<Result<Bought, Outcome>, Error> {
        match paid_at(self.desk, found, self.patience).await? {
            PaidAt::Session(session) => self.sold(&session).await,
            PaidAt::Invoice(invoice) => self.subscribed(&invoice).await,
            PaidAt::Elsewhere(reason) => Ok(Err(Outcome::Nothing(reason))),
        }
    }

    async fn sold(&self, session: &SessionId) -> Result<Result<Bought, Outcome>, Error> {
        let (now, patience) = (self.now, self.patience);
        let page = match payment::page(self.desk, session, now, patience).await? {
            Page::Known(page) => page,
            Page::NotOurs(reason) => return Ok(Err(Outcome::Nothing(reason))),
            Page::Unclear(reason) => return Ok(Err(Outcome::Unclear(reason))),
        };
        match payment::reconcile_checkout(self.desk, &page, now, patience).await {
            // It is kept already, and nothing was credited.
            Ok(_) | Err(payment::Error::Mismatch(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Ok(Bought {
            account: page.account,
            id: session.to_string(),
        }))
    }

    async fn subscribed(&self, id: &InvoiceId) -> Result<Result<Bought, Outcome>, Error> {
        match invoice::reconcile(self.desk, id, self.now, self.patience).await {
            Ok(invoice::Outcome::Granted(..)) => {}
            Ok(invoice::Outcome::Nothing(reason) | invoice::Outcome::NotOurs(reason)) => {
                return Ok(Err(Outcome::Nothing(reason)));
            }
            // One that is not what the plan's terms say may be granted yet, once somebody has mended the terms. Until
            // then this is not done with, and Stripe sends it again.
            Err(error) => return Err(error.into()),
        }
        let ledger = self.desk.ledger;
        let account = ledger.account_of_credit(id.as_str(), self.patience).await?;
        let lost = || ledger::Error::Broken("an invoice's credit is gone".into());
        Ok(Ok(Bought {
            account: account.ok_or_else(lost)?,
            id: id.to_string(),
        }))
    }
}

/// Where was paid what goes back.
enum PaidAt {
    /// At this page.
    Session(SessionId),
    /// With this invoice.
    Invoice(InvoiceId),
    /// At another product or deployment, as this reason says.
    Elsewhere(&'static str),
}

/// Follows a refund or a dispute to where its payment was made. Nothing is written.
async fn paid_at(desk: Desk<'_>, found: &MoneyBack, patience: &Patience) -> Result<PaidAt, Error> {
    let Some(payment) = &found.payment_intent else {
        return Ok(PaidAt::Elsewhere("other_product"));
    };
    let timeout = || patience.left().min(STRIPE_TIMEOUT);
    let payment = desk.stripe.payment(payment, timeout()).await?;
    let payment = payment.ok_or(Error::NotThere)?;
    let written = |key| payment.metadata.get(key).map(String::as_str);
    match (written(STAGE), written(INTENT)) {
        // A subscription's payments carry nothing; their invoice leads to it.
        (None, _) => {
            let invoice = desk.stripe.invoice_of_payment(&payment.id, timeout());
            let invoice = invoice.await?.map(PaidAt::Invoice);
            Ok(invoice.unwrap_or(PaidAt::Elsewhere("other_product")))
        }
        (Some(stage), _) if stage != desk.terms.stage => Ok(PaidAt::Elsewhere("other_stage")),
        _ => {
            let session = desk.stripe.session_of_payment(&payment.id, timeout());
            Ok(PaidAt::Session(session.await?.ok_or(Error::NotThere)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_taken_from_when_it_is_gone_until_it_is_back() {
        for (reason, status, expected) in [
            (Reason::Refund, Some("pending"), Standing::Taken),
            (Reason::Refund, Some("requires_action"), Standing::Taken),
            (Reason::Refund, Some("succeeded"), Standing::Taken),
            (Reason::Refund, None, Standing::Taken),
            (Reason::Refund, Some("failed"), Standing::Ended),
            (Reason::Refund, Some("canceled"), Standing::Ended),
            (
                Reason::Dispute,
                Some("warning_needs_response"),
                Standing::Asked,
            ),
            (
                Reason::Dispute,
                Some("warning_under_review"),
                Standing::Asked,
            ),
            (Reason::Dispute, Some("warning_closed"), Standing::Asked),
            (Reason::Dispute, Some("needs_response"), Standing::Taken),
            (Reason::Dispute, Some("under_review"), Standing::Taken),
            (
                Reason::Dispute,
                Some("appeal_under_review"),
                Standing::Taken,
            ),
            (Reason::Dispute, Some("lost"), Standing::Taken),
            (Reason::Dispute, Some("won"), Standing::Ended),
            (Reason::Dispute, Some("prevented"), Standing::Ended),
        ] {
            assert_eq!(standing(reason, status), expected, "{reason:?} {status:?}");
        }
    }
}
