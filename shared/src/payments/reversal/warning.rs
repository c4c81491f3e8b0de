//! Warnings of card issuers that a payment may be fraud. Nothing is taken back before a refund or a dispute.

use super::{Error, Outcome, PaidAt, paid_with};
use crate::payments::Payments;
use crate::payments::incidents::Incident;
use crate::payments::invoice;
use crate::process::deadline::Deadline;
use crate::providers::stripe;
use crate::words::entry_id::EntryId;
use crate::words::id::WarningId;

/// Keeps an incident about a payment that its card issuer suspects, so that the operator can refund it in time.
/// <https://docs.stripe.com/disputes/measuring#early-fraud-warnings>
pub async fn warn_of_fraud(
    payments: &Payments,
    id: &WarningId,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let now = deadline.start();
    let timeout = stripe::timeout(deadline);
    let warning = payments.stripe.fraud_warning(id, timeout).await?;
    let warning = warning.ok_or(Error::NotThere)?;
    let Some(payment) = &warning.payment_intent else {
        return Ok(Outcome::NotOurs("other_product"));
    };
    let (purchase, account) = match paid_with(payments, payment, deadline).await? {
        PaidAt::Session(session) => {
            let page = payments.orders.checkout(&session, deadline).await?;
            (session.to_string(), page.map(|page| page.account))
        }
        PaidAt::Invoice(invoice) => {
            match invoice::reconcile(payments, &invoice, deadline).await {
                Ok(invoice::Outcome::NotOurs(reason)) => return Ok(Outcome::NotOurs(reason)),
                Ok(invoice::Outcome::Nothing(invoice::NO_PLAN)) => {
                    return Ok(Outcome::NotOurs("other_product"));
                }
                // Even without a credit, the warning is about an invoice of ours.
                Ok(_) | Err(invoice::Error::Mismatch(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let ledger = &payments.ledger;
            let account = ledger
                .account_of_credit(&EntryId::from(&invoice), deadline)
                .await?;
            (invoice.to_string(), account)
        }
        PaidAt::Elsewhere(reason) => return Ok(Outcome::NotOurs(reason)),
    };
    let incident = Incident {
        subject: warning.id.to_string(),
        code: "early_fraud_warning".to_owned(),
        detail: format!(
            "The card issuer suspects that `{payment}`, which paid `{purchase}`, is fraud. Nothing is taken back before a refund or a dispute."
        ),
        account,
        seen_at: now,
    };
    payments
        .incidents
        .keep_incident(&incident, deadline)
        .await?;
    Ok(Outcome::Done)
}
