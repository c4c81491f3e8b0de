//! Checks payments at Stripe without waiting for a webhook. It covers orders, renewals, and refunds and disputes that
//! may still change.

mod checkouts;

use jiff::Timestamp;

use super::{Outbox, Report, has_time, next_attempt};
use crate::delivery::{QueueItem, QueueItemKind};
use crate::ledger;
use crate::payments::Payments;
use crate::payments::outcome::Outcome;
use crate::payments::{payment, reversal, subscription};
use crate::process::deadline::Deadline;
use crate::providers::stripe;
use crate::words::id::{AccountId, ReversalId};
use crate::words::reversal_kind::ReversalKind;

/// A failure to check a payment.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Unreadable(ledger::Error),
    #[error("the payment could not be checked")]
    Payment(#[from] payment::Error),
    #[error("stripe did not list the customer's sessions")]
    Stripe(#[from] stripe::Error),
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    #[error("the subscriptions could not be checked")]
    Subscription(#[from] subscription::Error),
    #[error("the refund or dispute could not be checked")]
    Reversal(#[from] reversal::Error),
}

/// The result of a check.
enum CheckOutcome {
    /// Nothing is left to check, or the check has scheduled the next one.
    Scheduled,
    /// It is checked again at this time.
    Again(Timestamp),
    /// The check of this object failed.
    Failed(&'static str, Error),
}

/// Checks what is due. A check that failed is put off and holds up no other.
pub(super) async fn work(
    outbox: &Outbox,
    payments: &Payments,
    due: &[QueueItem],
    deadline: &Deadline,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let now = outbox.clock.now();
    for item in due {
        if !has_time(deadline) {
            report.cut_short = true;
            return Ok(());
        }
        let outcome = match item.kind() {
            QueueItemKind::Order => {
                checkouts::check(outbox, payments, item, now, deadline, report).await?
            }
            QueueItemKind::Subscriptions(account) => {
                report.subscriptions += 1;
                check_subscriptions(payments, account, &deadline.starting(now)).await
            }
            QueueItemKind::Reversal(kind, id) => {
                report.reversals += 1;
                check_reversal(payments, *kind, id, now, deadline).await?
            }
            QueueItemKind::Usage | QueueItemKind::Parcel | QueueItemKind::Unknown => continue,
        };
        let again = match outcome {
            CheckOutcome::Scheduled => continue,
            CheckOutcome::Again(at) => at,
            CheckOutcome::Failed(what, error) => {
                report.failed(what, &error);
                next_attempt(now, 5)
            }
        };
        outbox.queue.put_off(item, again, deadline).await?;
    }
    Ok(())
}

/// Checks an account's subscriptions, which schedules the next check.
async fn check_subscriptions(
    payments: &Payments,
    account: &AccountId,
    deadline: &Deadline,
) -> CheckOutcome {
    match Box::pin(subscription::catch_up(payments, account, deadline)).await {
        Ok(()) => CheckOutcome::Scheduled,
        Err(error) => CheckOutcome::Failed("a check", error.into()),
    }
}

/// Checks a refund, a dispute or a credit note, which schedules the next check.
async fn check_reversal(
    payments: &Payments,
    kind: ReversalKind,
    id: &ReversalId,
    now: Timestamp,
    deadline: &Deadline,
) -> Result<CheckOutcome, ledger::Error> {
    let at_once = &deadline.starting(now);
    match Box::pin(reversal::reconcile(payments, kind, id, at_once)).await {
        // The table was restored, or the key now belongs to another account.
        Ok(Outcome::NotOurs(_)) => {
            let open = &payments.open_reversals;
            open.unfollow(kind, id, deadline).await?;
            Ok(CheckOutcome::Scheduled)
        }
        Ok(Outcome::Done | Outcome::Nothing(_) | Outcome::Mismatch | Outcome::Unclear(_)) => {
            Ok(CheckOutcome::Scheduled)
        }
        Err(error) => Ok(CheckOutcome::Failed("a check", error.into())),
    }
}
