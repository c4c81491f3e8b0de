//! Finds the purchase behind a reversal: the session or invoice that asked for the payment.

use super::Error;
use crate::payments::Payments;
use crate::payments::outcome::OtherOwner;
use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, MoneyBack, ORDER, Paid, STAGE};
use crate::words::id::{InvoiceId, PaymentIntentId, SessionId};

/// The object that asked for a payment.
pub(super) enum PaymentOrigin {
    /// This Checkout Session.
    Session(SessionId),
    /// This invoice.
    Invoice(InvoiceId),
    /// An object of another product or deployment.
    NotOurs(OtherOwner),
}

/// Returns the origin of the payment that a refund, dispute or credit note reverses. Writes nothing.
pub(super) async fn of_reversal(
    payments: &Payments,
    found: &MoneyBack,
    deadline: &Deadline,
) -> Result<PaymentOrigin, Error> {
    match &found.of {
        Paid::Payment(payment) => of_payment(payments, payment, deadline).await,
        Paid::Invoice(invoice) => Ok(PaymentOrigin::Invoice(invoice.clone())),
        Paid::Unknown => Ok(PaymentOrigin::NotOurs(OtherOwner::Product)),
    }
}

/// Returns the origin of a payment. Writes nothing.
pub(super) async fn of_payment(
    payments: &Payments,
    payment: &PaymentIntentId,
    deadline: &Deadline,
) -> Result<PaymentOrigin, Error> {
    let timeout = || stripe::timeout(deadline);
    let payment = payments.stripe.payment(payment, timeout()).await?;
    let payment = payment.ok_or(Error::NotThere)?;
    let written = |key| payment.metadata.get(key).map(String::as_str);
    match (written(STAGE), written(ORDER)) {
        // A subscription's payments have no metadata; they are found by their invoice.
        (None, _) => {
            let invoice = payments.stripe.invoice_of_payment(&payment.id, timeout());
            let invoice = invoice.await?.map(PaymentOrigin::Invoice);
            Ok(invoice.unwrap_or(PaymentOrigin::NotOurs(OtherOwner::Product)))
        }
        (Some(stage), _) if stage != payments.terms.stage => {
            Ok(PaymentOrigin::NotOurs(OtherOwner::Stage))
        }
        _ => {
            let session = payments.stripe.session_of_payment(&payment.id, timeout());
            Ok(PaymentOrigin::Session(
                session.await?.ok_or(Error::NotThere)?,
            ))
        }
    }
}
