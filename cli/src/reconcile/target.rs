//! The choice of what `sparks reconcile` processes: one day, or one object at Stripe.

use clap::Args;
use jiff::civil::Date;
use shared::words::id::{InvoiceId, ReversalId, SessionId};
use shared::words::reversal_kind::ReversalKind;

use super::{day, invoice, reversal, session};
use crate::{Console, Error};

/// The day to compare or the object to process, at most one; yesterday by default.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Target {
    /// Day to compare, in UTC, `YYYY-MM-DD`; yesterday by default.
    #[arg(long)]
    day: Option<Date>,
    /// Instead, credit the payment of this Checkout Session, `cs_…`.
    #[arg(long)]
    session: Option<SessionId>,
    /// Instead, credit the payment of this invoice, `in_…`.
    #[arg(long)]
    invoice: Option<InvoiceId>,
    /// Instead, claw back or restore the Sparks of this refund, `re_…`.
    #[arg(long)]
    refund: Option<ReversalId>,
    /// Instead, claw back or restore the Sparks of this dispute, `dp_…`.
    #[arg(long)]
    dispute: Option<ReversalId>,
    /// Instead, claw back or restore the Sparks of this credit note, `cn_…`.
    #[arg(long)]
    credit_note: Option<ReversalId>,
}

/// Processes the target of the command.
pub(crate) async fn run(console: &mut Console<'_>, target: Target) -> Result<(), Error> {
    if let Some(id) = target.session {
        return session(console, id).await;
    }
    if let Some(id) = target.invoice {
        return invoice(console, id).await;
    }
    let reversals = [
        (ReversalKind::Refund, target.refund),
        (ReversalKind::Dispute, target.dispute),
        (ReversalKind::CreditNote, target.credit_note),
    ];
    for (kind, id) in reversals {
        if let Some(id) = id {
            return reversal(console, kind, id).await;
        }
    }
    Box::pin(day(console, target.day)).await
}
