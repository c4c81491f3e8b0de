//! Verification of a payment: how its page was left, and what was credited for it.

use jiff::Timestamp;
use serde::Serialize;
use tracing::info;

use super::Error;
use crate::desk::Desk;
use crate::id::{AccountId, SessionId};
use crate::patience::Patience;
use crate::payment::{self, Payment, Status};
use crate::sparks::Sparks;

/// How a page was left.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// The page's id.
    pub session_id: SessionId,
    /// How it stands.
    pub status: Status,
    /// What is bought there.
    pub item: String,
    /// What was credited for it.
    pub sparks_credited: Sparks,
    /// The balance.
    pub balance: Available,
}

/// A balance without its grants.
#[derive(Debug, Serialize)]
pub struct Available {
    /// What can be spent; negative is a debt.
    pub available: Sparks,
}

/// Says how a page was left, and credits it when it is paid. Once credited, Stripe is not asked any more.
pub async fn verify(
    desk: Desk<'_>,
    account: &AccountId,
    session: &SessionId,
    now: Timestamp,
    patience: &Patience,
) -> Result<Verified, Error> {
    let ledger = desk.ledger;
    let found = ledger.find_checkout(session, account, patience).await?;
    let found = found.ok_or(Error::NotFound)?;
    let payment = if let Some(credited) = found.credited {
        let settled = ledger.settle(account, credited.account, now, patience);
        Payment {
            status: Status::Paid,
            credited: credited.sparks,
            available: settled.await?.available,
        }
    } else {
        let page = &found.checkout;
        payment::reconcile_checkout(desk, page, now, patience).await?
    };
    info!(
        account.id = %account, session.id = %session, status = payment.status.as_str(), sparks = %payment.credited,
        "verified `{session}`"
    );
    Ok(Verified {
        session_id: session.clone(),
        status: payment.status,
        item: found.checkout.item,
        sparks_credited: payment.credited,
        balance: Available {
            available: payment.available,
        },
    })
}
