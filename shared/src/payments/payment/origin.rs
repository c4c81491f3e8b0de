//! Finds the origin of a Checkout Session: this deployment, or another product or deployment.

use tracing::warn;

use super::Error;
use crate::ledger;
use crate::payments::Payments;
use crate::payments::incidents::Fault;
use crate::payments::orders::Checkout;
use crate::payments::outcome::OtherOwner;
use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, CheckoutSession, INTENT, STAGE};
use crate::words::id::{IntentId, SessionId};

/// The origin of a Checkout Session.
#[derive(Debug)]
pub enum SessionOrigin {
    /// This deployment made it.
    Ours(Checkout),
    /// It belongs to another product or deployment.
    NotOurs(OtherOwner),
    /// Its customer or metadata is ours, but it was not made here; the operator must look at it.
    Unclear(Fault<'static>),
}

/// Finds the page of a session, in the ledger or else by the session's metadata at Stripe.
///
/// The ledger lacks a page whose process ended between Stripe's answer and the write. Such a page is written now.
pub async fn origin(
    payments: &Payments,
    id: &SessionId,
    deadline: &Deadline,
) -> Result<SessionOrigin, Error> {
    let stripe = &payments.stripe;
    let stage = payments.terms.stage.as_str();
    if let Some(page) = payments.orders.checkout(id, deadline).await? {
        return Ok(SessionOrigin::Ours(page));
    }
    let timeout = stripe::timeout(deadline);
    let session = stripe.checkout_session(id, timeout).await?;
    let session = session.ok_or(Error::NoSession)?;
    let ours = |key| {
        let metadata = session.metadata.as_ref()?;
        metadata.get(key).map(String::as_str)
    };
    let (made_for, intent) = (ours(STAGE), ours(INTENT));
    match (made_for, intent.map(str::parse::<IntentId>)) {
        (None, None) => Ok(without_metadata(payments, &session, deadline).await?),
        (Some(other), _) if other != stage => Ok(SessionOrigin::NotOurs(OtherOwner::Stage)),
        (Some(_), Some(Ok(intent))) => {
            let Some(intent) = payments.orders.intent(&intent, deadline).await? else {
                let incidents = &payments.incidents;
                let kept = incidents.keep(id.as_str(), Fault::NoIntent, None, deadline);
                kept.await?;
                return Err(Error::NoIntent);
            };
            let page = Checkout {
                session: session.id,
                account: intent.account,
                intent: intent.id,
                item: intent.order.item,
                url: session.url,
                expires_at: intent.expires_at,
                invoice: None,
            };
            payments.orders.bind_checkout(&page, deadline).await?;
            warn!(session.id = %page.session, "restored the missing page `{}`", page.session);
            Ok(SessionOrigin::Ours(page))
        }
        _ => Ok(SessionOrigin::Unclear(Fault::Metadata)),
    }
}

/// Classifies a session that was not made here: another product's, or made by hand for a customer of ours.
async fn without_metadata(
    payments: &Payments,
    session: &CheckoutSession,
    deadline: &Deadline,
) -> Result<SessionOrigin, ledger::Error> {
    let customer = session.customer.as_deref().map(str::parse);
    let account = match customer {
        Some(Ok(customer)) => {
            payments
                .customers
                .links
                .account_of(&customer, deadline)
                .await?
        }
        _ => None,
    };
    Ok(match account {
        Some(_) => SessionOrigin::Unclear(Fault::NotMadeHere),
        None => SessionOrigin::NotOurs(OtherOwner::Product),
    })
}
