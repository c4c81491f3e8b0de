//! Grants the first period of a plan that was bought in a page, and follows its subscription.

use tracing::{info, warn};

use super::Error;
use crate::ledger::Account;
use crate::payments::Payments;
use crate::payments::invoice;
use crate::payments::orders::Checkout;
use crate::payments::outcome::NoGrant;
use crate::payments::subscription::{self, Subscribed};
use crate::process::deadline::Deadline;
use crate::process::telemetry;
use crate::providers::stripe;
use crate::words::id::InvoiceId;
use crate::words::sparks::Sparks;

/// Grants a plan's first period, and notes on the page which invoice paid for it. Returns the Sparks and the account.
///
/// The intent is settled once the period is granted or never will be, the subscription is stored, so that the outbox
/// follows its renewals, and no other page of the account sells a plan. Until then, the outbox checks the intent.
pub(super) async fn grant(
    payments: &Payments,
    page: &Checkout,
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
        match Box::pin(follow(payments, page, deadline)).await {
            Ok(()) => {
                payments
                    .orders
                    .settle_intent(&page.intent, deadline)
                    .await?;
            }
            // The period is granted; the outbox does the rest.
            Err(error) => warn!(
                error = telemetry::chain(&error), session.id = %page.session,
                "the subscription of `{}` is not stored yet", page.session
            ),
        }
    }
    let (credited, account) = match outcome {
        invoice::Outcome::Granted(sparks, account) => (sparks, account),
        invoice::Outcome::Nothing(_) | invoice::Outcome::NotOurs(_) => (Sparks::ZERO, None),
    };
    if let Some(invoice) = invoice.filter(|_| credited > Sparks::ZERO && page.invoice.is_none()) {
        let noted = payments
            .orders
            .note_invoice(&page.session, invoice, deadline);
        noted.await?;
    }
    if account.is_some() {
        return Ok((credited, account));
    }
    let account = ledger.settled_account(&page.account, deadline);
    Ok((credited, account.await?))
}

/// Stores the subscription that a page started, and expires the account's other open pages for plans.
///
/// There, the account could pay for a second plan.
async fn follow(
    payments: &Payments,
    page: &Checkout,
    deadline: &Deadline,
) -> Result<(), subscription::Error> {
    let Payments { stripe, terms, .. } = payments;
    let all = subscription::sync(payments, &page.account, deadline).await?;
    if !all.iter().any(Subscribed::is_paid_for) {
        return Ok(());
    }
    let Some(customer) = payments
        .customers
        .links
        .customer(&page.account, deadline)
        .await?
        .customer
    else {
        return Ok(());
    };
    let timeout = || stripe::timeout(deadline);
    let open = stripe.open_plan_sessions(&customer, &terms.stage, timeout());
    for other in open.await?.iter().filter(|other| **other != page.session) {
        stripe.expire_session(other, timeout()).await?;
        info!(session.id = %other, "expired the page `{other}`: the account has a plan");
    }
    Ok(())
}
