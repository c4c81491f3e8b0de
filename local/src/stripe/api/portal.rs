//! Configurations of the customer portal: `/v1/billing_portal/configurations`.

use serde_json::{Map, Value, json};

use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Form, Result, Rule};

const KIND: &str = "portal_configurations";

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

/// Changes a configuration by the remaining parameters.
fn change(form: &mut Form, configuration: &mut Value) -> Result<()> {
    for (feature, more) in FEATURES {
        change_feature(form, &mut configuration["features"][feature], feature, more)?;
    }
    let rules = [
        ("active", Rule::Truth),
        ("default_return_url", Rule::Optional(5_000)),
        ("business_profile[headline]", Rule::Optional(60)),
        ("metadata", Rule::MetadataOrNull),
    ];
    form.change(configuration, &rules)?;
    form.finish()
}

/// Reads the parameters of a feature. If there are any, `enabled` is required.
fn change_feature(form: &mut Form, feature: &mut Value, name: &str, more: &[&str]) -> Result<()> {
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
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    if !call.form.has("features") {
        return Err(Error::missing("features"));
    }
    let off = FEATURES.map(|(feature, _)| (feature.to_owned(), json!({ "enabled": false })));
    let mut configuration = json!({
        "object": "billing_portal.configuration",
        "active": true,
        "application": null,
        "business_profile": {
            "headline": null,
            "privacy_policy_url": null,
            "terms_of_service_url": null,
        },
        "created": call.now,
        "default_return_url": null,
        "features": Map::from_iter(off),
        "is_default": false,
        "livemode": false,
        "login_page": { "enabled": false, "url": null },
        "metadata": null,
        "name": null,
        "updated": call.now,
    });
    change(&mut call.form, &mut configuration)?;
    configuration["id"] = state.next_id("bpc_").into();
    Ok(state.keep(KIND, configuration))
}

/// `POST /v1/billing_portal/configurations/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let mut configuration = state.object(KIND, id)?.clone();
    change(&mut call.form, &mut configuration)?;
    configuration["updated"] = call.now.into();
    Ok(state.keep(KIND, configuration))
}
