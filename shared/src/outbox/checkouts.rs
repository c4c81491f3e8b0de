//! Checks orders that are not settled after their session has ended, and credits what was paid.
//!
//! This finds payments without a webhook or a verification.

use jiff::SignedDuration;

use super::{Outbox, Report, has_time, next_attempt};
use crate::delivery::Listed;
use crate::ledger;
use crate::payments::Payments;
use crate::payments::orders::{CheckoutSession, Order, OrderStatus};
use crate::payments::payment;
use crate::process::deadline::Deadline;
use crate::providers::stripe;

/// Time until an order that is not settled is checked again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A failure to check an order.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the payment could not be checked")]
    Payment(#[from] payment::Error),
    #[error("stripe did not list the customer's sessions")]
    Stripe(#[from] crate::providers::stripe::Error),
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// Checks the orders that are due.
pub(super) async fn work(
    outbox: &Outbox,
    payments: &Payments,
    due: &[Listed],
    deadline: &Deadline,
    report: &mut Report,
) -> Result<(), ledger::Error> {
    let now = outbox.clock.now();
    for listed in due {
        if !has_time(deadline) {
            report.cut_short = true;
            return Ok(());
        }
        let order = match payments.orders.listed_order(listed, deadline).await {
            Ok(Some(order)) => order,
            Ok(None) => continue,
            Err(error @ ledger::Error::Malformed(_)) => {
                report.failed("an order that cannot be read", &error);
                let later = next_attempt(now, 5);
                outbox.queue.put_off(listed, later, deadline).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        report.payments += 1;
        let again = match Box::pin(look_into(outbox, payments, &order, deadline)).await {
            Ok(()) => now.saturating_add(AGAIN_AFTER).unwrap_or(now),
            // An incident is kept for the operator, who may correct the cause.
            Err(Error::Payment(payment::Error::Mismatch(_) | payment::Error::Unknown(_))) => {
                now.saturating_add(AGAIN_AFTER).unwrap_or(now)
            }
            Err(error) => {
                report.failed("an order", &error);
                next_attempt(now, 5)
            }
        };
        // One that is settled by now is not listed any more, and stays so.
        outbox.queue.put_off(listed, again, deadline).await?;
    }
    Ok(())
}

async fn look_into(
    outbox: &Outbox,
    payments: &Payments,
    order: &Order,
    deadline: &Deadline,
) -> Result<(), Error> {
    let now = outbox.clock.now();
    let session = match &order.session {
        Some(id) => payments.orders.session(id, deadline).await?,
        None => find_session(payments, order, deadline).await?,
    };
    if let Some(session) = session {
        payment::reconcile_checkout(payments, &session, &deadline.starting(now)).await?;
        return Ok(());
    }
    // The session was never opened, and can no longer be.
    let expired = OrderStatus::Expired;
    payments
        .orders
        .note_status(order, expired, deadline)
        .await?;
    Ok(())
}

/// Finds the session of an order whose process ended before writing it, among the customer's sessions at Stripe.
async fn find_session(
    payments: &Payments,
    order: &Order,
    deadline: &Deadline,
) -> Result<Option<CheckoutSession>, Error> {
    let customer = payments
        .customers
        .links
        .customer(&order.account, deadline)
        .await?;
    let Some(customer) = customer.customer else {
        return Ok(None);
    };
    let timeout = stripe::timeout(deadline);
    let found = payments
        .stripe
        .session_of_order(&customer, &order.id, timeout)
        .await?;
    let Some(id) = found else {
        return Ok(None);
    };
    let session = CheckoutSession {
        id,
        account: order.account.clone(),
        order: order.id.clone(),
        item: order.terms.item.clone(),
        url: None,
        expires_at: order.expires_at,
        invoice: None,
    };
    payments.orders.bind_session(&session, deadline).await?;
    Ok(Some(session))
}
