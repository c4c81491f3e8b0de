//! Maps failures of subscriptions and the portal to problems.

use http::StatusCode;

use super::Problem;
use crate::payments::{portal, subscription};

impl From<subscription::Error> for Problem {
    fn from(error: subscription::Error) -> Self {
        match error {
            subscription::Error::AccountNotFound => Self::account_not_found(),
            subscription::Error::Stripe(error) => error.into(),
            subscription::Error::Ledger(error) => error.into(),
            subscription::Error::Invoice(error) => error.into(),
        }
    }
}

impl From<portal::Error> for Problem {
    fn from(error: portal::Error) -> Self {
        match error {
            portal::Error::Invalid(invalid) => invalid.into(),
            portal::Error::NoCustomer => {
                let detail = "The account has bought nothing yet, so there is nothing to manage.";
                Self::new(StatusCode::CONFLICT, "no_customer", "No customer", detail)
            }
            portal::Error::NoSubscription => {
                let detail = "The account has no subscription that can be changed.";
                let title = "No subscription";
                Self::new(StatusCode::CONFLICT, "no_subscription", title, detail)
            }
            portal::Error::FlowUnavailable => {
                let detail = "The portal does not offer this flow for the subscription as it is, for example cancelling one that already ends. Open it without `flow`.";
                let title = "Flow unavailable";
                Self::new(StatusCode::CONFLICT, "flow_unavailable", title, detail)
                    .with("field", "flow")
            }
            portal::Error::Stripe(error) => error.into(),
            portal::Error::Subscription(error) => error.into(),
            portal::Error::Ledger(error) => error.into(),
        }
    }
}
