//! Checks orders that are not settled after their page has ended, and credits what was paid.
//!
//! This finds payments without a webhook or a verification.

use jiff::{SignedDuration, Timestamp};

use super::{CheckOutcome, Error};
use crate::delivery::QueueItem;
use crate::ledger;
use crate::outbox::{Outbox, Report};
use crate::payments::Payments;
use crate::payments::orders::{Checkout, CheckoutStatus, Intent};
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
    let intent = match payments.orders.listed_intent(item, deadline).await {
        Ok(Some(intent)) => intent,
        Ok(None) => return Ok(CheckOutcome::Scheduled),
        Err(error @ ledger::Error::Malformed(_)) => {
            let what = "an order that cannot be read";
            return Ok(CheckOutcome::Failed(what, Error::Unreadable(error)));
        }
        Err(error) => return Err(error),
    };
    report.payments += 1;
    Ok(
        match Box::pin(look_into(outbox, payments, &intent, deadline)).await {
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
    intent: &Intent,
    deadline: &Deadline,
) -> Result<(), Error> {
    let now = outbox.clock.now();
    let page = match &intent.session {
        Some(session) => payments.orders.checkout(session, deadline).await?,
        None => find_page(payments, intent, deadline).await?,
    };
    if let Some(page) = page {
        payment::reconcile_checkout(payments, &page, &deadline.starting(now)).await?;
        return Ok(());
    }
    // The page was never opened, and can no longer be.
    let expired = CheckoutStatus::Expired;
    payments
        .orders
        .note_checkout(intent, expired, deadline)
        .await?;
    Ok(())
}

/// Finds the page of an intent whose process ended before writing it, among the customer's sessions at Stripe.
async fn find_page(
    payments: &Payments,
    intent: &Intent,
    deadline: &Deadline,
) -> Result<Option<Checkout>, Error> {
    let customer = payments
        .customers
        .links
        .customer(&intent.account, deadline)
        .await?;
    let Some(customer) = customer.customer else {
        return Ok(None);
    };
    let timeout = stripe::timeout(deadline);
    let found = payments
        .stripe
        .session_of_intent(&customer, &intent.id, timeout)
        .await?;
    let Some(session) = found else {
        return Ok(None);
    };
    let page = Checkout {
        session,
        account: intent.account.clone(),
        intent: intent.id.clone(),
        item: intent.order.item.clone(),
        url: None,
        expires_at: intent.expires_at,
        invoice: None,
    };
    payments.orders.bind_checkout(&page, deadline).await?;
    Ok(Some(page))
}
