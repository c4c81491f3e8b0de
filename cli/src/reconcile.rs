//! `sparks reconcile`: does for a payment what its webhook or its verification would have done.

use serde_json::json;
use shared::id::SessionId;
use shared::payment::{self, Shop};

use crate::{Desk, Error};

/// Reads a session from Stripe, and credits it when it is paid and was not credited yet.
pub(crate) async fn session(desk: &mut Desk<'_>, session: SessionId) -> Result<(), Error> {
    let (ledger, stripe) = (desk.ledger()?, desk.stripe()?);
    let page = ledger.checkout(&session, &desk.patience).await?;
    let page = page.ok_or(Error::NoSession(session))?;
    let now = desk.clock.now();
    let terms = desk.environment.plan_terms()?;
    let shop = Shop {
        ledger: &ledger,
        stripe: &stripe,
        terms: &terms,
    };
    let found = payment::reconcile_checkout(shop, &page, now, &desk.patience).await?;
    let (account, session) = (&page.account, &page.session);
    if desk.json {
        let found = json!({
            "session_id": session, "account_id": account, "status": found.status,
            "sparks_credited": found.credited, "available": found.available,
        });
        writeln!(desk.out, "{found}")?;
    } else {
        let status = serde_json::to_value(found.status)?;
        let status = status.as_str().unwrap_or_default();
        writeln!(
            desk.out,
            "{session} of {account} is {status}: {} Sparks credited, {} available",
            found.credited, found.available
        )?;
    }
    Ok(())
}
