//! Webhook endpoints: `/v1/webhook_endpoints`, the receivers of events, and their signing secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::API_VERSION;
use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// An endpoint. While its secret is being rolled it has two, and both sign.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Endpoint {
    id: String,
    pub(super) url: String,
    pub(super) secrets: Vec<String>,
    enabled: bool,
    enabled_events: Vec<String>,
    description: Option<String>,
    api_version: Option<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
}

/// The objects whose events can be subscribed to. Stripe refuses unknown names of events.
const KNOWN: [&str; 22] = [
    "billing.",
    "charge.",
    "checkout.session.",
    "coupon.",
    "credit_note.",
    "customer.",
    "entitlements.",
    "invoice.",
    "invoice_payment.",
    "invoiceitem.",
    "payment_intent.",
    "payment_method.",
    "payout.",
    "plan.",
    "price.",
    "product.",
    "promotion_code.",
    "radar.",
    "refund.",
    "setup_intent.",
    "subscription_schedule.",
    "tax.",
];

impl Endpoint {
    /// Stripe's `webhook_endpoint`, without its secret.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": null,
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "livemode": false,
            "metadata": self.metadata,
            "status": if self.enabled { "enabled" } else { "disabled" },
            "url": self.url,
        })
    }

    fn takes(&self, kind: &str) -> bool {
        let asked = self.enabled_events.iter();
        self.enabled && asked.into_iter().any(|asked| asked == "*" || asked == kind)
    }

    /// Reads the parameters that may change.
    fn change(&mut self, form: &mut Form) -> Result<(), Error> {
        if let Some(url) = form.text("url", 2_048)? {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                let message = "Invalid URL: An explicit scheme (such as https) must be provided.";
                return Err(Error::param("url_invalid", "url", message));
            }
            self.url = url;
        }
        let events = form.list("enabled_events");
        if !events.is_empty() {
            let unknown = |event: &&String| {
                *event != "*" && !KNOWN.iter().any(|known| event.starts_with(known))
            };
            if let Some(event) = events.iter().find(unknown) {
                let message = format!("Invalid enabled_events: {event} is not an event");
                return Err(Error::param("parameter_invalid", "enabled_events", message));
            }
            self.enabled_events = events;
        }
        if let Some(description) = form.text("description", 5_000)? {
            self.description = Some(description).filter(|text| !text.is_empty());
        }
        if let Some(disabled) = form.truth("disabled")? {
            self.enabled = !disabled;
        }
        form.change_metadata("metadata", &mut self.metadata)
    }
}

impl State {
    /// Returns the ids of the endpoints for a type of event.
    pub(super) fn receivers(&self, kind: &str) -> Vec<String> {
        let endpoints = self.webhook_endpoints.values();
        endpoints
            .filter(|endpoint| endpoint.takes(kind))
            .map(|endpoint| endpoint.id.clone())
            .collect()
    }

    /// Returns the secrets of an endpoint or an event destination, newest first.
    pub(super) fn secrets(&mut self, id: &str) -> Option<&mut Vec<String>> {
        if let Some(endpoint) = self.webhook_endpoints.get_mut(id) {
            return Some(&mut endpoint.secrets);
        }
        let destination = self.event_destinations.get_mut(id);
        destination.map(|destination| &mut destination.secrets)
    }

    /// Adds a new secret to an endpoint or an event destination, or with `expire` removes the old one.
    pub(super) fn roll(&mut self, id: &str, expire: bool) -> Option<String> {
        let new = self.next_id("whsec_");
        let secrets = self.secrets(id)?;
        if expire {
            secrets.truncate(1);
        } else {
            secrets.insert(0, new);
            secrets.truncate(2);
        }
        secrets.first().cloned()
    }
}

/// `POST /v1/webhook_endpoints`. The secret is in this response only.
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let api_version = form.text("api_version", 100)?;
    if api_version
        .as_deref()
        .is_some_and(|version| version != API_VERSION)
    {
        let message = format!("Invalid API version: this fake sends {API_VERSION} only");
        return Err(Error::param("parameter_invalid", "api_version", message));
    }
    let mut endpoint = Endpoint {
        id: String::new(),
        url: String::new(),
        secrets: Vec::new(),
        enabled: true,
        enabled_events: Vec::new(),
        description: None,
        api_version,
        metadata: BTreeMap::new(),
        created: now,
    };
    endpoint.change(form)?;
    form.finish()?;
    if endpoint.url.is_empty() {
        return Err(Error::missing("url"));
    }
    if endpoint.enabled_events.is_empty() {
        return Err(Error::missing("enabled_events"));
    }
    endpoint.id = state.next_id("we_");
    endpoint.secrets.push(state.next_id("whsec_"));
    let mut created = endpoint.to_json();
    created["secret"] = endpoint.secrets[0].as_str().into();
    state
        .webhook_endpoints
        .insert(endpoint.id.clone(), endpoint);
    Ok(created)
}

/// `GET /v1/webhook_endpoints`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    form.finish()?;
    let all = state.webhook_endpoints.values().rev();
    page.of(
        "/v1/webhook_endpoints",
        all.map(Endpoint::to_json).collect(),
    )
}

/// `GET /v1/webhook_endpoints/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let endpoint = state.webhook_endpoints.get(id);
    let endpoint = endpoint.ok_or_else(|| Error::no_such("webhook endpoint", "id", id))?;
    Ok(endpoint.to_json())
}

/// `POST /v1/webhook_endpoints/{id}`
pub(super) fn update(state: &mut State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let endpoint = state.webhook_endpoints.get_mut(id);
    let endpoint = endpoint.ok_or_else(|| Error::no_such("webhook endpoint", "id", id))?;
    let mut changed = endpoint.clone();
    changed.change(form)?;
    form.finish()?;
    *endpoint = changed;
    Ok(endpoint.to_json())
}

/// `DELETE /v1/webhook_endpoints/{id}`
pub(super) fn delete(state: &mut State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let deleted = state.webhook_endpoints.remove(id);
    deleted.ok_or_else(|| Error::no_such("webhook endpoint", "id", id))?;
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}
