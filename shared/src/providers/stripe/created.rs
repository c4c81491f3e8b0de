//! Lists all objects of one kind created in a time range, page by page. For the operator: no function lists so much.
//! <https://docs.stripe.com/api/pagination>

use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{CheckoutSession, Error, Invoice, List, Stripe};

/// The number of objects per page: the most that Stripe allows.
const PAGE: u8 = 100;

/// A time range of creation, and the object after which the page begins.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The start, inclusive; whole seconds.
    pub from: Timestamp,
    /// The end, exclusive; whole seconds.
    pub before: Timestamp,
    /// The id of the last object of the previous page.
    pub after: Option<&'a str>,
}

impl Stripe {
    /// Complete Checkout Sessions, newest first.
    pub async fn complete_sessions(
        &self,
        made: Made<'_>,
        timeout: Duration,
    ) -> Result<List<CheckoutSession>, Error> {
        self.made("checkout/sessions", "&status=complete", made, timeout)
            .await
    }

    /// Paid invoices, newest first.
    pub async fn paid_invoices_of_all(
        &self,
        made: Made<'_>,
        timeout: Duration,
    ) -> Result<List<Invoice>, Error> {
        self.made("invoices", "&status=paid", made, timeout).await
    }

    pub(super) async fn made<T: DeserializeOwned>(
        &self,
        objects: &str,
        filter: &str,
        made: Made<'_>,
        timeout: Duration,
    ) -> Result<List<T>, Error> {
        let Made {
            from,
            before,
            after,
        } = made;
        let (from, before) = (from.as_second(), before.as_second());
        let after = after.map_or_else(String::new, |id| format!("&starting_after={id}"));
        let path = format!(
            "/v1/{objects}?created[gte]={from}&created[lt]={before}&limit={PAGE}{filter}{after}"
        );
        let page = self.read(&path, timeout).await?;
        Ok(page.unwrap_or_default())
    }
}
