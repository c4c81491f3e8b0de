//! Configurations of the customer portal: `/v1/billing_portal/configurations`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A configuration.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PortalConfiguration {
    id: String,
    pub(super) active: bool,
    pub(super) default_return_url: Option<String>,
    pub(super) features: Value,
    headline: Option<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
    updated: i64,
}

/// The features, each with its parameters besides `enabled`.
const FEATURES: [(&str, &[&str]); 5] = [
    ("customer_update", &["allowed_updates"]),
    ("invoice_history", &[]),
    ("payment_method_update", &[]),
    ("subscription_cancel", &["mode", "proration_behavior"]),
    (
        "subscription_update",
        &["default_allowed_updates", "proration_behavior", "products"],
    ),
];

impl PortalConfiguration {
    /// Stripe's `billing_portal.configuration`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "billing_portal.configuration",
            "active": self.active,
            "application": null,
            "business_profile": {
                "headline": self.headline,
                "privacy_policy_url": null,
                "terms_of_service_url": null,
            },
            "created": self.created,
            "default_return_url": self.default_return_url,
            "features": self.features,
            "is_default": false,
            "livemode": false,
            "login_page": { "enabled": false, "url": null },
            // Null without metadata, as in Stripe's types.
            "metadata": (!self.metadata.is_empty()).then_some(&self.metadata),
            "name": null,
            "updated": self.updated,
        })
    }

    fn change(&mut self, form: &mut Form) -> Result<(), Error> {
        if let Some(active) = form.truth("active")? {
            self.active = active;
        }
        if let Some(url) = form.text("default_return_url", 5_000)? {
            self.default_return_url = Some(url).filter(|url| !url.is_empty());
        }
        if let Some(headline) = form.text("business_profile[headline]", 60)? {
            self.headline = Some(headline).filter(|text| !text.is_empty());
        }
        for (feature, more) in FEATURES {
            change_feature(form, &mut self.features[feature], feature, more)?;
        }
        form.change_metadata("metadata", &mut self.metadata)
    }
}

/// Reads the parameters of a feature. If there are any, `enabled` is required.
fn change_feature(
    form: &mut Form,
    feature: &mut Value,
    name: &str,
    more: &[&str],
) -> Result<(), Error> {
    let path = format!("features[{name}]");
    if !form.has(&path) {
        return Ok(());
    }
    let enabled = format!("{path}[enabled]");
    let enabled = form
        .truth(&enabled)?
        .ok_or_else(|| Error::missing(&enabled))?;
    let mut said = Map::from_iter([("enabled".to_owned(), enabled.into())]);
    for parameter in more {
        let path = format!("{path}[{parameter}]");
        match *parameter {
            "products" => {
                let mut products = Vec::new();
                for number in 0.. {
                    let path = format!("{path}[{number}]");
                    let Some(product) = form.text(&format!("{path}[product]"), 255)? else {
                        break;
                    };
                    let prices = form.list(&format!("{path}[prices]"));
                    products.push(json!({ "product": product, "prices": prices }));
                }
                said.insert("products".to_owned(), products.into());
            }
            "allowed_updates" | "default_allowed_updates" => {
                said.insert((*parameter).to_owned(), form.list(&path).into());
            }
            _ => {
                said.insert((*parameter).to_owned(), form.text(&path, 100)?.into());
            }
        }
    }
    *feature = said.into();
    Ok(())
}

/// `POST /v1/billing_portal/configurations`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    if !form.has("features") {
        return Err(Error::missing("features"));
    }
    let off = FEATURES.map(|(feature, _)| (feature.to_owned(), json!({ "enabled": false })));
    let mut configuration = PortalConfiguration {
        id: String::new(),
        active: true,
        default_return_url: None,
        features: Value::Object(off.into_iter().collect()),
        headline: None,
        metadata: BTreeMap::new(),
        created: now,
        updated: now,
    };
    configuration.change(form)?;
    form.finish()?;
    configuration.id = state.next_id("bpc_");
    let created = configuration.to_json();
    state
        .portal_configurations
        .insert(configuration.id.clone(), configuration);
    Ok(created)
}

/// `GET /v1/billing_portal/configurations`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let active = form.truth("active")?;
    let default = form.truth("is_default")?;
    form.finish()?;
    let all = state.portal_configurations.values().rev();
    let matching = all.filter(|known| {
        active.is_none_or(|active| active == known.active) && default != Some(true)
    });
    let found = matching.map(PortalConfiguration::to_json).collect();
    page.of("/v1/billing_portal/configurations", found)
}

/// `GET /v1/billing_portal/configurations/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let known = state.portal_configurations.get(id);
    let known = known.ok_or_else(|| Error::no_such("configuration", "id", id))?;
    Ok(known.to_json())
}

/// `POST /v1/billing_portal/configurations/{id}`
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let known = state.portal_configurations.get_mut(id);
    let known = known.ok_or_else(|| Error::no_such("configuration", "id", id))?;
    let mut changed = known.clone();
    changed.change(form)?;
    form.finish()?;
    changed.updated = now;
    *known = changed;
    Ok(known.to_json())
}
