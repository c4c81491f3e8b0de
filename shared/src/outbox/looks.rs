//! Payments after the first: reads renewals, and refunds and disputes that may still change, from Stripe without
//! waiting for a webhook.

use super::{Outbox, Report, has_time, next_attempt};
use crate::delivery::{QueueItem, QueueItemKind};
use crate::ledger;
use crate::payments::Payments;
use crate::payments::{reversal, subscription};
use crate::process::deadline::Deadline;

/// A failure to check a subscription or a reversal.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the subscriptions could not be checked")]
    Subscription(#[from] subscription::Error),
    #[error("the refund or dispute could not be checked")]
    Reversal(#[from] reversal::Error),
}

/// Checks what is due. Each check schedules the next one itself; one that fails is put off.
pub(super) async fn work(
    outbox: &Outbox,
    payments: &Payments,
    due: &[QueueItem],
    deadline: &Deadline,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let now = outbox.clock.now();
    let at_once = &deadline.starting(now);
    for listed in due {
        if !has_time(deadline) {
            report.cut_short = true;
            return Ok(());
        }
        let looked: Result<(), Error> = if let QueueItemKind::Subscriptions(account) = listed.kind()
        {
            report.subscriptions += 1;
            let caught_up = subscription::catch_up(payments, account, at_once);
            Box::pin(caught_up).await.map_err(Error::from)
        } else if let QueueItemKind::Reversal(reason, id) = listed.kind() {
            report.reversals += 1;
            let reconciled = reversal::reconcile(payments, *reason, id, at_once);
            match Box::pin(reconciled).await {
                // The table was restored, or the key now belongs to another account.
                Ok(reversal::Outcome::NotOurs(_)) => {
                    payments
                        .open_reversals
                        .unfollow(*reason, id, deadline)
                        .await?;
                    Ok(())
                }
                outcome => outcome.map(drop).map_err(Error::from),
            }
        } else {
            continue;
        };
        if let Err(error) = looked {
            report.failed("a check", &error);
            let again = next_attempt(now, 5);
            outbox.queue.put_off(listed, again, deadline).await?;
        }
    }
    Ok(())
}
