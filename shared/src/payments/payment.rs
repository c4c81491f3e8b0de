//! Credits payments made at Stripe, once per page. No other code turns a payment into Sparks.
//!
//! Verification, webhooks, the outbox and the operator all call it with a page, in any order and any number of times.
//! The page is read from Stripe each time; nothing that a caller says about it is trusted.

mod verdict;

use serde::Serialize;
use tracing::{error, info, warn};

use crate::ledger::{self, Account, Credited, Holdings, Ledger, NewCredit, Purchase, Source};
use crate::payments::Payments;
use crate::payments::incidents::Incident;
use crate::payments::invoice;
use crate::payments::orders::{Checkout, CheckoutStatus, Intent};
use crate::payments::subscription;
use crate::payments::subscription::Subscribed;
use crate::pricing::catalog::Kind;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Step};
use crate::providers::stripe::{self, CheckoutSession, INTENT, STAGE};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, IntentId, InvoiceId, SessionId};
use crate::words::money::Money;
use crate::words::sparks::Sparks;
use verdict::Verdict;

/// The status of a page.
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
    /// The status of the page.
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
    /// Stripe has no session with this id, although it created it: the key belongs to another Stripe account.
    #[error("stripe has no such session; is the key another account's?")]
    NoSession,
    /// The session at Stripe is not what was ordered. An incident is kept for the operator.
    #[error("the session's `{0}` is not what was ordered")]
    Mismatch(&'static str),
    /// A plan's first period could not be granted.
    #[error("the plan's invoice was not granted")]
    Invoice(#[from] invoice::Error),
    /// The session names an intent of this deployment that is not in the table.
    #[error("the session's intent is not in the table")]
    NoIntent,
    /// A field of the session has a value that is not known here.
    #[error("the session's `{0}` has a value that is not known here")]
    Unknown(&'static str),
}

/// Reads a page from Stripe and acts on its status.
///
/// Credits a paid pack, grants the first period of a paid plan, and notes every other status.
pub async fn reconcile_checkout(
    payments: &Payments,
    page: &Checkout,
    deadline: &Deadline,
) -> Result<Payment, Error> {
    let Payments { ledger, stripe, .. } = payments;
    let timeout = || stripe::timeout(deadline);
    let (session, known) = tokio::join!(
        stripe.checkout_session(&page.session, timeout()),
        payments.orders.intent_and_account(page, deadline)
    );
    let (mut session, (intent, account)) = (session?.ok_or(Error::NoSession)?, known?);
    if let Some(invoice) = session.invoice_without_payment() {
        session.payment_intent = stripe.payment_of_invoice(invoice, timeout()).await?;
    }
    let (status, noted) = match verdict::of(&session, &intent, stripe.livemode()) {
        Verdict::Paid if intent.order.kind == Kind::Pack => {
            let paid = Paid { session, intent };
            return credit(ledger, paid, account, deadline).await;
        }
        Verdict::Paid => {
            let granting = granted(payments, page, session.invoice.as_ref(), deadline);
            let (credited, account) = Box::pin(granting).await?;
            return Ok(Payment {
                status: Status::Paid,
                credited,
                available: account.map_or(Sparks::ZERO, |account| account.available),
            });
        }
        Verdict::Processing => (Status::Processing, CheckoutStatus::Processing),
        Verdict::Open => (Status::Unpaid, CheckoutStatus::Open),
        Verdict::Failed => (Status::Unpaid, CheckoutStatus::Unpaid),
        Verdict::Expired => (Status::Expired, CheckoutStatus::Expired),
        Verdict::Unknown(field) => {
            keep_unknown(payments, page, field, deadline).await?;
            return Err(Error::Unknown(field));
        }
        Verdict::Mismatch(field) => {
            refuse(payments, page, &intent, field, deadline).await?;
            return Err(Error::Mismatch(field));
        }
    };
    if intent.status != noted {
        payments
            .orders
            .note_checkout(&intent, noted, deadline)
            .await?;
    }
    let account = match account {
        Some(found) => {
            let settled = ledger.settle(&page.account, found.account, deadline);
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

/// Grants a plan's first period, and notes on the page which invoice paid for it. Returns the Sparks and the account.
///
/// The intent is settled once the period is granted or never will be, the subscription is stored, so that the outbox
/// follows its renewals, and no other page of the account sells a plan. Until then, the outbox checks the intent.
async fn granted(
    payments: &Payments,
    page: &Checkout,
    invoice: Option<&InvoiceId>,
    deadline: &Deadline,
) -> Result<(Sparks, Option<Account>), Error> {
    let ledger = &payments.ledger;
    let outcome = match invoice {
        Some(invoice) => invoice::reconcile(payments, invoice, deadline).await?,
        None => invoice::Outcome::Nothing(invoice::NOT_PAID),
    };
    let settled = match &outcome {
        invoice::Outcome::Granted(..) => true,
        invoice::Outcome::Nothing(reason) => *reason != invoice::NOT_PAID,
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

/// The result of looking up the page of a session.
#[derive(Debug)]
pub enum Page {
    /// This deployment made it.
    Known(Checkout),
    /// It belongs to another product or deployment.
    NotOurs(&'static str),
    /// Its customer or metadata is ours, but it was not made here; the operator has to look at it.
    Unclear(&'static str),
}

/// Finds the page of a session, in the ledger or else by the session's metadata at Stripe.
///
/// The ledger lacks a page whose process ended between Stripe's answer and the write. Such a page is written now.
pub async fn page(payments: &Payments, id: &SessionId, deadline: &Deadline) -> Result<Page, Error> {
    let stripe = &payments.stripe;
    let stage = payments.terms.stage.as_str();
    if let Some(page) = payments.orders.checkout(id, deadline).await? {
        return Ok(Page::Known(page));
    }
    let timeout = stripe::timeout(deadline);
    let session = stripe.checkout_session(id, timeout).await?;
    let session = session.ok_or(Error::NoSession)?;
    let ours = |key| {
        let metadata = session.metadata.as_ref()?;
        metadata.get(key).map(String::as_str)
    };
    let (made_for, intent) = (ours(STAGE), ours(INTENT));
    match (made_for, intent.map(str::parse::<IntentId>)) {
        (None, None) => without_metadata(payments, &session, deadline).await,
        (Some(other), _) if other != stage => Ok(Page::NotOurs("other_stage")),
        (Some(_), Some(Ok(intent))) => {
            let Some(intent) = payments.orders.intent(&intent, deadline).await? else {
                let detail =
                    "The session names an intent of this deployment that is not in the table.";
                keep(payments, id, "no_intent", detail, None, deadline).await?;
                return Err(Error::NoIntent);
            };
            let page = Checkout {
                session: session.id,
                account: intent.account,
                intent: intent.id,
                item: intent.order.item,
                url: session.url,
                expires_at: intent.expires_at,
                invoice: None,
            };
            payments.orders.bind_checkout(&page, deadline).await?;
            warn!(session.id = %page.session, "restored the missing page `{}`", page.session);
            Ok(Page::Known(page))
        }
        _ => Ok(Page::Unclear("metadata")),
    }
}

/// Classifies a session that was not made here: another product's, or made by hand for a customer of ours.
async fn without_metadata(
    payments: &Payments,
    session: &CheckoutSession,
    deadline: &Deadline,
) -> Result<Page, Error> {
    let customer = session.customer.as_deref().map(str::parse);
    let account = match customer {
        Some(Ok(customer)) => {
            payments
                .customers
                .links
                .account_of(&customer, deadline)
                .await?
        }
        _ => None,
    };
    Ok(match account {
        Some(_) => Page::Unclear("not_made_here"),
        None => Page::NotOurs("other_product"),
    })
}

/// A paid pack.
struct Paid {
    session: CheckoutSession,
    intent: Intent,
}

/// Credits a pack under the id of its page, and marks its intent as paid, in one transaction.
async fn credit(
    ledger: &Ledger,
    Paid { session, intent }: Paid,
    account: Option<Holdings>,
    deadline: &Deadline,
) -> Result<Payment, Error> {
    let credited = intent.order.sparks;
    let nothing = Money::new(0, intent.order.price.currency());
    let credit = NewCredit {
        id: EntryId::from(&session.id),
        account: intent.account.clone(),
        source: Source::Pack,
        sparks: credited,
        expires_at: None,
        reason: None,
        free_plan: false,
        purchase: Some(Purchase {
            total: session.total().unwrap_or(nothing),
            payment_intent: session
                .payment_intent
                .map(|payment| payment.id().to_owned()),
            intent: Some(intent.id),
            order: intent.order,
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
        // The id is Stripe's, the account and the Sparks are the intent's: it cannot be another credit.
        Credited::Reused | Credited::TooMany => {
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

/// Keeps an incident about a session for the operator.
async fn keep(
    payments: &Payments,
    session: &SessionId,
    code: &str,
    detail: &str,
    account: Option<&AccountId>,
    deadline: &Deadline,
) -> Result<(), Error> {
    let now = deadline.start();
    let incident = Incident {
        subject: session.to_string(),
        code: code.to_owned(),
        detail: detail.to_owned(),
        account: account.cloned(),
        seen_at: now,
    };
    Ok(payments
        .incidents
        .keep_incident(&incident, deadline)
        .await?)
}

async fn keep_unknown(
    payments: &Payments,
    page: &Checkout,
    field: &'static str,
    deadline: &Deadline,
) -> Result<(), Error> {
    let (code, detail) = (
        format!("unknown_{field}"),
        format!(
            "The session's {field} has a value that is not known here. A newer version may know it."
        ),
    );
    let account = Some(&page.account);
    keep(payments, &page.session, &code, &detail, account, deadline).await
}

async fn refuse(
    payments: &Payments,
    page: &Checkout,
    intent: &Intent,
    field: &'static str,
    deadline: &Deadline,
) -> Result<(), Error> {
    let now = deadline.start();
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
    payments
        .orders
        .refuse_checkout(intent, &payments.incidents, &incident, deadline)
        .await?;
    Ok(())
}
