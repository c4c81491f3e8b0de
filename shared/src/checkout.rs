//! Sells what the catalogue has: opens a page at Stripe, and verifies how it was left. Flow 2.
//!
//! The order is fixed: write the intent, then ask Stripe for the page, then write the page, then answer with its
//! address. A process that ends in between loses nothing, because a retry with the same key makes the very
//! same calls.

mod order;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::clock;
use crate::customers::{self, Customers};
use crate::id::{AccountId, CustomerId, IdempotencyKey, IntentId, SessionId};
use crate::ledger::{self, Checkout, CheckoutStatus, CustomerLink, Intent, Ledger, Opened};
use crate::patience::Patience;
use crate::payment::{self, Payment, STRIPE_TIMEOUT, Status};
use crate::sparks::Sparks;
use crate::stripe::{self, Cause, NewCheckoutSession, PageUrl, Refusal, Stripe};

pub use order::{CheckoutBody, Invalid, Rule, Shop};

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
    /// The account has no such page.
    #[error("there is no such page")]
    NotFound,
    /// Stripe made no page.
    #[error("stripe made no page")]
    Stripe(#[from] stripe::Error),
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

/// What opening a page touches.
#[derive(Clone, Copy, Debug)]
pub struct Till<'a> {
    /// Where intents and pages are written.
    pub ledger: &'a Ledger,
    /// Where pages are made.
    pub stripe: &'a Stripe,
    /// For whom.
    pub customers: &'a Customers,
    /// At which terms.
    pub shop: &'a Shop,
}

/// Opens a page for an order, one per account and key.
pub async fn create(
    till: Till<'_>,
    account: &AccountId,
    key: &IdempotencyKey,
    body: &CheckoutBody,
    now: Timestamp,
    patience: &Patience,
) -> Result<Page, Error> {
    let id = IntentId::derive(&till.shop.stage, account, key);
    let hash = body.hash();
    let order = match till.shop.order(body) {
        Ok(order) => order,
        // What was valid once is answered as it was then.
        Err(invalid) => {
            return match till.ledger.intent(&id, patience).await? {
                Some(stored) if stored.request_hash == hash => {
                    till.reopen(stored, None, now, patience).await
                }
                Some(_) => Err(Error::KeyReused),
                None => Err(Error::Invalid(invalid)),
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
        promotion_codes: till.shop.promotion_codes,
        automatic_tax: till.shop.automatic_tax,
        created_at: now,
        expires_at: whole_second(now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX)),
        status: CheckoutStatus::Open,
        session: None,
    };
    let (opened, customer, account) = tokio::join!(
        till.ledger.open_intent(&new, patience),
        till.customers.find(till.ledger, account, patience),
        existing_account(till.ledger, account, now, patience),
    );
    account?;
    let customer = customer?;
    match opened? {
        Opened::New => till.open(new, Some(customer), false, now, patience).await,
        Opened::Existing(stored) if stored.request_hash == hash => {
            till.reopen(*stored, Some(customer), now, patience).await
        }
        Opened::Existing(_) => Err(Error::KeyReused),
    }
}

/// Stripe takes whole seconds.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// An account's own first request brings it into being, whichever it is.
async fn existing_account(
    ledger: &Ledger,
    account: &AccountId,
    now: Timestamp,
    patience: &Patience,
) -> Result<(), ledger::Error> {
    if ledger.account(account, patience).await?.is_none() {
        ledger.open_account(account, now, patience).await?;
    }
    Ok(())
}

impl Till<'_> {
    /// The page of an intent that is there already. Where it is not known, opening it is made up for.
    async fn reopen(
        self,
        intent: Intent,
        customer: Option<CustomerLink>,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Page, Error> {
        let Some(session) = &intent.session else {
            return self.open(intent, customer, true, now, patience).await;
        };
        let page = self.ledger.checkout(session, patience).await?;
        let page = page.ok_or_else(|| ledger::Error::Broken("an intent's page is gone".into()))?;
        let ended = page.expires_at <= now
            || matches!(
                intent.status,
                CheckoutStatus::Paid | CheckoutStatus::Expired
            );
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
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Page, Error> {
        let customer = self.customer(&intent.account, customer, patience).await?;
        let (session, url) = match self.session(&intent, &customer, patience).await {
            // Stripe does not take the customer: where it was deleted, the next one is made.
            Err(Error::Stripe(stripe::Error::Refused(refusal))) if refusal.param == "customer" => {
                let customer = self.next_customer(&intent.account, &customer, refusal, patience);
                let customer = Box::pin(customer).await?;
                self.session(&intent, &customer, patience).await?
            }
            outcome => outcome?,
        };
        let page = Checkout {
            session,
            account: intent.account,
            intent: intent.id,
            item: intent.order.item,
            url,
            expires_at: intent.expires_at,
            invoice: None,
        };
        self.ledger.bind_checkout(&page, patience).await?;
        Ok(Page {
            session_id: page.session,
            url: page.url.filter(|_| now < page.expires_at),
            expires_at: clock::wire(page.expires_at),
            replayed,
        })
    }

    /// The customer of an account, made where there is none.
    async fn customer(
        self,
        account: &AccountId,
        known: Option<CustomerLink>,
        patience: &Patience,
    ) -> Result<CustomerId, Error> {
        let link = match known {
            Some(link) => link,
            None => self.customers.find(self.ledger, account, patience).await?,
        };
        if let Some(customer) = link.customer {
            return Ok(customer);
        }
        let (timeout, stage) = (patience.left().min(STRIPE_TIMEOUT), &self.shop.stage);
        let (customers, generation) = (self.customers, link.generation);
        let made = customers.make(
            self.ledger,
            self.stripe,
            stage,
            account,
            generation,
            timeout,
            patience,
        );
        Ok(made.await?)
    }

    /// The customer after one that was deleted. Where it was not, Stripe's refusal stands.
    async fn next_customer(
        self,
        account: &AccountId,
        customer: &CustomerId,
        refusal: Refusal,
        patience: &Patience,
    ) -> Result<CustomerId, Error> {
        let (ledger, stripe) = (self.ledger, self.stripe);
        let timeout = patience.left().min(STRIPE_TIMEOUT);
        let looked = self
            .customers
            .look_after(ledger, stripe, account, customer, timeout, patience);
        if looked.await? {
            return self.customer(account, None, patience).await;
        }
        Err(stripe::Error::Refused(refusal).into())
    }

    /// Asks for the page until it is there. While another request with the same key is under way, Stripe
    /// answers 409.
    async fn session(
        self,
        intent: &Intent,
        customer: &CustomerId,
        patience: &Patience,
    ) -> Result<(SessionId, Option<PageUrl>), Error> {
        let new = NewCheckoutSession {
            intent: &intent.id,
            stage: &self.shop.stage,
            customer,
            subscription: intent.order.kind == crate::catalog::Kind::Plan,
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
            let timeout = patience.left().min(STRIPE_TIMEOUT);
            match self.stripe.create_checkout_session(&new, timeout).await {
                Ok(session) => return Ok(session),
                Err(stripe::Error::Unconfirmed(Cause::Status(http::StatusCode::CONFLICT)))
                    if patience.another(failed_attempts + 1).await =>
                {
                    failed_attempts += 1;
                }
                Err(stripe::Error::Refused(refusal)) if refusal.param == "expires_at" => {
                    return Err(Error::TooLate);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Says how a page was left, and credits it when it is paid. Once credited, Stripe is not asked any more.
pub async fn verify(
    shop: payment::Shop<'_>,
    account: &AccountId,
    session: &SessionId,
    now: Timestamp,
    patience: &Patience,
) -> Result<Verified, Error> {
    let ledger = shop.ledger;
    let found = ledger.find_checkout(session, account, patience).await?;
    let found = found.ok_or(Error::NotFound)?;
    let payment = if let (Some(credited), Some(read)) = (found.credited, found.account) {
        let settled = ledger.settle(account, read, now, patience).await?;
        Payment {
            status: Status::Paid,
            credited,
            available: settled.available,
        }
    } else {
        let page = &found.checkout;
        payment::reconcile_checkout(shop, page, now, patience).await?
    };
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
