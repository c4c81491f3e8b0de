//! Grants the first period of a plan bought in a session, and follows its subscription.

use tracing::{info, warn};

use super::Error;
use crate::ledger::Account;
use crate::payments::Payments;
use crate::payments::invoice;
use crate::payments::orders::CheckoutSession;
use crate::payments::outcome::NoGrant;
use crate::payments::subscription::{self, StoredSubscription};
use crate::process::deadline::Deadline;
use crate::process::telemetry;
use crate::providers::stripe;
use crate::words::id::InvoiceId;
use crate::words::sparks::Sparks;

/// Grants a plan's first period, and notes on the session which invoice paid for it. Returns the Sparks and the account.
///
/// The order is settled once three things hold: the period is granted or never will be, the subscription is stored for
/// the outbox to follow, and no other session of the account sells a plan. Until then, the outbox checks the order.
pub(super) async fn grant(
    payments: &Payments,
    session: &CheckoutSession,
    invoice: Option<&InvoiceId>,
    deadline: &Deadline,
) -> Result<(Sparks, Option<Account>), Error> {
    let ledger = &payments.ledger;
    let outcome = match invoice {
        Some(invoice) => invoice::reconcile(payments, invoice, deadline).await?,
        None => invoice::Outcome::Nothing(NoGrant::NotPaid),
    };
    let settled = match &outcome {
        invoice::Outcome::Granted(..) => true,
        invoice::Outcome::Nothing(reason) => *reason != NoGrant::NotPaid,
        invoice::Outcome::NotOurs(_) => false,
    };
    if settled {
        match Box::pin(follow(payments, session, deadline)).await {
            Ok(()) => {
                payments
                    .orders
                    .settle_order(&session.order, deadline)
                    .await?;
            }
            // The period is granted; the outbox does the rest.
            Err(error) => warn!(
                error = telemetry::chain(&error), session.id = %session.id,
                "the subscription of `{}` is not stored yet", session.id
            ),
        }
    }
    let (credited, account) = match outcome {
        invoice::Outcome::Granted(sparks, account) => (sparks, account),
        invoice::Outcome::Nothing(_) | invoice::Outcome::NotOurs(_) => (Sparks::ZERO, None),
    };
    if let Some(invoice) = invoice.filter(|_| credited > Sparks::ZERO && session.invoice.is_none())
    {
        let noted = payments.orders.note_invoice(&session.id, invoice, deadline);
        noted.await?;
    }
    if account.is_some() {
        return Ok((credited, account));
    }
    let account = ledger.settled_account(&session.account, deadline);
    Ok((credited, account.await?))
}

/// Stores the subscription that a session started. Expires the account's other open sessions for plans.
///
/// There, the account could pay for a second plan.
async fn follow(
    payments: &Payments,
    session: &CheckoutSession,
    deadline: &Deadline,
) -> Result<(), subscription::Error> {
    let Payments { stripe, terms, .. } = payments;
    let all = subscription::sync(payments, &session.account, deadline).await?;
    if !all.iter().any(StoredSubscription::is_paid_for) {
        return Ok(());
    }
    let Some(customer) = payments
        .customers
        .links
        .customer(&session.account, deadline)
        .await?
        .customer
    else {
        return Ok(());
    };
    let timeout = || stripe::timeout(deadline);
    let open = stripe.open_plan_sessions(&customer, &terms.stage, timeout());
    for other in open.await?.iter().filter(|other| **other != session.id) {
        stripe.expire_session(other, timeout()).await?;
        info!(session.id = %other, "expired the session `{other}`: the account has a plan");
    }
    Ok(())
}
