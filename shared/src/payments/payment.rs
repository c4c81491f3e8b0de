//! Credits payments made at Stripe, once per session. No other code turns a payment into Sparks.
//!
//! Verification, webhooks, the outbox and the operator all call it with a session, in any order and any number of times.
//! The session is read from Stripe each time; nothing that a caller says about it is trusted.

mod origin;
mod plan;
mod verdict;

use serde::Serialize;
use tracing::{error, info};

use crate::ledger::{self, Credited, Holdings, Ledger, NewCredit, Purchase, Source};
use crate::payments::Payments;
use crate::payments::field::Field;
use crate::payments::incidents::Fault;
use crate::payments::invoice;
use crate::payments::orders::{CheckoutSession, Order, OrderStatus};
use crate::pricing::catalog::Kind;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Step};
use crate::providers::stripe;
use crate::words::entry_id::EntryId;
use crate::words::money::Money;
use crate::words::sparks::Sparks;
use verdict::Verdict;

pub use origin::{SessionOrigin, origin};

/// The status of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is paid, or there was nothing to pay. A pack is credited.
    Paid,
    /// The payment is processing.
    Processing,
    /// It is not paid: the buyer has not finished, or the payment failed.
    Unpaid,
    /// It ended without a payment.
    Expired,
}

impl Status {
    /// Returns the name on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Processing => "processing",
            Self::Unpaid => "unpaid",
            Self::Expired => "expired",
        }
    }
}

/// The state of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The status of the session.
    pub status: Status,
    /// The Sparks credited for it.
    pub credited: Sparks,
    /// The Sparks that the account can spend.
    pub available: Sparks,
}

/// A failure to check or credit a payment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not return the payment.
    #[error("stripe did not return the payment")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed. The payment may be credited or not; a retry finds out.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// Stripe has no session with this id, although it created it. The key belongs to another Stripe account.
    #[error("stripe has no such session; is the key another account's?")]
    NoSession,
    /// The session at Stripe is not what was ordered. An incident is kept for the operator.
    #[error("the session's `{0}` is not what was ordered")]
    Mismatch(Field),
    /// A plan's first period could not be granted.
    #[error("the plan's invoice was not granted")]
    Invoice(#[from] invoice::Error),
    /// The session names an order of this deployment that is not in the table.
    #[error("the session's order is not in the table")]
    NoOrder,
    /// A field of the session has a value that is not known here.
    #[error("the session's `{0}` has a value that is not known here")]
    Unknown(Field),
}

/// Reads a session from Stripe and acts on its status.
///
/// Credits a paid pack, grants the first period of a paid plan, and notes every other status.
pub async fn reconcile_checkout(
    payments: &Payments,
    session: &CheckoutSession,
    deadline: &Deadline,
) -> Result<Payment, Error> {
    let Payments { ledger, stripe, .. } = payments;
    let timeout = || stripe::timeout(deadline);
    let (at_stripe, known) = tokio::join!(
        stripe.checkout_session(&session.id, timeout()),
        payments.orders.order_and_account(session, deadline)
    );
    let (mut at_stripe, (order, account)) = (at_stripe?.ok_or(Error::NoSession)?, known?);
    if let Some(invoice) = at_stripe.invoice_without_payment() {
        at_stripe.payment_intent = stripe.payment_of_invoice(invoice, timeout()).await?;
    }
    let (status, noted) = match verdict::of(&at_stripe, &order, stripe.livemode()) {
        Verdict::Paid if order.terms.kind == Kind::Pack => {
            let paid = PaidPack { at_stripe, order };
            return credit(ledger, paid, account, deadline).await;
        }
        Verdict::Paid => {
            let granting = plan::grant(payments, session, at_stripe.invoice.as_ref(), deadline);
            let (credited, account) = Box::pin(granting).await?;
            return Ok(Payment {
                status: Status::Paid,
                credited,
                available: account.map_or(Sparks::ZERO, |account| account.available),
            });
        }
        Verdict::Processing => (Status::Processing, OrderStatus::Processing),
        Verdict::Open => (Status::Unpaid, OrderStatus::Open),
        Verdict::Failed => (Status::Unpaid, OrderStatus::Unpaid),
        Verdict::Expired => (Status::Expired, OrderStatus::Expired),
        Verdict::Unknown(field) => {
            let (subject, account) = (session.id.as_str(), Some(&session.account));
            let fault = Fault::UnknownValue(field);
            let incidents = &payments.incidents;
            incidents.keep(subject, fault, account, deadline).await?;
            return Err(Error::Unknown(field));
        }
        Verdict::Mismatch(field) => {
            refuse(payments, session, &order, field, deadline).await?;
            return Err(Error::Mismatch(field));
        }
    };
    if order.status != noted {
        payments.orders.note_status(&order, noted, deadline).await?;
    }
    let account = match account {
        Some(found) => {
            let settled = ledger.settle(&session.account, found.account, deadline);
            Some(settled.await?)
        }
        None => None,
    };
    Ok(Payment {
        status,
        credited: Sparks::ZERO,
        available: account.map_or(Sparks::ZERO, |account| account.available),
    })
}

/// A paid pack.
struct PaidPack {
    at_stripe: stripe::CheckoutSession,
    order: Order,
}

/// Credits a pack under its session's id, and marks its order paid, in one transaction.
async fn credit(
    ledger: &Ledger,
    PaidPack { at_stripe, order }: PaidPack,
    account: Option<Holdings>,
    deadline: &Deadline,
) -> Result<Payment, Error> {
    let credited = order.terms.sparks;
    let nothing = Money::new(0, order.terms.price.currency());
    let credit = NewCredit {
        id: EntryId::from(&at_stripe.id),
        account: order.account.clone(),
        source: Source::Pack,
        sparks: credited,
        expires_at: None,
        reason: None,
        free_plan: false,
        purchase: Some(Purchase {
            total: at_stripe.total().unwrap_or(nothing),
            payment_intent: at_stripe.payment_intent.map(|payment| payment.id().clone()),
            order: Some(order.id),
            terms: order.terms,
        }),
    };
    let crediting = ledger.credit_found(account, &credit, deadline);
    let account = match telemetry::step(Step::Commit, crediting).await? {
        Credited::Recorded(account) => {
            telemetry::credited(credited);
            info!(
                account.id = %credit.account,
                session.id = %credit.id,
                credit.sparks = %credited,
                "credited {credited} Sparks for `{}`", credit.id
            );
            Some(account)
        }
        Credited::Replayed => ledger.settled_account(&credit.account, deadline).await?,
        // The id is Stripe's, the account and the Sparks are the order's: it cannot be another credit.
        Credited::Reused | Credited::TooMany => {
            return Err(
                ledger::Error::Broken("a session was credited as something else".into()).into(),
            );
        }
    };
    Ok(Payment {
        status: Status::Paid,
        credited,
        available: account.map_or(Sparks::ZERO, |account| account.available),
    })
}

/// Refuses the order of a session that is not what was ordered. Keeps an incident.
async fn refuse(
    payments: &Payments,
    session: &CheckoutSession,
    order: &Order,
    field: Field,
    deadline: &Deadline,
) -> Result<(), ledger::Error> {
    error!(
        session.id = %session.id,
        session.field = field.as_str(),
        "the `{field}` of `{}` is not what was ordered; `sparks doctor` lists it", session.id
    );
    let Payments {
        orders, incidents, ..
    } = payments;
    let fault = Fault::MismatchedSession(field);
    orders
        .refuse(order, session, incidents, fault, deadline)
        .await
}
