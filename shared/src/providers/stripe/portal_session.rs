//! Portal sessions: a page at Stripe where a customer manages subscriptions and cards.
//! <https://docs.stripe.com/api/customer_portal/sessions>

use std::time::Duration;

use serde::Deserialize;

use super::{Error, Stripe};
use crate::words::id::CustomerId;
use crate::words::page_url::PageUrl;

/// What a portal page is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewPortalSession<'a> {
    /// Whose page.
    pub customer: &'a CustomerId,
    /// Where it leads back to.
    pub return_url: &'a str,
    /// What the page offers; Stripe's default when there is none.
    pub configuration: Option<&'a str>,
    /// What the page opens at; its overview when there is none.
    pub flow: Option<PortalFlow<'a>>,
}

/// One thing to do at the portal, after which it leads back.
#[derive(Clone, Copy, Debug)]
pub enum PortalFlow<'a> {
    /// Change the card.
    PaymentMethodUpdate,
    /// Cancel a subscription.
    SubscriptionCancel(&'a str),
    /// Change a subscription's plan.
    SubscriptionUpdate(&'a str),
}

#[derive(Deserialize)]
struct Created {
    url: PageUrl,
}

impl Stripe {
    /// Makes a portal page; answers its address, which is good for a short while.
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
                form.push(("flow_data[subscription_cancel][subscription]", subscription));
            }
            Some(PortalFlow::SubscriptionUpdate(subscription)) => {
                form.push(("flow_data[type]", "subscription_update"));
                form.push(("flow_data[subscription_update][subscription]", subscription));
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
