//! `sparks stripe-setup`: creates what a deployment needs in a Stripe account. A second run changes nothing.

mod destination;

use std::collections::BTreeMap;

use serde_json::json;
use shared::pricing::catalog::{CURRENCY, Kind, OFFERS, Offer};
use shared::providers::stripe::{API_VERSION, METER_EVENT_NAME};
use shared::words::id::fingerprint;

use crate::stripe_account::{
    EVENTS, Endpoint, Meter, PortalConfiguration, Price, Product, STAGE, StripeAccount, TaxSettings,
};
use crate::{Console, Error};

/// URLs for webhooks and for visitors who leave the portal.
pub(crate) struct Addresses {
    pub(crate) webhooks: Option<String>,
    pub(crate) portal_return: Option<String>,
}

/// A setup in progress, with the changes made so far.
struct SetUp<'a> {
    account: StripeAccount,
    addresses: &'a Addresses,
    /// Descriptions of the changes.
    changes: Vec<String>,
}

pub(crate) async fn run(console: &mut Console<'_>, addresses: &Addresses) -> Result<(), Error> {
    let mut setup = SetUp {
        account: StripeAccount::new(console.stripe()?, console.environment.stage()?),
        addresses,
        changes: Vec::new(),
    };
    // First: if the meter had a price, everything else would only help to charge twice.
    let meter = setup.meter().await?;
    if console.environment.automatic_tax()? {
        setup.tax().await?;
    }
    let mut price_ids = BTreeMap::new();
    for offer in &OFFERS {
        setup.product(offer).await?;
        price_ids.insert(offer.item, setup.price(offer).await?);
    }
    let portal = setup.portal(&price_ids).await?;
    // Last, since Stripe shows their secrets once.
    let endpoint = setup.endpoint().await?;
    let destination = match setup.destination().await {
        Ok(destination) => destination,
        Err(error) => {
            let made = endpoint.and_then(|endpoint| endpoint.secret);
            keep_secret(console, made.as_deref())?;
            return Err(error);
        }
    };

    let livemode = setup.account.livemode();
    let (id, secret) = match &endpoint {
        Some(endpoint) => (Some(&endpoint.id), endpoint.secret.as_ref()),
        None => (None, None),
    };
    let destination_secret = destination.as_ref().and_then(|made| made.secret());
    let destination = destination.as_ref().map(|made| &made.id);
    if console.json {
        let made = json!({
            "livemode": livemode, "price_ids": price_ids, "meter": meter, "webhook_endpoint": id,
            "webhook_secret": secret, "event_destination": destination,
            "event_destination_secret": destination_secret, "portal_configuration": portal,
            "changes": setup.changes,
        });
        writeln!(console.out, "{made}")?;
        return Ok(());
    }
    let secrets: Vec<&str> = [secret, destination_secret]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    print(console, &setup, &price_ids, &portal, &secrets)
}

/// Prints what was changed, and the variables of the functions.
fn print(
    console: &mut Console<'_>,
    setup: &SetUp<'_>,
    price_ids: &BTreeMap<&str, String>,
    portal: &str,
    secrets: &[&str],
) -> Result<(), Error> {
    let livemode = setup.account.livemode();
    let mode = if livemode { "live mode" } else { "test mode" };
    writeln!(console.out, "Stripe is set up, in {mode}.")?;
    if setup.changes.is_empty() {
        writeln!(console.out, "Nothing had to be changed.")?;
    }
    for change in &setup.changes {
        writeln!(console.out, "- {change}")?;
    }
    let price_ids = price_ids.iter().map(|(item, id)| format!("{item}={id}"));
    let price_ids = price_ids.collect::<Vec<_>>().join(",");
    writeln!(console.out)?;
    writeln!(console.out, "STRIPE_PRICE_IDS={price_ids}")?;
    writeln!(console.out, "STRIPE_PORTAL_CONFIGURATION={portal}")?;
    if !secrets.is_empty() {
        writeln!(console.out, "STRIPE_WEBHOOK_SECRETS={}", secrets.join(","))?;
        let note = "Stripe shows these secrets only once: add them to those that you have already.";
        writeln!(console.notes, "{note}")?;
    }
    Ok(())
}

/// Prints a secret that Stripe does not show again, although a later step failed.
fn keep_secret(console: &mut Console<'_>, secret: Option<&str>) -> Result<(), Error> {
    let Some(secret) = secret else {
        return Ok(());
    };
    if console.json {
        writeln!(console.out, "{}", json!({ "webhook_secret": secret }))?;
    } else {
        writeln!(console.out, "STRIPE_WEBHOOK_SECRETS={secret}")?;
    }
    Ok(())
}

impl SetUp<'_> {
    /// Creates or reactivates the meter for usage. It must have no price, because Sparks are prepaid.
    async fn meter(&mut self) -> Result<String, Error> {
        let Some(meter) = self.account.meter().await? else {
            let form = [
                ("display_name", "Sparks used"),
                ("event_name", METER_EVENT_NAME),
                ("default_aggregation[formula]", "sum"),
                ("customer_mapping[type]", "by_id"),
                ("customer_mapping[event_payload_key]", "stripe_customer_id"),
                ("value_settings[event_payload_key]", "value"),
            ];
            let path = "/v1/billing/meters";
            let made: Meter = self.account.create(path, &form, "meter").await?;
            self.changes.push(format!("created the meter {}", made.id));
            return Ok(made.id);
        };
        if !meter.counts_sparks() {
            return Err(Error::OtherMeter(meter.id));
        }
        if let Some(price) = self.account.charging_for(&meter).await? {
            let meter = meter.id;
            return Err(Error::PricedMeter { meter, price });
        }
        if !meter.is_active() {
            let path = format!("/v1/billing/meters/{}", meter.id);
            let account = &self.account;
            account
                .change(&path, "/reactivate", &[], Meter::is_active)
                .await?;
            self.changes
                .push(format!("reactivated the meter {}", meter.id));
        }
        Ok(meter.id)
    }

    /// Sets the default tax behaviour, unless there is one. Without it, Stripe refuses every checkout with taxes.
    async fn tax(&mut self) -> Result<(), Error> {
        if self.account.tax_settings().await?.behavior().is_some() {
            return Ok(());
        }
        let form = [("defaults[tax_behavior]", "exclusive")];
        let path = "/v1/tax/settings";
        let is_so = |settings: &TaxSettings| settings.behavior().is_some();
        self.account.change(path, "", &form, is_so).await?;
        let change = "set taxes to exclusive by default: they are added to the prices";
        self.changes.push(change.to_owned());
        Ok(())
    }

    async fn product(&mut self, offer: &Offer) -> Result<(), Error> {
        let id = self.account.name(offer.item);
        let stage = self.account.stage().to_owned();
        match self.account.product(offer.item).await? {
            None => {
                let form = [
                    ("id", id.as_str()),
                    ("name", offer.name),
                    ("metadata[sparks_item]", offer.item),
                    ("metadata[sparks_stage]", &stage),
                ];
                let what = format!("product:{}:{}", offer.item, offer.name);
                let _: Product = self.account.create("/v1/products", &form, &what).await?;
                self.changes.push(format!("created the product {id}"));
            }
            Some(product) if !product.is_of(offer) => {
                let form = [("name", offer.name), ("active", "true")];
                let path = format!("/v1/products/{}", product.id);
                let is_so = |product: &Product| product.is_of(offer);
                self.account.change(&path, "", &form, is_so).await?;
                self.changes.push(format!("changed the product {id}"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Finds or creates the price of an offer. The amount of a price cannot change, so a new amount is a new price.
    async fn price(&mut self, offer: &Offer) -> Result<String, Error> {
        let found = self.account.price_of(offer.item).await?;
        let old = match found {
            Some(price) if price.is_of(offer) => return Ok(price.id),
            Some(price) => price.id,
            None => "none".to_owned(),
        };
        let name = self.account.name(offer.item);
        let (amount, stage) = (
            offer.price_cents.to_string(),
            self.account.stage().to_owned(),
        );
        let mut form = vec![
            ("product", name.as_str()),
            ("currency", CURRENCY.as_str()),
            ("unit_amount", amount.as_str()),
            ("lookup_key", &name),
            ("transfer_lookup_key", "true"),
            ("metadata[sparks_item]", offer.item),
            ("metadata[sparks_stage]", &stage),
        ];
        if offer.kind == Kind::Plan {
            form.push(("recurring[interval]", "month"));
        }
        let what = format!("price:{}:{CURRENCY}:{amount}:{old}", offer.item);
        let made: Price = self.account.create("/v1/prices", &form, &what).await?;
        self.changes
            .push(format!("created the price {} of {}", made.id, offer.item));
        Ok(made.id)
    }

    /// Creates or updates the endpoint of the pinned API version. One of another version is left to the operator.
    async fn endpoint(&mut self) -> Result<Option<Endpoint>, Error> {
        let endpoints = self.account.endpoints().await?;
        let is_current = |endpoint: &Endpoint| endpoint.api_version.as_deref() == Some(API_VERSION);
        for old in endpoints.iter().filter(|endpoint| !is_current(endpoint)) {
            self.changes.push(format!(
                "left the endpoint {} of another API version: delete it once the new secret is deployed",
                old.id
            ));
        }
        let current = endpoints.into_iter().find(is_current);
        let Some(url) = &self.addresses.webhooks else {
            return Ok(current);
        };
        let stage = self.account.stage().to_owned();
        let mut form: Vec<(&str, &str)> = vec![("url", url)];
        form.extend(EVENTS.map(|event| ("enabled_events[]", event)));
        let Some(current) = current else {
            form.extend([
                ("api_version", API_VERSION),
                ("description", "Sparks"),
                ("metadata[sparks_stage]", &stage),
            ]);
            let what = format!("endpoint:{API_VERSION}:{url}:{}", EVENTS.len());
            let path = "/v1/webhook_endpoints";
            let made: Endpoint = self.account.create(path, &form, &what).await?;
            self.changes
                .push(format!("created the endpoint {}", made.id));
            return Ok(Some(made));
        };
        if current.serves(url) {
            return Ok(Some(current));
        }
        form.push(("disabled", "false"));
        let path = format!("/v1/webhook_endpoints/{}", current.id);
        let is_so = |endpoint: &Endpoint| endpoint.serves(url);
        let changed = self.account.change(&path, "", &form, is_so).await?;
        self.changes
            .push(format!("changed the endpoint {}", changed.id));
        Ok(Some(changed))
    }

    /// Creates or updates the portal's configuration. Its metadata has its terms, so that a change is detected.
    async fn portal(&mut self, price_ids: &BTreeMap<&str, String>) -> Result<String, Error> {
        let stage = self.account.stage().to_owned();
        let plans: Vec<(String, String)> = OFFERS
            .iter()
            .filter(|offer| offer.kind == Kind::Plan)
            .map(|offer| (self.account.name(offer.item), price_ids[offer.item].clone()))
            .collect();
        let mut form: Vec<(String, String)> = [
            ("features[invoice_history][enabled]", "true"),
            ("features[payment_method_update][enabled]", "true"),
            ("features[subscription_cancel][enabled]", "true"),
            ("features[subscription_cancel][mode]", "at_period_end"),
            ("features[subscription_update][enabled]", "true"),
            (
                "features[subscription_update][default_allowed_updates][]",
                "price",
            ),
            ("features[subscription_update][proration_behavior]", "none"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (number, (product, price)) in plans.into_iter().enumerate() {
            let path = format!("features[subscription_update][products][{number}]");
            form.push((format!("{path}[product]"), product));
            form.push((format!("{path}[prices][]"), price));
        }
        if let Some(url) = &self.addresses.portal_return {
            form.push(("default_return_url".to_owned(), url.clone()));
        }
        let parts: Vec<&str> = form
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value])
            .collect();
        let terms = fingerprint(&parts);
        form.push((format!("metadata[{STAGE}]"), stage));
        form.push(("metadata[sparks_terms]".to_owned(), terms.clone()));
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();

        let path = "/v1/billing_portal/configurations";
        match self.account.portal_configuration().await? {
            None => {
                let what = format!("portal:{terms}");
                let made: PortalConfiguration = self.account.create(path, &form, &what).await?;
                self.changes
                    .push(format!("created the portal configuration {}", made.id));
                Ok(made.id)
            }
            Some(known) if known.has(&terms) => Ok(known.id),
            Some(known) => {
                let path = format!("{path}/{}", known.id);
                let is_so = |known: &PortalConfiguration| known.has(&terms);
                self.account.change(&path, "", &form, is_so).await?;
                self.changes
                    .push(format!("changed the portal configuration {}", known.id));
                Ok(known.id)
            }
        }
    }
}
