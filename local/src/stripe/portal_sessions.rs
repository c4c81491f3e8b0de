//! Sessions of the customer portal: `/v1/billing_portal/sessions`, links for one customer.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customers::Customer;
use super::error::Error;
use super::form::Form;
use super::state::State;
use super::subscriptions::Subscription;

/// The lifetime of a link, in seconds.
const OPEN_SECONDS: i64 = 60 * 60;

/// A session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PortalSession {
    pub(super) id: String,
    pub(super) customer: String,
    pub(super) configuration: String,
    pub(super) return_url: Option<String>,
    pub(super) flow: Option<Flow>,
    url: String,
    locale: Option<String>,
    created: i64,
}

/// The only action that a link is for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Flow {
    pub(super) kind: String,
    pub(super) subscription: Option<String>,
    after_completion: String,
    /// The redirect after the action.
    pub(super) redirect: Option<String>,
    pub(super) done: bool,
}

/// The flows, each with the feature that the configuration must enable.
const FLOWS: [(&str, &str); 3] = [
    ("payment_method_update", "payment_method_update"),
    ("subscription_cancel", "subscription_cancel"),
    ("subscription_update", "subscription_update"),
];

impl Flow {
    fn to_json(&self) -> Value {
        let of = |kind: &str| {
            let own = self.subscription.as_ref().filter(|_| self.kind == kind);
            own.map(|id| json!({ "subscription": id }))
        };
        let mut cancel = of("subscription_cancel");
        if let Some(cancel) = &mut cancel {
            cancel["retention"] = Value::Null;
        }
        let redirect = self.redirect.as_ref();
        json!({
            "type": self.kind,
            "after_completion": {
                "type": self.after_completion,
                "hosted_confirmation": (self.after_completion == "hosted_confirmation")
                    .then(|| json!({ "custom_message": null })),
                "redirect": redirect.map(|url| json!({ "return_url": url })),
            },
            "subscription_cancel": cancel,
            "subscription_update": of("subscription_update"),
            "subscription_update_confirm": null,
        })
    }
}

impl PortalSession {
    /// Returns whether its link still works.
    pub(super) fn is_open(&self, now: i64) -> bool {
        now - self.created < OPEN_SECONDS
    }

    /// Returns the flow of the link, until it is done.
    pub(super) fn open_flow(&self) -> Option<&Flow> {
        self.flow.as_ref().filter(|flow| !flow.done)
    }

    /// Stripe's `billing_portal.session`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "billing_portal.session",
            "after_expiration": null,
            "configuration": self.configuration,
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "flow": self.flow.as_ref().map(Flow::to_json),
            "livemode": false,
            "locale": self.locale,
            "on_behalf_of": null,
            "return_url": self.return_url,
            "url": self.url,
        })
    }
}

/// `POST /v1/billing_portal/sessions`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let customer = form.required("customer", 255)?;
    let return_url = form.text("return_url", 5_000)?;
    let configuration = form.text("configuration", 255)?;
    let locale = form.text("locale", 20)?;
    let there = state.customers.get(&customer);
    if !there.is_some_and(Customer::is_there) {
        return Err(Error::no_such("customer", "customer", &customer));
    }
    let Some(configuration) = configuration else {
        let message = "No configuration provided and your test mode default configuration has not \
             been created. Provide a configuration or create your default by saving your customer \
             portal settings in test mode at \
             https://dashboard.stripe.com/test/settings/billing/portal.";
        return Err(Error::invalid(message).executed());
    };
    let known = state.portal_configurations.get(&configuration);
    let known = known.filter(|known| known.active);
    let known =
        known.ok_or_else(|| Error::no_such("configuration", "configuration", &configuration))?;
    let features = known.features.clone();
    let default_return_url = known.default_return_url.clone();
    let flow = flow(state, form, &features, &customer)?;
    form.finish()?;
    let id = state.next_id("bps_");
    let session = PortalSession {
        url: format!("{}/p/session/{id}", state.base),
        id,
        customer,
        configuration,
        return_url: return_url.or(default_return_url),
        flow,
        locale,
        created: now,
    };
    let created = session.to_json();
    state.portal_sessions.insert(session.id.clone(), session);
    Ok(created)
}

fn flow(
    state: &State,
    form: &mut Form,
    features: &Value,
    customer: &str,
) -> Result<Option<Flow>, Error> {
    if !form.has("flow_data") {
        return Ok(None);
    }
    let kind = form.word("flow_data[type]", &FLOWS.map(|(kind, _)| kind))?;
    let kind = kind.ok_or_else(|| Error::missing("flow_data[type]"))?;
    let feature = FLOWS.iter().find(|(known, _)| *known == kind);
    if feature.is_none_or(|(_, feature)| features[feature]["enabled"] != true) {
        let message = format!(
            "This feature in the portal configuration is disabled. To use the flow `{kind}`, \
             enable it in the configuration."
        );
        return Err(Error::param("parameter_invalid", "flow_data[type]", message).executed());
    }
    let subscription = if kind == "payment_method_update" {
        None
    } else {
        let param = format!("flow_data[{kind}][subscription]");
        let id = form.required(&param, 255)?;
        let known = state.subscriptions.get(&id);
        let own = known.filter(|known| known.customer.as_deref() == Some(customer));
        let own = own.ok_or_else(|| Error::no_such("subscription", &param, &id))?;
        refuse_ended(own, kind, &param)?;
        Some(id)
    };
    let after = "flow_data[after_completion]";
    let after_completion = form.word(
        &format!("{after}[type]"),
        &["hosted_confirmation", "portal_homepage", "redirect"],
    )?;
    let redirect = if after_completion == Some("redirect") {
        Some(form.required(&format!("{after}[redirect][return_url]"), 5_000)?)
    } else {
        None
    };
    Ok(Some(Flow {
        kind: kind.to_owned(),
        subscription,
        after_completion: after_completion.unwrap_or("portal_homepage").to_owned(),
        redirect,
        done: false,
    }))
}

/// Refuses a flow for a subscription that has ended, or a cancel flow for one that is already set to be cancelled.
fn refuse_ended(subscription: &Subscription, kind: &str, param: &str) -> Result<(), Error> {
    let cancels = kind == "subscription_cancel";
    let reason = if subscription.has_ended() {
        format!("it is {}", subscription.status)
    } else if cancels && subscription.cancel_at.is_some() {
        "it is already set to be canceled".to_owned()
    } else {
        return Ok(());
    };
    let verb = if cancels { "canceled" } else { "updated" };
    let message = format!(
        "The subscription `{}` cannot be {verb} because {reason}.",
        subscription.id
    );
    Err(Error::param("parameter_invalid", param, message).executed())
}
