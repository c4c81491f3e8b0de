//! Warnings of card issuers that a payment may be fraud. Nothing is taken back before a refund or a dispute.

use super::Error;
use super::origin::{self, PaymentOrigin};
use crate::payments::Payments;
use crate::payments::incidents::Fault;
use crate::payments::invoice;
use crate::payments::outcome::{NoGrant, OtherOwner, Outcome};
use crate::process::deadline::Deadline;
use crate::providers::stripe;
use crate::words::entry_id::EntryId;
use crate::words::id::WarningId;

/// Keeps an incident about a payment that its card issuer suspects. So the operator can refund it in time.
/// <https://docs.stripe.com/disputes/measuring#early-fraud-warnings>
pub async fn warn_of_fraud(
    payments: &Payments,
    id: &WarningId,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let timeout = stripe::timeout(deadline);
    let warning = payments.stripe.fraud_warning(id, timeout).await?;
    let warning = warning.ok_or(Error::NotThere)?;
    let Some(payment) = &warning.payment_intent else {
        return Ok(Outcome::NotOurs(OtherOwner::Product));
    };
    let origin = origin::of_payment(payments, payment, deadline);
    let (purchase, account) = match origin.await? {
        PaymentOrigin::Session(id) => {
            let session = payments.orders.session(&id, deadline).await?;
            (id.to_string(), session.map(|session| session.account))
        }
        PaymentOrigin::Invoice(invoice) => {
            match invoice::reconcile(payments, &invoice, deadline).await {
                Ok(invoice::Outcome::NotOurs(owner)) => return Ok(Outcome::NotOurs(owner)),
                Ok(invoice::Outcome::Nothing(NoGrant::NoPlan)) => {
                    return Ok(Outcome::NotOurs(OtherOwner::Product));
                }
                // Even without a credit, the warning is about an invoice of ours.
                Ok(
                    invoice::Outcome::Granted(..)
                    | invoice::Outcome::Nothing(
                        NoGrant::NotPaid | NoGrant::CreditedBeforePayment | NoGrant::NothingToPay,
                    ),
                )
                | Err(invoice::Error::Mismatch(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let ledger = &payments.ledger;
            let account = ledger
                .account_of_credit(&EntryId::from(&invoice), deadline)
                .await?;
            (invoice.to_string(), account)
        }
        PaymentOrigin::NotOurs(owner) => return Ok(Outcome::NotOurs(owner)),
    };
    let (subject, fault) = (
        warning.id.as_str(),
        Fault::EarlyFraudWarning {
            payment,
            purchase: &purchase,
        },
    );
    let incidents = &payments.incidents;
    let kept = incidents.keep(subject, fault, account.as_ref(), deadline);
    kept.await?;
    Ok(Outcome::Done)
}
