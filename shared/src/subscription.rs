//! Says how an account is subscribed, as Stripe has it, and keeps that for when Stripe is down. Flow 3.
//!
//! What was paid meanwhile is granted on the way, so a webhook that never came delays Sparks and does not lose
//! them.

mod standing;

use jiff::Timestamp;
use tracing::warn;

use crate::customers::Customers;
use crate::desk::Desk;
use crate::id::{AccountId, CustomerId};
use crate::identity::Subject;
use crate::invoice;
use crate::ledger::{self, Subscribed, Subscriber};
use crate::patience::Patience;
use crate::payment::STRIPE_TIMEOUT;
use crate::stripe::{self, INTENT, Subscription};
use crate::telemetry::chain;

pub(crate) use standing::best;
pub use standing::{One, Standing, Told};

/// How many paid invoices are looked through for one that was not granted.
const MAX_INVOICES: u8 = 12;

/// Why it is unknown how an account is subscribed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// Stripe did not answer, and nothing was stored before.
    #[error("stripe did not say how the account is subscribed")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// An invoice could not be granted.
    #[error("an invoice was not granted")]
    Invoice(#[from] invoice::Error),
}

/// Reads an account's subscriptions from Stripe, keeps them, and grants every paid invoice that was not granted.
///
/// When Stripe is down, what was kept is the answer.
pub async fn read(
    desk: Desk<'_>,
    subject: &Subject,
    now: Timestamp,
    patience: &Patience,
) -> Result<Standing, Error> {
    let Desk { ledger, stripe, .. } = desk;
    let account = &subject.account;
    let mut known = ledger.subscriber(account, patience).await?;
    match known.account.take() {
        // Its first request of a month brings the free plan's Sparks, whichever request it is.
        Some(found) => {
            ledger.settle(account, found, now, patience).await?;
        }
        None if subject.may_open() => {
            ledger.open_account(account, now, patience).await?;
        }
        None => return Err(Error::AccountNotFound),
    }
    let Some(customer) = &known.customer else {
        return Ok(without_customer(&known, now));
    };
    let timeout = patience.left().min(STRIPE_TIMEOUT);
    let (told, invoices) = tokio::join!(
        stripe.subscriptions(customer, timeout),
        stripe.paid_invoices(customer, MAX_INVOICES, timeout)
    );
    let told = match told.and_then(|told| invoices.map(|invoices| (told, invoices))) {
        Ok(told) => told,
        Err(error) => return stored(&known, error),
    };
    let (told, invoices) = told;
    let stored_before = &known.subscriptions.all;
    let all = plain(desk, account, stored_before, told, patience).await?;
    let (kept, granted) = tokio::join!(
        ledger.keep_subscriptions(account, &known.subscriptions, &all, now, patience),
        invoice::reconcile_all(desk, &invoices, now, patience),
    );
    granted?;
    if kept? {
        return Ok(standing::of(&all, Told::Stripe, now));
    }
    // Somebody has asked Stripe meanwhile, and one of the two is older.
    match Box::pin(sync(desk, account, now, patience)).await {
        Ok(all) => Ok(standing::of(&all, Told::Stripe, now)),
        Err(Error::Stripe(error)) => stored(&known, error),
        Err(error) => Err(error),
    }
}

/// The answer for an account that is no customer: it never was, or its subscriptions have ended with the one it was.
fn without_customer(known: &Subscriber, now: Timestamp) -> Standing {
    let ended: Vec<Subscribed> = known
        .subscriptions
        .all
        .iter()
        .map(standing::ended)
        .collect();
    let as_of = known.subscriptions.as_of.unwrap_or(now);
    standing::of(&ended, Told::Stored, as_of)
}

/// The answer while Stripe does not answer.
fn stored(known: &Subscriber, error: stripe::Error) -> Result<Standing, Error> {
    let Some(as_of) = known.subscriptions.as_of else {
        return Err(error.into());
    };
    warn!(
        error = chain(&error),
        "stripe did not answer; told what is stored"
    );
    Ok(standing::of(&known.subscriptions.all, Told::Stored, as_of))
}

/// A subscription of Stripe's as it is kept, whichever plan it is.
pub(crate) fn without_plan(told: &Subscription) -> Subscribed {
    standing::plain(told, None)
}

/// Brings what is kept of an account's subscriptions up to date with Stripe.
///
/// What is written was asked for after what it replaces was written; so in whichever order events come, the
/// end is what Stripe has. Asked for is the customer that the account is now: an event of one that was deleted says
/// nothing of the next.
pub async fn sync(
    desk: Desk<'_>,
    account: &AccountId,
    now: Timestamp,
    patience: &Patience,
) -> Result<Vec<Subscribed>, Error> {
    let Desk { ledger, stripe, .. } = desk;
    let mut failed_attempts = 0;
    while failed_attempts == 0 || patience.another(failed_attempts).await {
        failed_attempts += 1;
        let known = ledger.subscriber(account, patience).await?;
        let timeout = patience.left().min(STRIPE_TIMEOUT);
        let told = match &known.customer {
            Some(customer) => stripe.subscriptions(customer, timeout).await?,
            None => None,
        };
        let known = known.subscriptions;
        let all = plain(desk, account, &known.all, told, patience).await?;
        let kept = ledger.keep_subscriptions(account, &known, &all, now, patience);
        if kept.await? {
            return Ok(all);
        }
    }
    Err(ledger::Error::Busy("the subscriptions kept changing".into()).into())
}

/// Brings an account up to date with Stripe: its subscriptions, and what was paid and not granted.
pub async fn catch_up(
    desk: Desk<'_>,
    account: &AccountId,
    now: Timestamp,
    patience: &Patience,
) -> Result<(), Error> {
    let customer = desk.ledger.customer(account, patience).await?.customer;
    if let Some(customer) = customer {
        let timeout = patience.left().min(STRIPE_TIMEOUT);
        let invoices = desk.stripe.paid_invoices(&customer, MAX_INVOICES, timeout);
        invoice::reconcile_all(desk, &invoices.await?, now, patience).await?;
    }
    sync(desk, account, now, patience).await.map(drop)
}

/// Takes a customer off its account where Stripe says that it was deleted; answers whether it was.
///
/// What it has paid is granted first: nobody asks for its invoices any more after that.
pub async fn part(
    desk: Desk<'_>,
    customers: &Customers,
    account: &AccountId,
    customer: &CustomerId,
    now: Timestamp,
    patience: &Patience,
) -> Result<bool, Error> {
    let Desk { ledger, stripe, .. } = desk;
    customers.forget(account);
    let timeout = || patience.left().min(STRIPE_TIMEOUT);
    if !stripe.is_customer_deleted(customer, timeout()).await? {
        return Ok(false);
    }
    let invoices = stripe.paid_invoices(customer, MAX_INVOICES, timeout());
    let invoices = invoices.await?;
    invoice::reconcile_all(desk, &invoices, now, patience).await?;
    ledger.unlink_customer(account, customer, patience).await?;
    sync(desk, account, now, patience).await?;
    Ok(true)
}

/// Stripe's subscriptions as they are kept, newest first. Those of a customer that is gone have ended with it.
async fn plain(
    desk: Desk<'_>,
    account: &AccountId,
    stored: &[Subscribed],
    told: Option<Vec<Subscription>>,
    patience: &Patience,
) -> Result<Vec<Subscribed>, Error> {
    let Some(told) = told else {
        return Ok(stored.iter().map(standing::ended).collect());
    };
    let mut all = Vec::with_capacity(told.len());
    for subscription in &told {
        let plan = plan(desk, account, subscription, patience).await?;
        all.push(standing::plain(subscription, plan));
    }
    Ok(all)
}

/// The plan of a subscription: of the catalogue, or of what was agreed when it began.
async fn plan(
    desk: Desk<'_>,
    account: &AccountId,
    subscription: &Subscription,
    patience: &Patience,
) -> Result<Option<String>, ledger::Error> {
    let Desk { ledger, terms, .. } = desk;
    let items = &subscription.items.data;
    let known = items
        .iter()
        .find_map(|item| crate::catalog::plan_of_price(&item.price.id, &terms.price_ids));
    if let Some(order) = known {
        return Ok(Some(order.item));
    }
    let intent = subscription.metadata.get(INTENT).map(|id| id.parse());
    let Some(Ok(intent)) = intent else {
        return Ok(None);
    };
    let intent = ledger.intent(&intent, patience).await?;
    let agreed = intent.filter(|intent| intent.account == *account);
    Ok(agreed
        .map(|intent| intent.order)
        .filter(|order| items.iter().any(|item| item.price.id == order.price_id))
        .map(|order| order.item))
}
