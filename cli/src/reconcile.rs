//! `sparks reconcile`: compares a day with Stripe and Langfuse, and does for a payment what its webhook or its
//! verification would have done.

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
use shared::desk::Desk as Payments;
use shared::id::SessionId;
use shared::payment::{self, Page};

use crate::{Desk, Error};

/// Reads a session from Stripe, and credits it when it is paid and was not credited yet.
pub(crate) async fn session(desk: &mut Desk<'_>, session: SessionId) -> Result<(), Error> {
    let (ledger, stripe) = (desk.ledger()?, desk.stripe()?);
    let terms = desk.environment.plan_terms()?;
    let now = desk.clock.now();
    let payments = Payments {
        ledger: &ledger,
        stripe: &stripe,
        terms: &terms,
    };
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
