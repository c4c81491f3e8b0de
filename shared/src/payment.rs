//! Credits what was paid at Stripe, once per page. This is the one way a payment becomes Sparks.
//!
//! Verification, webhooks, the sweep and the operator all come here with a page, whichever first and
//! however often. The page is read from Stripe each time; what anybody says about it is not believed.

mod verdict;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tracing::{error, info};

use crate::catalog::Kind;
use crate::ledger::{
    self, Account, Checkout, CheckoutStatus, Credited, Incident, Intent, Ledger, NewCredit,
    Purchase, Source,
};
use crate::patience::Patience;
use crate::sparks::Sparks;
use crate::stripe::{self, CheckoutSession, Stripe};
use verdict::Verdict;

/// How long one call of Stripe may take.
pub(crate) const STRIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is paid, or there was nothing to pay. A pack is credited.
    Paid,
    /// The money is on its way.
    Processing,
    /// It is not paid: the buyer has not finished, or the payment failed.
    Unpaid,
    /// It ended without a payment.
    Expired,
}

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// How the page stands.
    pub status: Status,
    /// What was credited for it.
    pub credited: Sparks,
    /// What the account can spend.
    pub available: Sparks,
}

/// Why nothing is known of a payment, or nothing is done with it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not say how it stands.
    #[error("stripe did not say how the payment stands")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed. Whether it is credited is unknown; asking again tells.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// Stripe has no page of this id, although it made it: the key is of another Stripe account.
    #[error("stripe has no such page; is its key of another account?")]
    NoSession,
    /// Stripe has something else than what was ordered. It is kept for somebody to look at.
    #[error("the session's `{0}` is not what was ordered")]
    Mismatch(&'static str),
    /// Stripe uses a word that is not known here.
    #[error("the session's `{0}` is a word that is not known here")]
    Unknown(&'static str),
}

/// Reads a page from Stripe and does what is due: credits a paid pack, notes everything else.
pub async fn reconcile_checkout(
    ledger: &Ledger,
    stripe: &Stripe,
    page: &Checkout,
    now: Timestamp,
    patience: &Patience,
) -> Result<Payment, Error> {
    let timeout = patience.left().min(STRIPE_TIMEOUT);
    let (session, known) = tokio::join!(
        stripe.checkout_session(&page.session, timeout),
        ledger.intent_and_account(page, patience)
    );
    let (session, (intent, account)) = (session?.ok_or(Error::NoSession)?, known?);
    let (status, noted) = match verdict::of(&session, &intent, stripe.livemode()) {
        Verdict::Paid if intent.order.kind == Kind::Pack => {
            let paid = Paid { session, intent };
            return credit(ledger, paid, account, now, patience).await;
        }
        Verdict::Paid => (Status::Paid, CheckoutStatus::Paid),
        Verdict::Processing => (Status::Processing, CheckoutStatus::Processing),
        Verdict::Open => (Status::Unpaid, CheckoutStatus::Open),
        Verdict::Failed => (Status::Unpaid, CheckoutStatus::Unpaid),
        Verdict::Expired => (Status::Expired, CheckoutStatus::Expired),
        Verdict::Unknown(field) => return Err(Error::Unknown(field)),
        Verdict::Mismatch(field) => {
            refuse(ledger, page, field, now, patience).await?;
            return Err(Error::Mismatch(field));
        }
    };
    if noted != CheckoutStatus::Open && intent.status != noted {
        ledger.note_checkout(&intent.id, noted, patience).await?;
    }
    let account = match account {
        Some(account) => Some(ledger.settle(&page.account, account, now, patience).await?),
        None => None,
    };
    Ok(Payment {
        status,
        credited: Sparks::ZERO,
        available: account.map_or(Sparks::ZERO, |account| account.available),
    })
}

/// A pack that is paid.
struct Paid {
    session: CheckoutSession,
    intent: Intent,
}

/// Credits a pack under the id of its page, and marks its intent as paid, in one transaction.
async fn credit(
    ledger: &Ledger,
    Paid { session, intent }: Paid,
    account: Option<Account>,
    now: Timestamp,
    patience: &Patience,
) -> Result<Payment, Error> {
    let credited = intent.order.sparks;
    let credit = NewCredit {
        id: session.id.to_string(),
        account: intent.account.clone(),
        source: Source::Pack,
        sparks: credited,
        expires_at: None,
        reason: None,
        free_plan: false,
        purchase: Some(Purchase {
            amount_paid: session.amount_total.unwrap_or_default(),
            payment_intent: session
                .payment_intent
                .map(|payment| payment.id().to_owned()),
            intent: Some(intent.id),
            order: intent.order,
        }),
    };
    let account = match ledger.credit_found(account, &credit, now, patience).await? {
        Credited::Recorded(account) => {
            info!(
                account.id = %credit.account,
                session.id = credit.id,
                credit.sparks = %credited,
                "credited {credited} Sparks for `{}`", credit.id
            );
            Some(account)
        }
        Credited::Replayed => {
            ledger
                .settled_account(&credit.account, now, patience)
                .await?
        }
        // The id is Stripe's, the account and the Sparks are the intent's: it cannot be another credit.
        Credited::Reused => {
            return Err(
                ledger::Error::Broken("a page was credited as something else".into()).into(),
            );
        }
    };
    Ok(Payment {
        status: Status::Paid,
        credited,
        available: account.map_or(Sparks::ZERO, |account| account.available),
    })
}

async fn refuse(
    ledger: &Ledger,
    page: &Checkout,
    field: &'static str,
    now: Timestamp,
    patience: &Patience,
) -> Result<(), Error> {
    error!(
        session.id = %page.session,
        session.field = field,
        "the `{field}` of `{}` is not what was ordered; `sparks doctor` lists it", page.session
    );
    let incident = Incident {
        subject: page.session.to_string(),
        code: format!("mismatch_{field}"),
        detail: format!("The session's {field} is not what was ordered. Nothing is credited."),
        account: Some(page.account.clone()),
        seen_at: now,
    };
    ledger
        .refuse_checkout(&page.intent, &incident, patience)
        .await?;
    Ok(())
}
