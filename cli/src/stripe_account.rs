//! The objects that a deployment needs in a Stripe account: finds, creates and changes them.

mod charging;
mod destination;
mod objects;
mod tax;

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::pricing::price_id::PriceId;
use shared::providers::stripe::{self, METER_EVENT_NAME, Stripe};
use shared::words::id::fingerprint;

pub use charging::Charging;
pub(crate) use destination::{DESTINATIONS, Destination, THIN_EVENTS};
use objects::is_of_stage;
pub(crate) use objects::{EVENTS, Endpoint, Meter, PortalConfiguration, Price, Product};
pub(crate) use tax::TaxSettings;

/// Timeout of one call to Stripe.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum number of times that an object deleted within a day is created again.
const MAX_TIMES_DELETED: u32 = 10;

/// Maximum number of times that a change undone within a day is repeated.
const MAX_TIMES_UNDONE: u32 = 10;

/// The metadata key for the deployment to which an object belongs.
pub(crate) const STAGE: &str = "sparks_stage";

/// A Stripe account, as far as a deployment is concerned.
pub(crate) struct StripeAccount {
    stripe: Stripe,
    stage: String,
}

/// Body of a POST. It is a form to version 1 of the API, JSON to version 2.
pub(crate) enum Body<'a> {
    Form(&'a [(&'a str, &'a str)]),
    Json(&'a Value),
}

#[derive(Deserialize)]
struct List {
    data: Vec<Value>,
    has_more: bool,
}

impl StripeAccount {
    pub(crate) fn new(stripe: Stripe, stage: String) -> Self {
        Self { stripe, stage }
    }

    pub(crate) fn stage(&self) -> &str {
        &self.stage
    }

    pub(crate) fn livemode(&self) -> bool {
        self.stripe.livemode()
    }

    /// Returns the time at Stripe.
    pub(crate) async fn time(&self) -> Result<Option<Timestamp>, stripe::Error> {
        self.stripe.time(CALL_TIMEOUT).await
    }

    /// Returns the name of an item at Stripe. It is the id of its product and the lookup key of its price.
    pub(crate) fn name(&self, item: &str) -> String {
        format!("sparks_{}_{item}", self.stage)
    }

    pub(crate) async fn product(&self, item: &str) -> Result<Option<Product>, stripe::Error> {
        let path = format!("/v1/products/{}", self.name(item));
        self.stripe.read(&path, CALL_TIMEOUT).await
    }

    /// Returns the price with the lookup key of an item.
    pub(crate) async fn price_of(&self, item: &str) -> Result<Option<Price>, stripe::Error> {
        let query = format!("lookup_keys[]={}", self.name(item));
        let found: Vec<Price> = self.all("/v1/prices", &query).await?;
        Ok(found.into_iter().next())
    }

    /// Returns the price with this id.
    pub(crate) async fn price(&self, id: &PriceId) -> Result<Option<Price>, stripe::Error> {
        let path = format!("/v1/prices/{id}");
        self.stripe.read(&path, CALL_TIMEOUT).await
    }

    /// Returns the meter for usage.
    pub(crate) async fn meter(&self) -> Result<Option<Meter>, stripe::Error> {
        let meters: Vec<Meter> = self.all("/v1/billing/meters", "").await?;
        let ours = |meter: &Meter| meter.event_name == METER_EVENT_NAME;
        Ok(meters.into_iter().find(ours))
    }

    /// Returns the webhook endpoints of this deployment.
    pub(crate) async fn endpoints(&self) -> Result<Vec<Endpoint>, stripe::Error> {
        let all: Vec<Endpoint> = self.all("/v1/webhook_endpoints", "").await?;
        let ours = |endpoint: &Endpoint| is_of_stage(endpoint.metadata.as_ref(), &self.stage);
        Ok(all.into_iter().filter(ours).collect())
    }

    /// Returns the configuration of the customer portal for this deployment.
    pub(crate) async fn portal_configuration(
        &self,
    ) -> Result<Option<PortalConfiguration>, stripe::Error> {
        let path = "/v1/billing_portal/configurations";
        let all: Vec<PortalConfiguration> = self.all(path, "active=true").await?;
        let ours = |known: &PortalConfiguration| is_of_stage(known.metadata.as_ref(), &self.stage);
        Ok(all.into_iter().find(ours))
    }

    /// Creates an object. Concurrent calls create one; an object that was deleted is created again.
    ///
    /// Within a day, Stripe replays its response to the same key, even if the object is deleted by now.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        what: &str,
    ) -> Result<T, stripe::Error> {
        self.create_with(&Body::Form(form), path, what).await
    }

    /// Like [`Self::create`], with a body of either version of the API.
    pub(crate) async fn create_with<T: DeserializeOwned>(
        &self,
        body: &Body<'_>,
        path: &str,
        what: &str,
    ) -> Result<T, stripe::Error> {
        let mut key = format!("setup:{}:{what}", self.stage);
        let mut times_deleted = 0;
        loop {
            let made: Value = self.make(path, body, &key).await?;
            let id = made["id"].as_str().unwrap_or_default().to_owned();
            let there: Option<Value> = self
                .stripe
                .read(&format!("{path}/{id}"), CALL_TIMEOUT)
                .await?;
            if there.is_some() || times_deleted == MAX_TIMES_DELETED {
                return serde_json::from_value(made).map_err(shape);
            }
            times_deleted += 1;
            key = format!("setup:{}:{what}:{times_deleted}", self.stage);
        }
    }

    /// Changes the object at `path` until `is_so` holds. Each change is a POST to `path` followed by `action`.
    ///
    /// If the same change was made and undone within the day, Stripe replays its response to the key, and the next key
    /// is needed.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        path: &str,
        action: &str,
        form: &[(&str, &str)],
        is_so: impl Fn(&T) -> bool,
    ) -> Result<T, stripe::Error> {
        let parts: Vec<&str> = form
            .iter()
            .flat_map(|(name, value)| [*name, value])
            .collect();
        let what = fingerprint(&parts);
        let target = format!("{path}{action}");
        self.change_with(&Body::Form(form), (path, &target), &what, is_so)
            .await
    }

    /// Like [`Self::change`], with a body of either version of the API. Reads the first path, and posts to the second.
    pub(crate) async fn change_with<T: DeserializeOwned>(
        &self,
        body: &Body<'_>,
        (path, target): (&str, &str),
        what: &str,
        is_so: impl Fn(&T) -> bool,
    ) -> Result<T, stripe::Error> {
        for time in 0..MAX_TIMES_UNDONE {
            let key = format!("setup:{}:{target}:{what}:{time}", self.stage);
            let _: Value = self.make(target, body, &key).await?;
            let changed = self.stripe.read(path, CALL_TIMEOUT).await?;
            if let Some(changed) = changed.filter(&is_so) {
                return Ok(changed);
            }
        }
        Err(stripe::Error::Unconfirmed(stripe::Cause::Stored(
            StatusCode::OK,
        )))
    }

    async fn make(&self, path: &str, body: &Body<'_>, key: &str) -> Result<Value, stripe::Error> {
        match body {
            Body::Form(form) => self.stripe.make(path, form, key, CALL_TIMEOUT).await,
            Body::Json(body) => self.stripe.make_json(path, body, key, CALL_TIMEOUT).await,
        }
    }

    /// Returns every object of a list, over all its pages.
    async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Vec<T>, stripe::Error> {
        let mut found: Vec<Value> = Vec::new();
        loop {
            let mut page = format!("{path}?limit=100&{query}");
            if let Some(id) = found.last().and_then(|last| last["id"].as_str()) {
                page = format!("{page}&starting_after={id}");
            }
            let page = page.trim_end_matches('&').to_owned();
            let Some(list) = self.stripe.read::<List>(&page, CALL_TIMEOUT).await? else {
                break;
            };
            let more = list.has_more && !list.data.is_empty();
            found.extend(list.data);
            if !more {
                break;
            }
        }
        let found = found.into_iter().map(serde_json::from_value);
        found.collect::<Result<_, _>>().map_err(shape)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn shape(error: serde_json::Error) -> stripe::Error {
    stripe::Error::Unconfirmed(stripe::Cause::shape(&error))
}
