//! Sells packs and plans: creates a Checkout Session at Stripe, and verifies its payment.
//!
//! The sequence is fixed: write the order, create the session at Stripe, write the session, return its URL. A process that
//! ends in between loses nothing, because a retry with the same key makes the same calls.

mod order;
mod verification;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::{info, warn};

use crate::customers;
use crate::customers::CustomerLink;
use crate::ledger::{self, Account, Ledger};
use crate::payments::Payments;
use crate::payments::orders::{CheckoutSession, Order, OrderOpening, OrderStatus};
use crate::payments::payment;
use crate::payments::subscription;
use crate::payments::subscription::StoredSubscription;
use crate::pricing::catalog::Kind;
use crate::process::clock;
use crate::process::deadline::Deadline;
use crate::process::telemetry;
use crate::providers::stripe::{self, Cause, NewCheckoutSession, Refusal};
use crate::words::id::{AccountId, CustomerId, IdempotencyKey, OrderId, SessionId};
use crate::words::page_url::PageUrl;

pub use order::{CheckoutBody, Invalid, Rule, Settings};
pub use verification::{Available, Verification, verify};

/// Time for which a session is open. Stripe takes at most 24 hours by its own clock, so one hour is left for clock skew
/// and for a first attempt that was late.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(23);

/// A Checkout Session, with the URL of the page where the buyer pays.
#[derive(Debug, Serialize)]
pub struct SessionLink {
    /// The session's id, `cs_…`, with which the payment is verified.
    pub session_id: SessionId,
    /// Its URL; None once the session has ended or is completed.
    pub url: Option<PageUrl>,
    /// The time at which it ends.
    pub expires_at: String,
    /// True if the same request opened it before.
    #[serde(skip)]
    pub replayed: bool,
}

/// A failure to open or verify a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The order is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// The key belongs to another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The session of the key's request was never opened and can no longer be.
    #[error("the session can no longer be opened")]
    TooLate,
    /// The account has a live plan, and would pay for a second one.
    #[error("the account already has a plan")]
    AlreadySubscribed,
    /// The account has no such session.
    #[error("there is no such session")]
    NotFound,
    /// Stripe did not create the session.
    #[error("stripe did not create the checkout session")]
    Stripe(#[from] stripe::Error),
    /// The account's subscriptions could not be checked, or its deleted customer could not be unlinked.
    #[error("the account's subscriptions could not be checked")]
    Subscription(#[from] subscription::Error),
    /// The account's customer could not be created.
    #[error("the customer could not be created")]
    Customer(#[from] customers::Error),
    /// The payment could not be checked.
    #[error("the payment could not be checked")]
    Payment(#[from] payment::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// One request for a Checkout Session.
#[derive(Clone, Copy)]
struct SessionRequest<'a> {
    payments: &'a Payments,
    deadline: &'a Deadline,
}

/// Opens a session for an order, one per account and key.
pub async fn create(
    payments: &Payments,
    settings: &Settings,
    account: &AccountId,
    key: &IdempotencyKey,
    body: &CheckoutBody,
    deadline: &Deadline,
) -> Result<SessionLink, Error> {
    let now = deadline.start();
    let opening = SessionRequest { payments, deadline };
    let id = OrderId::derive(&payments.terms.stage, account, key);
    let hash = body.hash();
    let request = match settings.request(&payments.terms, body) {
        Ok(request) => request,
        // A replay of an order that was valid then returns its session. A session that was never opened is not opened now.
        Err(invalid) => {
            return match payments.orders.order(&id, deadline).await? {
                Some(stored) if stored.request_hash != hash => Err(Error::KeyReused),
                Some(stored) if stored.session.is_some() => opening.reopen(stored, None).await,
                _ => Err(Error::Invalid(invalid)),
            };
        }
    };
    let new = Order {
        id,
        account: account.clone(),
        request_hash: hash,
        terms: request.terms,
        success_url: request.success_url,
        cancel_url: request.cancel_url,
        promotion_codes: settings.promotion_codes,
        automatic_tax: settings.automatic_tax,
        created_at: now,
        expires_at: whole_second(now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX)),
        status: OrderStatus::Open,
        session: None,
    };
    if new.terms.kind == Kind::Plan {
        match payments.orders.order(&new.id, deadline).await? {
            // A replay, which `open_order` judges.
            Some(stored) if stored.session.is_some() => {}
            _ => opening.refuse_second(account).await?,
        }
    }
    let (opened, customer, account) = tokio::join!(
        payments.orders.open_order(&new, deadline),
        payments.customers.find(account, deadline),
        settled_account(&payments.ledger, account, deadline),
    );
    account?;
    let customer = customer?;
    match opened? {
        OrderOpening::New => opening.open(new, Some(customer), false).await,
        OrderOpening::Existing(stored) if stored.request_hash == hash => {
            opening.reopen(*stored, Some(customer)).await
        }
        OrderOpening::Existing(_) => Err(Error::KeyReused),
    }
}

/// Rounds a time down to a whole second, since Stripe takes no fractions.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Opens the account on its first own request. Grants the free plan's Sparks on its first request of a month.
async fn settled_account(
    ledger: &Ledger,
    account: &AccountId,
    deadline: &Deadline,
) -> Result<Account, ledger::Error> {
    let found = ledger.account(account, deadline).await?;
    ledger.settle_or_open(account, found, deadline).await
}

impl SessionRequest<'_> {
    /// Refuses a plan if the account has a live one at Stripe. If Stripe does not answer, the ledger decides.
    async fn refuse_second(self, account: &AccountId) -> Result<(), Error> {
        let payments = self.payments;
        let known = payments
            .subscribers
            .subscriber(account, self.deadline)
            .await?;
        if known.customer.is_none() {
            return Ok(());
        }
        let synced = Box::pin(subscription::sync(payments, account, self.deadline)).await;
        let all = match synced {
            Ok(all) => all,
            Err(subscription::Error::Stripe(error)) => {
                warn!(
                    error = telemetry::chain(&error),
                    "stripe did not list the account's plans"
                );
                known.subscriptions.all
            }
            Err(error) => return Err(error.into()),
        };
        if all.iter().any(StoredSubscription::is_paid_for) {
            return Err(Error::AlreadySubscribed);
        }
        Ok(())
    }

    /// Returns the session of a stored order. If the session is not known, opens it now.
    async fn reopen(
        self,
        order: Order,
        customer: Option<CustomerLink>,
    ) -> Result<SessionLink, Error> {
        let Some(id) = &order.session else {
            return self.open(order, customer, true).await;
        };
        let session = self.payments.orders.session(id, self.deadline).await?;
        let lost = || ledger::Error::Broken("an order's session is lost".into());
        let session = session.ok_or_else(lost)?;
        // In a completed session whose payment is processing, the buyer has nothing left to do.
        let is_done = order.status.is_settled() || order.status == OrderStatus::Processing;
        let ended = session.expires_at <= self.deadline.start() || is_done;
        info!(session.id = %session.id, intent.id = %order.id, "returned the session `{}` again", session.id);
        Ok(SessionLink {
            session_id: session.id,
            url: session.url.filter(|_| !ended),
            expires_at: clock::wire(session.expires_at),
            replayed: true,
        })
    }

    async fn open(
        self,
        order: Order,
        customer: Option<CustomerLink>,
        replayed: bool,
    ) -> Result<SessionLink, Error> {
        let customer = self.customer(&order.account, customer).await?;
        let (id, url) = match self.session(&order, &customer).await {
            // Stripe refuses the customer. If it was deleted, the next one is created.
            Err(Error::Stripe(stripe::Error::Refused(refusal))) if refusal.param == "customer" => {
                let customer = self.next_customer(&order.account, &customer, refusal);
                let customer = Box::pin(customer).await?;
                self.session(&order, &customer).await?
            }
            outcome => outcome?,
        };
        info!(
            account.id = %order.account, intent.id = %order.id, session.id = %id, item = order.terms.item,
            "opened the session `{id}`"
        );
        let session = CheckoutSession::of(&order, id, url);
        self.payments
            .orders
            .bind_session(&session, self.deadline)
            .await?;
        Ok(SessionLink {
            session_id: session.id,
            url: session
                .url
                .filter(|_| self.deadline.start() < session.expires_at),
            expires_at: clock::wire(session.expires_at),
            replayed,
        })
    }

    /// Returns the customer of an account, and creates it if there is none.
    async fn customer(
        self,
        account: &AccountId,
        known: Option<CustomerLink>,
    ) -> Result<CustomerId, Error> {
        let Payments {
            stripe,
            terms,
            customers,
            ..
        } = self.payments;
        let link = match known {
            Some(link) => link,
            None => customers.find(account, self.deadline).await?,
        };
        if let Some(customer) = link.customer {
            return Ok(customer);
        }
        let (timeout, stage) = (stripe::timeout(self.deadline), &terms.stage);
        let generation = link.generation;
        let made = customers.make(stripe, stage, account, generation, timeout, self.deadline);
        Ok(made.await?)
    }

    /// Creates the customer that replaces a deleted one. If it was not deleted, Stripe's refusal stands.
    async fn next_customer(
        self,
        account: &AccountId,
        customer: &CustomerId,
        refusal: Refusal,
    ) -> Result<CustomerId, Error> {
        let parted = subscription::part(self.payments, account, customer, self.deadline);
        if parted.await? {
            return self.customer(account, None).await;
        }
        Err(stripe::Error::Refused(refusal).into())
    }

    /// Creates the session. Retries while Stripe returns 409, because another request with the same key is in progress.
    async fn session(
        self,
        order: &Order,
        customer: &CustomerId,
    ) -> Result<(SessionId, Option<PageUrl>), Error> {
        let new = NewCheckoutSession {
            order: &order.id,
            stage: &self.payments.terms.stage,
            customer,
            subscription: order.terms.kind == Kind::Plan,
            price_id: &order.terms.price_id,
            quantity: order.terms.quantity,
            success_url: &order.success_url,
            cancel_url: &order.cancel_url,
            expires_at: order.expires_at,
            promotion_codes: order.promotion_codes,
            automatic_tax: order.automatic_tax,
        };
        let mut failed_attempts = 0;
        loop {
            let timeout = stripe::timeout(self.deadline);
            let made = self.payments.stripe.create_checkout_session(&new, timeout);
            match made.await {
                Ok(session) => return Ok(session),
                Err(stripe::Error::Unconfirmed(Cause::Status(http::StatusCode::CONFLICT)))
                    if self.deadline.another(failed_attempts + 1).await =>
                {
                    failed_attempts += 1;
                }
                Err(stripe::Error::Refused(refusal)) => return Err(refused(refusal)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Maps Stripe's refusal of a session to an error for the buyer.
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
        detail: "is not an address that Stripe accepts".to_owned(),
    })
}
