//! Reads an account's subscriptions from Stripe, and stores them for when Stripe is down.
//!
//! A read also grants invoices that were paid meanwhile, so a lost webhook only delays Sparks.

mod overview;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tracing::warn;

pub use store::{AwaitedInvoice, StoredSubscription, Subscriber, Subscribers, Subscriptions};

use crate::ledger;
use crate::payments::Payments;
use crate::payments::incidents::Fault;
use crate::payments::invoice;
use crate::process::deadline::Deadline;
use crate::process::telemetry::chain;
use crate::providers::stripe::{self, Invoice, ORDER, Subscription};
use crate::words::id::{AccountId, CustomerId, SubscriptionId};
use crate::words::identity::Subject;

pub(crate) use overview::best;
pub use overview::{SubscriptionOverview, SubscriptionSource, SubscriptionSummary};

/// A failure to read an account's subscriptions.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account that a service named does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// Stripe did not answer, and nothing was stored before.
    #[error("stripe did not return the account's subscriptions")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// An invoice could not be granted.
    #[error("an invoice could not be granted")]
    Invoice(#[from] invoice::Error),
}

/// Reads an account's subscriptions from Stripe and stores them. Grants every paid invoice that was not granted.
///
/// When Stripe is down, returns the stored subscriptions.
pub async fn read(
    payments: &Payments,
    subject: &Subject,
    deadline: &Deadline,
) -> Result<SubscriptionOverview, Error> {
    let now = deadline.start();
    let ledger = &payments.ledger;
    let account = &subject.account;
    let mut known = payments.subscribers.subscriber(account, deadline).await?;
    let found = known.account.take();
    if found.is_none() && !subject.may_open() {
        return Err(Error::AccountNotFound);
    }
    // The first request of a month grants the free plan's Sparks, whichever request it is.
    ledger.settle_or_open(account, found, deadline).await?;
    let Some(customer) = &known.customer else {
        return Ok(without_customer(&known, now));
    };
    match Box::pin(look(payments, account, &known, customer, deadline)).await {
        Ok(Some(all)) => return Ok(overview::of(&all, SubscriptionSource::Stripe, now)),
        Ok(None) => {}
        Err(Error::Stripe(error)) => return stored(&known, error),
        Err(error) => return Err(error),
    }
    // Another request has asked Stripe meanwhile, and one of the two is older.
    match Box::pin(sync(payments, account, deadline)).await {
        Ok(all) => Ok(overview::of(&all, SubscriptionSource::Stripe, now)),
        Err(Error::Stripe(error)) => stored(&known, error),
        Err(error) => Err(error),
    }
}

/// Updates an account with a customer from Stripe: grants paid invoices and stores its subscriptions.
///
/// Returns the stored subscriptions; None if others were stored meanwhile.
async fn look(
    payments: &Payments,
    account: &AccountId,
    known: &Subscriber,
    customer: &CustomerId,
    deadline: &Deadline,
) -> Result<Option<Vec<StoredSubscription>>, Error> {
    let timeout = stripe::timeout(deadline);
    let known = &known.subscriptions;
    let may_be_paid = known.all.iter().filter(|one| one.may_be_paid());
    let catching_up = may_be_paid.map(|one| invoice::catch_up(payments, &one.id, deadline));
    let (told, caught_up) = tokio::join!(
        payments.stripe.subscriptions(customer, timeout),
        try_join_all(catching_up)
    );
    let told = told?;
    caught_up?;
    for new in told.iter().flatten() {
        let is_new = !known.all.iter().any(|one| one.id == new.id);
        if is_new {
            invoice::catch_up(payments, &new.id, deadline).await?;
        }
    }
    store(payments, account, known, told, deadline).await
}

/// Grants the latest invoices that are paid, then stores the subscriptions as Stripe has them.
async fn store(
    payments: &Payments,
    account: &AccountId,
    known: &Subscriptions,
    told: Option<Vec<Subscription>>,
    deadline: &Deadline,
) -> Result<Option<Vec<StoredSubscription>>, Error> {
    let latest = told
        .iter()
        .flatten()
        .filter_map(|one| one.latest_invoice.as_deref());
    let latest: Vec<&Invoice> = latest.collect();
    let older = older(payments, known, &latest, deadline).await?;
    let paid = latest.into_iter().chain(older.values().flatten());
    let paid: Vec<Invoice> = paid.filter(|invoice| invoice.is_paid()).cloned().collect();
    let refused = invoice::grant_missing(payments, &paid, deadline).await?;
    let older_of = |id: &SubscriptionId| older.get(id).map(Vec::as_slice).unwrap_or_default();
    let all = if let Some(told) = &told {
        let mut all = Vec::with_capacity(told.len());
        for subscription in told {
            let plan = plan(payments, account, subscription, deadline).await?;
            let older = older_of(&subscription.id);
            all.push(overview::plain(subscription, plan, older, &refused));
        }
        all
    } else {
        // The subscriptions of a deleted customer have ended with it.
        let all = known.all.iter();
        all.map(|one| overview::ended(one, older_of(&one.id), &refused))
            .collect()
    };
    keep_doubled(payments, account, &all, deadline).await?;
    let stored = payments
        .subscribers
        .keep_subscriptions(account, known, &all, deadline);
    Ok(stored.await?.then_some(all))
}

/// Reads the awaited invoices that are no longer the latest of their subscription, by subscription.
///
/// Stripe can be set to leave an invoice open while the next periods are paid.
/// <https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses>
async fn older(
    payments: &Payments,
    known: &Subscriptions,
    latest: &[&Invoice],
    deadline: &Deadline,
) -> Result<BTreeMap<SubscriptionId, Vec<Invoice>>, stripe::Error> {
    let mut older: BTreeMap<SubscriptionId, Vec<Invoice>> = BTreeMap::new();
    for one in &known.all {
        for awaited in &one.awaits {
            if latest.iter().any(|latest| latest.id == awaited.invoice) {
                continue;
            }
            let timeout = stripe::timeout(deadline);
            let invoice = payments.stripe.invoice(&awaited.invoice, timeout).await?;
            older.entry(one.id.clone()).or_default().extend(invoice);
        }
    }
    Ok(older)
}

/// Keeps an incident if an account pays for two plans at once. Nothing is refunded automatically: the operator asks the
/// customer which plan to keep.
async fn keep_doubled(
    payments: &Payments,
    account: &AccountId,
    all: &[StoredSubscription],
    deadline: &Deadline,
) -> Result<(), ledger::Error> {
    let mut plans = all
        .iter()
        .filter(|one| one.plan.is_some() && one.is_paid_for());
    let (Some(newest), Some(other)) = (plans.next(), plans.next()) else {
        return Ok(());
    };
    let fault = Fault::SecondSubscription { other: &other.id };
    let incidents = &payments.incidents;
    incidents
        .keep(newest.id.as_str(), fault, Some(account), deadline)
        .await
}

/// Returns the overview of an account without a customer. It had none, or its subscriptions ended with the deleted one.
fn without_customer(known: &Subscriber, now: Timestamp) -> SubscriptionOverview {
    let all = known.subscriptions.all.iter();
    let ended: Vec<StoredSubscription> = all
        .map(|one| overview::ended(one, &[], &BTreeSet::new()))
        .collect();
    let as_of = known.subscriptions.as_of.unwrap_or(now);
    overview::of(&ended, SubscriptionSource::Stored, as_of)
}

/// Returns the stored overview while Stripe does not answer. Returns Stripe's error if nothing is stored.
fn stored(known: &Subscriber, error: stripe::Error) -> Result<SubscriptionOverview, Error> {
    let Some(as_of) = known.subscriptions.as_of else {
        return Err(error.into());
    };
    warn!(
        error = chain(&error),
        "stripe did not answer; returned what is stored"
    );
    Ok(overview::of(
        &known.subscriptions.all,
        SubscriptionSource::Stored,
        as_of,
    ))
}

/// Converts a subscription of Stripe into its stored form, without its plan.
pub(crate) fn without_plan(told: &Subscription) -> StoredSubscription {
    overview::plain(told, None, &[], &BTreeSet::new())
}

/// Stores an account's subscriptions as Stripe has them. Grants their latest invoices if they are paid.
///
/// A write replaces only what was stored before its read of Stripe. So the stored state ends up as Stripe's, in
/// whichever order events arrive. The account's current customer is read: an event of a deleted one says nothing about
/// its successor.
pub async fn sync(
    payments: &Payments,
    account: &AccountId,
    deadline: &Deadline,
) -> Result<Vec<StoredSubscription>, Error> {
    let stripe = &payments.stripe;
    let mut failed_attempts = 0;
    while failed_attempts == 0 || deadline.another(failed_attempts).await {
        failed_attempts += 1;
        let known = payments.subscribers.subscriber(account, deadline).await?;
        let timeout = stripe::timeout(deadline);
        let told = match &known.customer {
            Some(customer) => stripe.subscriptions(customer, timeout).await?,
            None => None,
        };
        let known = known.subscriptions;
        if let Some(all) = store(payments, account, &known, told, deadline).await? {
            return Ok(all);
        }
    }
    Err(ledger::Error::Busy("the subscriptions kept changing".into()).into())
}

/// Updates an account from Stripe: its subscriptions, and paid invoices that were not granted.
pub async fn catch_up(
    payments: &Payments,
    account: &AccountId,
    deadline: &Deadline,
) -> Result<(), Error> {
    let known = payments.subscribers.subscriber(account, deadline).await?;
    if let Some(customer) = &known.customer {
        let looked = look(payments, account, &known, customer, deadline);
        if looked.await?.is_some() {
            return Ok(());
        }
    }
    sync(payments, account, deadline).await.map(drop)
}

/// Unlinks a customer from its account if it was deleted at Stripe. Returns whether it was.
///
/// Its paid invoices are granted first, because nothing reads them after that.
pub async fn part(
    payments: &Payments,
    account: &AccountId,
    customer: &CustomerId,
    deadline: &Deadline,
) -> Result<bool, Error> {
    let stripe = &payments.stripe;
    payments.customers.forget(account);
    let timeout = || stripe::timeout(deadline);
    if !stripe.is_customer_deleted(customer, timeout()).await? {
        return Ok(false);
    }
    // Stripe no longer lists the subscriptions of a deleted customer; their invoices stay.
    let known = payments.subscribers.subscriber(account, deadline).await?;
    for one in &known.subscriptions.all {
        invoice::catch_up(payments, &one.id, deadline).await?;
    }
    payments
        .customers
        .links
        .unlink_customer(account, customer, deadline)
        .await?;
    sync(payments, account, deadline).await?;
    Ok(true)
}

/// Returns a subscription's plan, by its catalogue price or by the order that started it.
async fn plan(
    payments: &Payments,
    account: &AccountId,
    subscription: &Subscription,
    deadline: &Deadline,
) -> Result<Option<String>, ledger::Error> {
    let terms = &payments.terms;
    let items = &subscription.items.data;
    let known = items
        .iter()
        .find_map(|item| crate::pricing::catalog::plan_of_price(&item.price.id, &terms.price_ids));
    if let Some(terms) = known {
        return Ok(Some(terms.item));
    }
    let order = subscription.metadata.get(ORDER).map(|id| id.parse());
    let Some(Ok(order)) = order else {
        return Ok(None);
    };
    let order = payments.orders.order(&order, deadline).await?;
    let agreed = order.filter(|order| order.account == *account);
    Ok(agreed
        .map(|order| order.terms)
        .filter(|terms| items.iter().any(|item| item.price.id == terms.price_id))
        .map(|terms| terms.item))
}
