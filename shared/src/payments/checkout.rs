//! Sells what the catalogue has: opens a page at Stripe, and verifies how it was left. Flow 2.
//!
//! The order is fixed: write the intent, then ask Stripe for the page, then write the page, then answer with its
//! address. A process that ends in between loses nothing, because a retry with the same key makes the very
//! same calls.

mod order;
mod verification;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::{info, warn};

use crate::ledger::{
    self, Checkout, CheckoutStatus, CustomerLink, Intent, Ledger, Opened, Subscribed,
};
use crate::payments::Payments;
use crate::payments::customers;
use crate::payments::payment;
use crate::payments::subscription;
use crate::pricing::catalog::Kind;
use crate::process::clock;
use crate::process::patience::Patience;
use crate::process::telemetry;
use crate::providers::stripe::{self, Cause, NewCheckoutSession, Refusal};
use crate::words::id::{AccountId, CustomerId, IdempotencyKey, IntentId, SessionId};
use crate::words::page_url::PageUrl;

pub use order::{CheckoutBody, Invalid, Rule, Settings};
pub use verification::{Available, Verified, verify};

/// How long a page is open. Stripe takes at most 24 hours by its own clock, so an hour is left for clocks that
/// differ and for a first attempt that was late.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(23);

/// A page to pay at.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The page's id, `cs_…`, with which the payment is verified.
    pub session_id: SessionId,
    /// Its address; nothing when it has ended.
    pub url: Option<PageUrl>,
    /// When it ends.
    pub expires_at: String,
    /// Whether the same request had opened it before.
    #[serde(skip)]
    pub replayed: bool,
}

/// Why there is no page, or nothing to say about one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// The key belongs to another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The key is of a request whose page was never opened and can no longer be.
    #[error("the page can no longer be opened")]
    TooLate,
    /// The account has a live plan, and would pay for a second one.
    #[error("the account has a plan already")]
    AlreadySubscribed,
    /// The account has no such page.
    #[error("there is no such page")]
    NotFound,
    /// Stripe made no page.
    #[error("stripe made no page")]
    Stripe(#[from] stripe::Error),
    /// A deleted customer could not be taken off the account.
    #[error("a deleted customer is still there")]
    Subscription(#[from] subscription::Error),
    /// There is no customer to make a page for.
    #[error("there is no customer")]
    Customer(#[from] customers::Error),
    /// How the payment stands is unknown.
    #[error("the payment is not known")]
    Payment(#[from] payment::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// For whom, when and how long a page is opened.
#[derive(Clone, Copy)]
struct Visit<'a> {
    payments: &'a Payments,
    now: Timestamp,
    patience: &'a Patience,
}

/// Opens a page for an order, one per account and key.
pub async fn create(
    payments: &Payments,
    settings: &Settings,
    account: &AccountId,
    key: &IdempotencyKey,
    body: &CheckoutBody,
    now: Timestamp,
    patience: &Patience,
) -> Result<Page, Error> {
    let visit = Visit {
        payments,
        now,
        patience,
    };
    let id = IntentId::derive(&payments.terms.stage, account, key);
    let hash = body.hash();
    let order = match settings.order(&payments.terms, body) {
        Ok(order) => order,
        // What was valid once is answered as it was then. A page that was never opened is not any more.
        Err(invalid) => {
            return match payments.ledger.intent(&id, patience).await? {
                Some(stored) if stored.request_hash != hash => Err(Error::KeyReused),
                Some(stored) if stored.session.is_some() => visit.reopen(stored, None).await,
                _ => Err(Error::Invalid(invalid)),
            };
        }
    };
    let new = Intent {
        id,
        account: account.clone(),
        request_hash: hash,
        order: order.order,
        success_url: order.success_url,
        cancel_url: order.cancel_url,
        promotion_codes: settings.promotion_codes,
        automatic_tax: settings.automatic_tax,
        created_at: now,
        expires_at: whole_second(now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX)),
        status: CheckoutStatus::Open,
        session: None,
    };
    if new.order.kind == Kind::Plan {
        match payments.ledger.intent(&new.id, patience).await? {
            // A replay, which `open_intent` judges.
            Some(stored) if stored.session.is_some() => {}
            _ => visit.refuse_second(account).await?,
        }
    }
    let (opened, customer, account) = tokio::join!(
        payments.ledger.open_intent(&new, patience),
        payments.customers.find(&payments.ledger, account, patience),
        settled_account(&payments.ledger, account, now, patience),
    );
    account?;
    let customer = customer?;
    match opened? {
        Opened::New => visit.open(new, Some(customer), false).await,
        Opened::Existing(stored) if stored.request_hash == hash => {
            visit.reopen(*stored, Some(customer)).await
        }
        Opened::Existing(_) => Err(Error::KeyReused),
    }
}

/// Stripe takes whole seconds.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// An account's own first request brings it into being, and its first of a month brings the free plan's Sparks, whichever
/// request it is.
async fn settled_account(
    ledger: &Ledger,
    account: &AccountId,
    now: Timestamp,
    patience: &Patience,
) -> Result<(), ledger::Error> {
    let found = ledger.settled_account(account, now, patience).await?;
    if found.is_none() {
        ledger.open_account(account, now, patience).await?;
    }
    Ok(())
}

impl Visit<'_> {
    /// Refuses a plan to an account that has a live one at Stripe; if Stripe does not answer, by what is stored.
    async fn refuse_second(self, account: &AccountId) -> Result<(), Error> {
        let payments = self.payments;
        let known = payments.ledger.subscriber(account, self.patience).await?;
        if known.customer.is_none() {
            return Ok(());
        }
        let synced = Box::pin(subscription::sync(
            payments,
            account,
            self.now,
            self.patience,
        ))
        .await;
        let all = match synced {
            Ok(all) => all,
            Err(subscription::Error::Stripe(error)) => {
                warn!(
                    error = telemetry::chain(&error),
                    "stripe did not say which plans there are"
                );
                known.subscriptions.all
            }
            Err(error) => return Err(error.into()),
        };
        if all.iter().any(Subscribed::is_paid_for) {
            return Err(Error::AlreadySubscribed);
        }
        Ok(())
    }

    /// The page of an intent that is there already. Where it is not known, opening it is made up for.
    async fn reopen(self, intent: Intent, customer: Option<CustomerLink>) -> Result<Page, Error> {
        let Some(session) = &intent.session else {
            return self.open(intent, customer, true).await;
        };
        let ledger = &self.payments.ledger;
        let page = ledger.checkout(session, self.patience).await?;
        let page = page.ok_or_else(|| ledger::Error::Broken("an intent's page is gone".into()))?;
        // At a page that is done, with the money on its way, there is nothing to be done any more.
        let is_done = intent.status.is_settled() || intent.status == CheckoutStatus::Processing;
        let ended = page.expires_at <= self.now || is_done;
        info!(session.id = %page.session, intent.id = %intent.id, "told the page `{}` again", page.session);
        Ok(Page {
            session_id: page.session,
            url: page.url.filter(|_| !ended),
            expires_at: clock::wire(page.expires_at),
            replayed: true,
        })
    }

    async fn open(
        self,
        intent: Intent,
        customer: Option<CustomerLink>,
        replayed: bool,
    ) -> Result<Page, Error> {
        let customer = self.customer(&intent.account, customer).await?;
        let (session, url) = match self.session(&intent, &customer).await {
            // Stripe does not take the customer: where it was deleted, the next one is made.
            Err(Error::Stripe(stripe::Error::Refused(refusal))) if refusal.param == "customer" => {
                let customer = self.next_customer(&intent.account, &customer, refusal);
                let customer = Box::pin(customer).await?;
                self.session(&intent, &customer).await?
            }
            outcome => outcome?,
        };
        info!(
            account.id = %intent.account, intent.id = %intent.id, session.id = %session, item = intent.order.item,
            "opened the page `{session}`"
        );
        let page = Checkout {
            session,
            account: intent.account,
            intent: intent.id,
            item: intent.order.item,
            url,
            expires_at: intent.expires_at,
            invoice: None,
        };
        self.payments
            .ledger
            .bind_checkout(&page, self.patience)
            .await?;
        Ok(Page {
            session_id: page.session,
            url: page.url.filter(|_| self.now < page.expires_at),
            expires_at: clock::wire(page.expires_at),
            replayed,
        })
    }

    /// The customer of an account, made where there is none.
    async fn customer(
        self,
        account: &AccountId,
        known: Option<CustomerLink>,
    ) -> Result<CustomerId, Error> {
        let Payments {
            ledger,
            stripe,
            terms,
            customers,
        } = self.payments;
        let link = match known {
            Some(link) => link,
            None => customers.find(ledger, account, self.patience).await?,
        };
        if let Some(customer) = link.customer {
            return Ok(customer);
        }
        let (timeout, stage) = (stripe::timeout(self.patience), &terms.stage);
        let generation = link.generation;
        let made = customers.make(
            ledger,
            stripe,
            stage,
            account,
            generation,
            timeout,
            self.patience,
        );
        Ok(made.await?)
    }

    /// The customer after one that was deleted. Where it was not, Stripe's refusal stands.
    async fn next_customer(
        self,
        account: &AccountId,
        customer: &CustomerId,
        refusal: Refusal,
    ) -> Result<CustomerId, Error> {
        let (payments, now, patience) = (self.payments, self.now, self.patience);
        let parted = subscription::part(payments, account, customer, now, patience);
        if parted.await? {
            return self.customer(account, None).await;
        }
        Err(stripe::Error::Refused(refusal).into())
    }

    /// Asks for the page until it is there. While another request with the same key is under way, Stripe
    /// answers 409.
    async fn session(
        self,
        intent: &Intent,
        customer: &CustomerId,
    ) -> Result<(SessionId, Option<PageUrl>), Error> {
        let new = NewCheckoutSession {
            intent: &intent.id,
            stage: &self.payments.terms.stage,
            customer,
            subscription: intent.order.kind == Kind::Plan,
            price_id: &intent.order.price_id,
            quantity: intent.order.quantity,
            success_url: &intent.success_url,
            cancel_url: &intent.cancel_url,
            expires_at: intent.expires_at,
            promotion_codes: intent.promotion_codes,
            automatic_tax: intent.automatic_tax,
        };
        let mut failed_attempts = 0;
        loop {
            let timeout = stripe::timeout(self.patience);
            let made = self.payments.stripe.create_checkout_session(&new, timeout);
            match made.await {
                Ok(session) => return Ok(session),
                Err(stripe::Error::Unconfirmed(Cause::Status(http::StatusCode::CONFLICT)))
                    if self.patience.another(failed_attempts + 1).await =>
                {
                    failed_attempts += 1;
                }
                Err(stripe::Error::Refused(refusal)) => return Err(refused(refusal)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What Stripe's refusal of a page means to the buyer.
fn refused(refusal: Refusal) -> Error {
    let field = match refusal.param.as_str() {
        "expires_at" => return Error::TooLate,
        "success_url" => "success_url",
        "cancel_url" => "cancel_url",
        _ => return stripe::Error::Refused(refusal).into(),
    };
    Error::Invalid(Invalid {
        rule: Rule::Url,
        field,
        detail: "is not an address that Stripe takes".to_owned(),
    })
}
