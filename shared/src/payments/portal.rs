//! Opens Stripe's customer portal for an account.

use serde::{Deserialize, Serialize};

use crate::ledger;
use crate::payments::Payments;
use crate::payments::checkout::{Invalid, Rule};
use crate::payments::subscription::StoredSubscription;
use crate::payments::subscription::{self, best};
use crate::process::config::{self, Environment};
use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, NewPortalSession, PortalFlow, Refusal};
use crate::words::id::{AccountId, CustomerId, SubscriptionId};
use crate::words::page_url::PageUrl;
use crate::words::return_url::{AllowedOrigins, ReturnUrl};

/// The body of `POST /v1/portal`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalBody {
    /// The URL that the portal leads back to.
    pub return_url: String,
    /// The flow that the portal opens with; None for its overview.
    #[serde(default)]
    pub flow: Option<Flow>,
}

/// A portal flow: one task, after which the portal leads back.
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

/// A link to a portal page.
#[derive(Debug, Serialize)]
pub struct PortalLink {
    /// Its URL, which is valid for a short time.
    pub url: PageUrl,
}

/// A failure to open a portal page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// The account has no customer at Stripe: it has none yet, or it was deleted.
    #[error("the account has no customer at stripe")]
    NoCustomer,
    /// The account has no live subscription to manage.
    #[error("the account has no subscription")]
    NoSubscription,
    /// Stripe did not create the page.
    #[error("stripe did not create the portal page")]
    Stripe(#[from] stripe::Error),
    /// The portal does not offer the flow for this subscription.
    #[error("the portal does not offer this flow")]
    FlowUnavailable,
    /// A deleted customer could not be unlinked from the account.
    #[error("a deleted customer could not be unlinked")]
    Subscription(#[from] subscription::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// The deployment's settings of the customer portal.
#[derive(Debug)]
pub struct Settings {
    /// The origins that the portal may lead back to.
    pub allowed_origins: AllowedOrigins,
    /// The portal configuration, `bpc_…`; None for Stripe's default.
    pub configuration: Option<String>,
}

impl Settings {
    /// Reads the settings from the environment.
    pub fn new(environment: Environment<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            allowed_origins: environment.allowed_origins()?,
            configuration: environment.stripe_portal_configuration()?,
        })
    }
}

/// Opens a portal page for an account. Its customer comes from the table, never from the request.
pub async fn create(
    payments: &Payments,
    settings: &Settings,
    account: &AccountId,
    body: &PortalBody,
    deadline: &Deadline,
) -> Result<PortalLink, Error> {
    let return_url =
        ReturnUrl::new(&body.return_url, &settings.allowed_origins).map_err(|error| {
            Error::Invalid(Invalid {
                rule: Rule::Url,
                field: "return_url",
                detail: error.to_string(),
            })
        })?;
    let known = payments.subscribers.subscriber(account, deadline).await?;
    let settling = payments
        .ledger
        .settle_or_open(account, known.account, deadline);
    settling.await?;
    let customer = known.customer.ok_or(Error::NoCustomer)?;
    let request = PortalRequest {
        payments,
        settings,
        customer: &customer,
        return_url: return_url.as_str(),
        flow: body.flow,
        deadline,
    };
    let stored = manageable(&known.subscriptions.all);
    let refused = match request.open(stored).await {
        Err(Error::Stripe(stripe::Error::Refused(refusal))) => refusal,
        // No live subscription is stored, but Stripe may have one.
        Err(Error::NoSubscription) => return request.open_as_stripe_has_it().await,
        outcome => return outcome,
    };
    if refused.param == "customer" {
        return request.without_customer(account, refused).await;
    }
    if refused.is_of_flow() {
        return match request.open_as_stripe_has_it().await {
            Err(Error::Stripe(stripe::Error::Refused(again))) if again.is_of_flow() => {
                Err(Error::FlowUnavailable)
            }
            outcome => outcome,
        };
    }
    Err(stripe::Error::Refused(refused).into())
}

/// Returns the live subscription that a flow manages; None if there is none.
fn manageable(all: &[StoredSubscription]) -> Option<&SubscriptionId> {
    best(all).filter(|best| best.is_live()).map(|best| &best.id)
}

/// One request for a portal page.
struct PortalRequest<'a> {
    payments: &'a Payments,
    settings: &'a Settings,
    customer: &'a CustomerId,
    return_url: &'a str,
    flow: Option<Flow>,
    deadline: &'a Deadline,
}

impl PortalRequest<'_> {
    async fn open(&self, subscription: Option<&SubscriptionId>) -> Result<PortalLink, Error> {
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
            configuration: self.settings.configuration.as_deref(),
            flow,
        };
        // An extra page does no harm, so each request creates its own.
        let key = format!("portal:{:032x}", fastrand::u128(..));
        let timeout = stripe::timeout(self.deadline);
        let stripe = &self.payments.stripe;
        let made = stripe.create_portal_session(&new, &key, timeout);
        Ok(PortalLink { url: made.await? })
    }

    /// Opens the page for Stripe's current subscription, since the stored ones are out of date.
    async fn open_as_stripe_has_it(&self) -> Result<PortalLink, Error> {
        let timeout = stripe::timeout(self.deadline);
        let stripe = &self.payments.stripe;
        let told = stripe.subscriptions(self.customer, timeout).await?;
        let all: Vec<StoredSubscription> = told
            .iter()
            .flatten()
            .map(subscription::without_plan)
            .collect();
        self.open(manageable(&all)).await
    }

    /// Handles Stripe's refusal of the customer: [`Error::NoCustomer`] if it was deleted, else the refusal.
    async fn without_customer(
        &self,
        account: &AccountId,
        refusal: Refusal,
    ) -> Result<PortalLink, Error> {
        let (payments, customer) = (self.payments, self.customer);
        let parted = subscription::part(payments, account, customer, self.deadline);
        if parted.await? {
            return Err(Error::NoCustomer);
        }
        Err(stripe::Error::Refused(refusal).into())
    }
}
