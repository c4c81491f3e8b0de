//! Refunds and disputes that are not final: how they stand is read, though no webhook came.

use super::{Outbox, Report, has_time, next_attempt};
use crate::desk::Desk;
use crate::ledger::{self, Listed};
use crate::patience::Patience;
use crate::reversal;

/// Looks into what is due.
pub(super) async fn work(
    outbox: &Outbox,
    desk: Desk<'_>,
    due: &[Listed],
    patience: &Patience,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let now = outbox.clock.now();
    for listed in due {
        if !has_time(patience) {
            report.cut_short = true;
            return Ok(());
        }
        let Some((reason, id)) = listed.followed() else {
            continue;
        };
        report.reversals += 1;
        let reconciled = reversal::reconcile(desk, reason, &id, now, patience);
        // It says itself when it is due again.
        if let Err(error) = Box::pin(reconciled).await {
            report.failed("a refund or a dispute", &error);
            let again = next_attempt(now, 5);
            desk.ledger.put_off(listed, again, patience).await?;
        }
    }
    Ok(())
}
