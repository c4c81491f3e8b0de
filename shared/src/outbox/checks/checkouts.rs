//! Checks orders that are not settled after their session has ended. Credits what was paid.
//!
//! This finds payments without a webhook or a verification.

use jiff::{SignedDuration, Timestamp};

use super::{CheckOutcome, Error};
use crate::delivery::QueueItem;
use crate::ledger;
use crate::outbox::{Outbox, Report};
use crate::payments::Payments;
use crate::payments::orders::{CheckoutSession, Order, OrderStatus};
use crate::payments::payment;
use crate::process::deadline::Deadline;
use crate::providers::stripe;

/// Time until an order that is not settled is checked again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Checks an order that is due.
pub(super) async fn check(
    outbox: &Outbox,
    payments: &Payments,
    item: &QueueItem,
    now: Timestamp,
    deadline: &Deadline,
    report: &mut Report,
) -> Result<CheckOutcome, ledger::Error> {
    let order = match payments.orders.listed_order(item, deadline).await {
        Ok(Some(order)) => order,
        Ok(None) => return Ok(CheckOutcome::Scheduled),
        Err(error @ ledger::Error::Malformed(_)) => {
            let what = "an order that cannot be read";
            return Ok(CheckOutcome::Failed(what, Error::Unreadable(error)));
        }
        Err(error) => return Err(error),
    };
    report.payments += 1;
    Ok(
        match Box::pin(look_into(outbox, payments, &order, deadline)).await {
            // An order that is settled by now is not listed any more, and stays so. An incident is kept for the
            // operator, who may correct the cause.
            Ok(())
            | Err(Error::Payment(payment::Error::Mismatch(_) | payment::Error::Unknown(_))) => {
                CheckOutcome::Again(now.saturating_add(AGAIN_AFTER).unwrap_or(now))
            }
            Err(error) => CheckOutcome::Failed("an order", error),
        },
    )
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

/// Finds the session of an order whose process ended before writing it. Searches the customer's sessions at Stripe.
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
    let session = CheckoutSession::of(order, id, None);
    payments.orders.bind_session(&session, deadline).await?;
    Ok(Some(session))
}
