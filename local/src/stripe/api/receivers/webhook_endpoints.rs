//! Webhook endpoints: `/v1/webhook_endpoints`, the receivers of events, and their signing secrets.
//!
//! While its secret is being rolled an endpoint has two, and both sign.

use serde_json::{Value, json};

use crate::stripe::state::State;
use crate::stripe::wire::{API_VERSION, Call, Error, Form, Result, Rule};

const KIND: &str = "webhook_endpoints";

/// The objects whose events can be subscribed to. Stripe refuses unknown names of events.
const KNOWN: &str = "\
    billing. charge. checkout.session. coupon. credit_note. customer. entitlements. invoice. \
    invoice_payment. invoiceitem. payment_intent. payment_method. payout. plan. price. product. \
    promotion_code. radar. refund. setup_intent. subscription_schedule. tax.";

/// Changes an endpoint by the remaining parameters.
fn change(form: &mut Form, endpoint: &mut Value) -> Result<()> {
    form.change(endpoint, &[("url", Rule::Text(2_048))])?;
    if endpoint["url"].as_str().is_some_and(|url| !is_url(url)) {
        let message = "Invalid URL: An explicit scheme (such as https) must be provided.";
        return Err(Error::param("url_invalid", "url", message));
    }
    let events = form.list("enabled_events");
    if !events.is_empty() {
        let known =
            |event: &str| event == "*" || KNOWN.split(' ').any(|known| event.starts_with(known));
        if let Some(event) = events.iter().find(|event| !known(event)) {
            let message = format!("Invalid enabled_events: {event} is not an event");
            return Err(Error::param("parameter_invalid", "enabled_events", message));
        }
        endpoint["enabled_events"] = events.into();
    }
    form.change(endpoint, &[("description", Rule::Optional(5_000))])?;
    if let Some(disabled) = form.truth("disabled")? {
        endpoint["status"] = if disabled { "disabled" } else { "enabled" }.into();
    }
    form.change(endpoint, &[("metadata", Rule::Metadata)])?;
    form.finish()
}

/// Returns whether a text is a URL with a scheme.
pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// `POST /v1/webhook_endpoints`. The secret is in this response only.
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let api_version = form.text("api_version", 100)?;
    if api_version
        .as_ref()
        .is_some_and(|version| version != API_VERSION)
    {
        let message = format!("Invalid API version: this fake sends {API_VERSION} only");
        return Err(Error::param("parameter_invalid", "api_version", message));
    }
    let mut endpoint = json!({
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": null,
        "created": call.now,
        "description": null,
        "enabled_events": [],
        "livemode": false,
        "metadata": {},
        "status": "enabled",
        "url": null,
    });
    change(form, &mut endpoint)?;
    for required in ["url", "enabled_events"] {
        if endpoint[required].is_null() || endpoint[required] == json!([]) {
            return Err(Error::missing(required));
        }
    }
    endpoint["id"] = state.next_id("we_").into();
    let secret = state.next_id("whsec_");
    endpoint["_secrets"] = json!([secret]);
    let mut created = state.keep(KIND, endpoint);
    created["secret"] = secret.into();
    Ok(created)
}

/// `POST /v1/webhook_endpoints/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let mut endpoint = state.object(KIND, id)?.clone();
    change(&mut call.form, &mut endpoint)?;
    Ok(state.keep(KIND, endpoint))
}

/// `DELETE /v1/webhook_endpoints/{id}`
pub(crate) fn delete(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    state.object(KIND, id)?;
    state.objects.remove(KIND, id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}
