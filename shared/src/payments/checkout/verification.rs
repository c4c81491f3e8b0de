//! Verification of a payment: its Checkout Session's state, and the Sparks credited for it.

use serde::Serialize;
use tracing::info;

use super::Error;
use crate::payments::Payments;
use crate::payments::payment::{self, Payment, Status};
use crate::process::deadline::Deadline;
use crate::words::id::{AccountId, SessionId};
use crate::words::sparks::Sparks;

/// The state of a payment, as the API returns it.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The session's id.
    pub session_id: SessionId,
    /// The status of the payment.
    pub status: Status,
    /// The pack or plan.
    pub item: String,
    /// The Sparks credited for it.
    pub sparks_credited: Sparks,
    /// The balance.
    pub balance: Available,
}

/// A balance without its grants.
#[derive(Debug, Serialize)]
pub struct Available {
    /// The Sparks that can be spent; a negative number is a debt.
    pub available: Sparks,
}

/// Verifies a payment, and credits it if it is paid. Once it is credited, no call to Stripe is made.
pub async fn verify(
    payments: &Payments,
    account: &AccountId,
    session: &SessionId,
    deadline: &Deadline,
) -> Result<Verification, Error> {
    let ledger = &payments.ledger;
    let found = payments
        .orders
        .find_session(session, account, deadline)
        .await?;
    let found = found.ok_or(Error::NotFound)?;
    let payment = if let Some(credit) = found.credit {
        let settled = ledger.settle(account, credit.account, deadline);
        Payment {
            status: Status::Paid,
            credited: credit.sparks,
            available: settled.await?.available,
        }
    } else {
        payment::reconcile_checkout(payments, &found.session, deadline).await?
    };
    info!(
        account.id = %account, session.id = %session, status = payment.status.as_str(), sparks = %payment.credited,
        "verified `{session}`"
    );
    Ok(Verification {
        session_id: session.clone(),
        status: payment.status,
        item: found.session.item,
        sparks_credited: payment.credited,
        balance: Available {
            available: payment.available,
        },
    })
}
