//! `sparks reconcile`: compares a day with Stripe and Langfuse. Given one object at Stripe, does what its webhook
//! would do instead.

mod day;
mod hour;
mod look;
mod meter;
mod payments;
mod report;
mod reversals;
mod table;
mod target;
mod traces;

use day::day;
use serde_json::json;
use shared::payments::invoice::{self, Outcome};
use shared::payments::payment::{self, SessionOrigin};
use shared::payments::reversal;
use shared::words::id::{InvoiceId, ReversalId, SessionId};
use shared::words::reversal_kind::ReversalKind;
use shared::words::sparks::Sparks;
pub(crate) use target::{Target, run};

use crate::{Console, Error};

/// Reads a session from Stripe, and credits it if paid and not credited yet.
async fn session(console: &mut Console<'_>, id: SessionId) -> Result<(), Error> {
    let (payments, now) = (&console.payments()?, console.clock.now());
    let deadline = &console.deadline.starting(now);
    let session = match payment::origin(payments, &id, deadline).await {
        Ok(SessionOrigin::Ours(session)) => session,
        Ok(SessionOrigin::NotOurs(_) | SessionOrigin::Unclear(_))
        | Err(payment::Error::NoSession) => return Err(Error::NoSession(id)),
        Err(error) => return Err(error.into()),
    };
    let found = payment::reconcile_checkout(payments, &session, deadline).await?;
    let account = &session.account;
    if console.json {
        let found = json!({
            "session_id": id, "account_id": account, "status": found.status,
            "sparks_credited": found.credited, "available": found.available,
        });
        writeln!(console.out, "{found}")?;
    } else {
        let status = found.status.as_str();
        writeln!(
            console.out,
            "{id} of {account} is {status}: {} Sparks credited, {} available",
            found.credited, found.available
        )?;
    }
    Ok(())
}

/// Reads an invoice from Stripe, and grants the Sparks that it has paid for, once.
async fn invoice(console: &mut Console<'_>, id: InvoiceId) -> Result<(), Error> {
    let (payments, now) = (&console.payments()?, console.clock.now());
    let (credited, why) =
        match invoice::reconcile(payments, &id, &console.deadline.starting(now)).await {
            Ok(Outcome::Granted(sparks, _)) => (sparks, None),
            Ok(Outcome::Nothing(reason)) => (Sparks::ZERO, Some(reason.as_str())),
            Ok(Outcome::NotOurs(_)) | Err(invoice::Error::NoInvoice) => {
                return Err(Error::NoInvoice(id));
            }
            Err(error) => return Err(error.into()),
        };
    if console.json {
        let found = json!({ "invoice": id, "sparks_credited": credited, "reason": why });
        writeln!(console.out, "{found}")?;
        return Ok(());
    }
    match why {
        None => writeln!(console.out, "{id}: {credited} Sparks credited")?,
        Some(reason) => writeln!(console.out, "{id}: nothing to credit ({reason})")?,
    }
    Ok(())
}

/// Reads a refund, a dispute or a credit note from Stripe. Claws back or restores its Sparks.
async fn reversal(
    console: &mut Console<'_>,
    kind: ReversalKind,
    id: ReversalId,
) -> Result<(), Error> {
    let (payments, now) = (&console.payments()?, console.clock.now());
    let deadline = console.deadline.starting(now);
    let outcome = reversal::reconcile(payments, kind, &id, &deadline).await?;
    if let Some(reason) = outcome.reason() {
        return Err(Error::NoReversal(id, reason));
    }
    if console.json {
        writeln!(console.out, "{}", json!({ "reversal": id }))?;
    } else {
        writeln!(console.out, "{id}: the ledger matches Stripe")?;
    }
    Ok(())
}
