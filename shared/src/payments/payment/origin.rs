//! Finds the origin of a Checkout Session: this deployment, or another product or deployment.

use tracing::warn;

use super::Error;
use crate::ledger;
use crate::payments::Payments;
use crate::payments::incidents::Fault;
use crate::payments::orders::CheckoutSession;
use crate::payments::outcome::OtherOwner;
use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, ORDER, STAGE};
use crate::words::id::{OrderId, SessionId};

/// The origin of a Checkout Session.
#[derive(Debug)]
pub enum SessionOrigin {
    /// This deployment made it.
    Ours(CheckoutSession),
    /// It belongs to another product or deployment.
    NotOurs(OtherOwner),
    /// Its customer or metadata is ours, but it was not made here. The operator must look at it.
    Unclear(Fault<'static>),
}

/// Finds a Checkout Session's origin, in the table or else by its metadata at Stripe.
///
/// The table lacks a session whose process ended between Stripe's answer and the write. Such a session is written now.
pub async fn origin(
    payments: &Payments,
    id: &SessionId,
    deadline: &Deadline,
) -> Result<SessionOrigin, Error> {
    let stripe = &payments.stripe;
    let stage = payments.terms.stage.as_str();
    if let Some(session) = payments.orders.session(id, deadline).await? {
        return Ok(SessionOrigin::Ours(session));
    }
    let timeout = stripe::timeout(deadline);
    let at_stripe = stripe.checkout_session(id, timeout).await?;
    let at_stripe = at_stripe.ok_or(Error::NoSession)?;
    let ours = |key| {
        let metadata = at_stripe.metadata.as_ref()?;
        metadata.get(key).map(String::as_str)
    };
    let (made_for, order) = (ours(STAGE), ours(ORDER));
    match (made_for, order.map(str::parse::<OrderId>)) {
        (None, None) => Ok(without_metadata(payments, &at_stripe, deadline).await?),
        (Some(other), _) if other != stage => Ok(SessionOrigin::NotOurs(OtherOwner::Stage)),
        (Some(_), Some(Ok(order))) => {
            let Some(order) = payments.orders.order(&order, deadline).await? else {
                let incidents = &payments.incidents;
                let kept = incidents.keep(id.as_str(), Fault::NoOrder, None, deadline);
                kept.await?;
                return Err(Error::NoOrder);
            };
            let session = CheckoutSession::of(&order, at_stripe.id, at_stripe.url);
            payments.orders.bind_session(&session, deadline).await?;
            warn!(session.id = %session.id, "restored the missing session `{}`", session.id);
            Ok(SessionOrigin::Ours(session))
        }
        _ => Ok(SessionOrigin::Unclear(Fault::Metadata)),
    }
}

/// Classifies a session that was not made here. It is another product's, or made by hand for a customer of ours.
async fn without_metadata(
    payments: &Payments,
    at_stripe: &stripe::CheckoutSession,
    deadline: &Deadline,
) -> Result<SessionOrigin, ledger::Error> {
    let links = &payments.customers.links;
    let account = links.account_named(at_stripe.customer.as_deref(), deadline);
    Ok(match account.await? {
        Some(_) => SessionOrigin::Unclear(Fault::NotMadeHere),
        None => SessionOrigin::NotOurs(OtherOwner::Product),
    })
}
