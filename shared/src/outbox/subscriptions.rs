//! Subscriptions that should have been renewed: what was paid is granted, though no webhook came and nobody asked.

use super::{Outbox, Report, has_time, next_attempt};
use crate::desk::Desk;
use crate::ledger::{self, Listed};
use crate::patience::Patience;
use crate::subscription;

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
        let Some(account) = listed.account() else {
            continue;
        };
        report.subscriptions += 1;
        let caught_up = subscription::catch_up(desk, &account, now, patience);
        // What is stored after it says when it is due again.
        if let Err(error) = Box::pin(caught_up).await {
            report.failed("a subscription", &error);
            let again = next_attempt(now, 5);
            desk.ledger.put_off(listed, again, patience).await?;
        }
    }
    Ok(())
}
