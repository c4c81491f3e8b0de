//! `sparks reconcile`: compares a day with Stripe and Langfuse, or processes one object at Stripe as its webhook would.

mod day;
mod hour;
mod look;
mod meter;
mod payments;
mod report;
mod reversals;
mod table;
mod traces;

pub(crate) use day::day;
use serde_json::json;
use shared::ledger::Ledger;
use shared::payments::desk::Desk as Payments;
use shared::payments::invoice::{self, Outcome};
use shared::payments::payment::{self, Page};
use shared::payments::reversal;
use shared::pricing::catalog::Terms;
use shared::providers::stripe::Stripe;
use shared::words::id::{InvoiceId, ReversalId, SessionId};
use shared::words::reversal_kind::ReversalKind;
use shared::words::sparks::Sparks;

use crate::{Desk, Error};

/// The ledger, the Stripe account and the terms of a deployment.
struct Access {
    ledger: Ledger,
    stripe: Stripe,
    terms: Terms,
}

impl Access {
    fn of(desk: &Desk<'_>) -> Result<Self, Error> {
        Ok(Self {
            ledger: desk.ledger()?,
            stripe: desk.stripe()?,
            terms: desk.environment.plan_terms()?,
        })
    }

    fn payments(&self) -> Payments<'_> {
        Payments {
            ledger: &self.ledger,
            stripe: &self.stripe,
            terms: &self.terms,
        }
    }
}

/// Reads a session from Stripe, and credits it if it is paid and not credited yet.
pub(crate) async fn session(desk: &mut Desk<'_>, session: SessionId) -> Result<(), Error> {
    let (access, now) = (Access::of(desk)?, desk.clock.now());
    let payments = access.payments();
    let page = match payment::page(payments, &session, now, &desk.patience).await {
        Ok(Page::Known(page)) => page,
        Ok(_) | Err(payment::Error::NoSession) => return Err(Error::NoSession(session)),
        Err(error) => return Err(error.into()),
    };
    let found = payment::reconcile_checkout(payments, &page, now, &desk.patience).await?;
    let (account, session) = (&page.account, &page.session);
    if desk.json {
        let found = json!({
            "session_id": session, "account_id": account, "status": found.status,
            "sparks_credited": found.credited, "available": found.available,
        });
        writeln!(desk.out, "{found}")?;
    } else {
        let status = found.status.as_str();
        writeln!(
            desk.out,
            "{session} of {account} is {status}: {} Sparks credited, {} available",
            found.credited, found.available
        )?;
    }
    Ok(())
}

/// Reads an invoice from Stripe, and grants the Sparks that it has paid for, once.
pub(crate) async fn invoice(desk: &mut Desk<'_>, id: InvoiceId) -> Result<(), Error> {
    let (access, now) = (Access::of(desk)?, desk.clock.now());
    let (credited, why) =
        match invoice::reconcile(access.payments(), &id, now, &desk.patience).await {
            Ok(Outcome::Granted(sparks, _)) => (sparks, None),
            Ok(Outcome::Nothing(reason)) => (Sparks::ZERO, Some(reason)),
            Ok(Outcome::NotOurs(_)) | Err(invoice::Error::NoInvoice) => {
                return Err(Error::NoInvoice(id));
            }
            Err(error) => return Err(error.into()),
        };
    if desk.json {
        let found = json!({ "invoice": id, "sparks_credited": credited, "reason": why });
        writeln!(desk.out, "{found}")?;
        return Ok(());
    }
    match why {
        None => writeln!(desk.out, "{id}: {credited} Sparks credited")?,
        Some(reason) => writeln!(desk.out, "{id}: nothing to credit ({reason})")?,
    }
    Ok(())
}

/// Reads a refund, a dispute or a credit note from Stripe, and claws back or restores its Sparks.
pub(crate) async fn reversal(
    desk: &mut Desk<'_>,
    reason: ReversalKind,
    id: ReversalId,
) -> Result<(), Error> {
    let (access, now) = (Access::of(desk)?, desk.clock.now());
    match reversal::reconcile(access.payments(), reason, &id, now, &desk.patience).await? {
        reversal::Outcome::Done => {}
        reversal::Outcome::Nothing(why)
        | reversal::Outcome::NotOurs(why)
        | reversal::Outcome::Unclear(why) => return Err(Error::NoReversal(id, why)),
    }
    if desk.json {
        writeln!(desk.out, "{}", json!({ "reversal": id }))?;
    } else {
        writeln!(desk.out, "{id}: the ledger matches Stripe")?;
    }
    Ok(())
}
