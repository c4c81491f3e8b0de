//! Portal sessions: pages at Stripe where a customer manages subscriptions and cards.
//! <https://docs.stripe.com/api/customer_portal/sessions>

use std::time::Duration;

use serde::Deserialize;

use super::{Error, Stripe};
use crate::words::id::{CustomerId, SubscriptionId};
use crate::words::page_url::PageUrl;

/// The parameters of a new portal session.
#[derive(Clone, Copy, Debug)]
pub struct NewPortalSession<'a> {
    /// The customer.
    pub customer: &'a CustomerId,
    /// The address to return to.
    pub return_url: &'a str,
    /// The configuration of the page; Stripe's default if None.
    pub configuration: Option<&'a str>,
    /// The flow that the page opens with; its overview if None.
    pub flow: Option<PortalFlow<'a>>,
}

/// A single task at the portal, after which the customer returns to the app.
#[derive(Clone, Copy, Debug)]
pub enum PortalFlow<'a> {
    /// Change the card.
    PaymentMethodUpdate,
    /// Cancel a subscription.
    SubscriptionCancel(&'a SubscriptionId),
    /// Change a subscription's plan.
    SubscriptionUpdate(&'a SubscriptionId),
}

#[derive(Deserialize)]
struct Created {
    url: PageUrl,
}

impl Stripe {
    /// Creates a portal session; returns its address, which is valid for a short while.
    pub async fn create_portal_session(
        &self,
        new: &NewPortalSession<'_>,
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<PageUrl, Error> {
        let mut form = vec![
            ("customer", new.customer.as_str()),
            ("return_url", new.return_url),
        ];
        if let Some(configuration) = new.configuration {
            form.push(("configuration", configuration));
        }
        match new.flow {
            None => {}
            Some(PortalFlow::PaymentMethodUpdate) => {
                form.push(("flow_data[type]", "payment_method_update"));
            }
            Some(PortalFlow::SubscriptionCancel(subscription)) => {
                form.push(("flow_data[type]", "subscription_cancel"));
                form.push((
                    "flow_data[subscription_cancel][subscription]",
                    subscription.as_str(),
                ));
            }
            Some(PortalFlow::SubscriptionUpdate(subscription)) => {
                form.push(("flow_data[type]", "subscription_update"));
                form.push((
                    "flow_data[subscription_update][subscription]",
                    subscription.as_str(),
                ));
            }
        }
        if new.flow.is_some() {
            form.push(("flow_data[after_completion][type]", "redirect"));
            form.push((
                "flow_data[after_completion][redirect][return_url]",
                new.return_url,
            ));
        }
        let path = "/v1/billing_portal/sessions";
        let created: Created = self.make(path, &form, idempotency_key, timeout).await?;
        Ok(created.url)
    }
}
