//! Opens Stripe's customer portal for an account. Flow 3.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checkout::{Invalid, Rule};
use crate::customers::{self, Customers};
use crate::id::{AccountId, CustomerId};
use crate::ledger::{self, Ledger, Subscribed};
use crate::patience::Patience;
use crate::payment::STRIPE_TIMEOUT;
use crate::return_url::{AllowedOrigins, ReturnUrl};
use crate::stripe::{self, NewPortalSession, PageUrl, PortalFlow, Refusal, Stripe};
use crate::subscription::{self, best, is_live};

/// The body of `POST /v1/portal`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalBody {
    /// Where the portal leads back to.
    pub return_url: String,
    /// What the portal opens at; its overview when there is none.
    #[serde(default)]
    pub flow: Option<Flow>,
}

/// One thing to do at the portal, after which it leads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Change the card.
    PaymentMethodUpdate,
    /// Cancel the subscription.
    SubscriptionCancel,
    /// Change the subscription's plan.
    SubscriptionUpdate,
}

/// A portal page.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Its address, which is good for a short while.
    pub url: PageUrl,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// The account has bought nothing yet, so Stripe does not know it.
    #[error("the account has no customer at stripe")]
    NoCustomer,
    /// There is no subscription to manage.
    #[error("the account has no subscription")]
    NoSubscription,
    /// Stripe made no page.
    #[error("stripe made no page")]
    Stripe(#[from] stripe::Error),
    /// The customer could not be looked after.
    #[error("the customer could not be looked after")]
    Customer(#[from] customers::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// What opening a portal page touches.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// Where the customer is written down.
    pub ledger: &'a Ledger,
    /// Where pages are made.
    pub stripe: &'a Stripe,
    /// Who is remembered.
    pub customers: &'a Customers,
    /// Where the portal may lead back to.
    pub allowed_origins: &'a AllowedOrigins,
    /// What the portal offers; Stripe's default when there is none.
    pub configuration: Option<&'a str>,
}

/// Opens a page for an account, and for no other: whose it is comes from the table.
pub async fn create(
    desk: Desk<'_>,
    account: &AccountId,
    body: &PortalBody,
    now: Timestamp,
    patience: &Patience,
) -> Result<Page, Error> {
    let return_url = ReturnUrl::new(&body.return_url, desk.allowed_origins).map_err(|error| {
        Error::Invalid(Invalid {
            rule: Rule::Url,
            field: "return_url",
            detail: error.to_string(),
        })
    })?;
    let known = desk.ledger.subscriber(account, patience).await?;
    if known.account.is_none() {
        desk.ledger.open_account(account, now, patience).await?;
    }
    let customer = known.customer.ok_or(Error::NoCustomer)?;
    let visit = Visit {
        desk,
        customer: &customer,
        return_url: return_url.as_str(),
        flow: body.flow,
        patience,
    };
    let stored = manageable(&known.subscriptions.all);
    let refused = match visit.open(stored).await {
        Err(Error::Stripe(stripe::Error::Refused(refusal))) => refusal,
        // Nothing to manage was stored; Stripe may have it.
        Err(Error::NoSubscription) => return visit.open_as_stripe_has_it().await,
        outcome => return outcome,
    };
    if refused.param == "customer" {
        return visit.without_customer(account, refused).await;
    }
    if refused.param.starts_with("flow_data") {
        return visit.open_as_stripe_has_it().await;
    }
    Err(stripe::Error::Refused(refused).into())
}

/// The subscription that a flow is about.
fn manageable(all: &[Subscribed]) -> Option<&str> {
    best(all).filter(|best| is_live(best)).map(|best| &*best.id)
}

/// One visit to the portal.
struct Visit<'a> {
    desk: Desk<'a>,
    customer: &'a CustomerId,
    return_url: &'a str,
    flow: Option<Flow>,
    patience: &'a Patience,
}

impl Visit<'_> {
    async fn open(&self, subscription: Option<&str>) -> Result<Page, Error> {
        let managed = || subscription.ok_or(Error::NoSubscription);
        let flow = match self.flow {
            None => None,
            Some(Flow::PaymentMethodUpdate) => Some(PortalFlow::PaymentMethodUpdate),
            Some(Flow::SubscriptionCancel) => Some(PortalFlow::SubscriptionCancel(managed()?)),
            Some(Flow::SubscriptionUpdate) => Some(PortalFlow::SubscriptionUpdate(managed()?)),
        };
        let new = NewPortalSession {
            customer: self.customer,
            return_url: self.return_url,
            configuration: self.desk.configuration,
            flow,
        };
        // A page more does no harm, so each visit has one of its own.
        let key = format!("portal:{:032x}", fastrand::u128(..));
        let timeout = self.patience.left().min(STRIPE_TIMEOUT);
        let made = self.desk.stripe.create_portal_session(&new, &key, timeout);
        Ok(Page { url: made.await? })
    }

    /// Opens the page for what Stripe has now, where what was stored is out of date.
    async fn open_as_stripe_has_it(&self) -> Result<Page, Error> {
        let timeout = self.patience.left().min(STRIPE_TIMEOUT);
        let told = self
            .desk
            .stripe
            .subscriptions(self.customer, timeout)
            .await?;
        let all: Vec<Subscribed> = told
            .iter()
            .flatten()
            .map(subscription::without_plan)
            .collect();
        self.open(manageable(&all)).await
    }

    /// Stripe does not take the customer: where it was deleted, there is none.
    async fn without_customer(&self, account: &AccountId, refusal: Refusal) -> Result<Page, Error> {
        let Desk {
            ledger,
            stripe,
            customers,
            ..
        } = self.desk;
        let timeout = self.patience.left().min(STRIPE_TIMEOUT);
        let (customer, patience) = (self.customer, self.patience);
        let looked = customers.look_after(ledger, stripe, account, customer, timeout, patience);
        if looked.await? {
            return Err(Error::NoCustomer);
        }
        Err(stripe::Error::Refused(refusal).into())
    }
}
