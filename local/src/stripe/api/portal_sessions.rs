//! Sessions of the customer portal: `/v1/billing_portal/sessions`, links for one customer.

use serde_json::{Value, json};

use crate::stripe::objects::Subscription;
use crate::stripe::state::{Kind, State};
use crate::stripe::wire::{Call, Error, Form, Result};

/// The flows, each enabled by the feature of the same name.
const FLOWS: [&str; 3] = [
    "payment_method_update",
    "subscription_cancel",
    "subscription_update",
];

/// `POST /v1/billing_portal/sessions`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let customer = form.required("customer", 255)?;
    let return_url = form.text("return_url", 5_000)?;
    let configuration = form.text("configuration", 255)?;
    let locale = form.text("locale", 20)?;
    state.customer("customer", &customer)?;
    let Some(configuration) = configuration else {
        let message = "No configuration provided and your test mode default configuration has not \
             been created. Provide a configuration or create your default by saving your customer \
             portal settings in test mode at \
             https://dashboard.stripe.com/test/settings/billing/portal.";
        return Err(Error::invalid(message).executed());
    };
    let kind = "portal_configurations";
    let known = state.objects.get(kind, &configuration);
    let known = known.filter(|known| known["active"] == true).cloned();
    let known = known.ok_or_else(|| Kind::no_such(kind, "configuration", &configuration))?;
    let flow = flow(state, form, &known["features"], &customer)?;
    form.finish()?;
    let id = state.next_id("bps_");
    let session = json!({
        "id": id,
        "object": "billing_portal.session",
        "after_expiration": null,
        "configuration": configuration,
        "created": call.now,
        "customer": customer,
        "customer_account": null,
        "flow": flow,
        "livemode": false,
        "locale": locale,
        "on_behalf_of": null,
        "return_url": return_url.map_or(known["default_return_url"].clone(), Value::from),
        "url": format!("{}/p/session/{id}", state.base),
        "_done": false,
    });
    Ok(state.keep("portal_sessions", session))
}

fn flow(state: &State, form: &mut Form, features: &Value, customer: &str) -> Result<Option<Value>> {
    if !form.has("flow_data") {
        return Ok(None);
    }
    let kind = form.required_word("flow_data[type]", &FLOWS)?;
    if features[kind]["enabled"] != true {
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
    let after_completion = after_completion.unwrap_or("portal_homepage");
    let of = |flow: &str| {
        let own = subscription.as_ref().filter(|_| kind == flow);
        own.map(|id| json!({ "subscription": id }))
    };
    let mut cancel = of("subscription_cancel");
    if let Some(cancel) = &mut cancel {
        cancel["retention"] = Value::Null;
    }
    Ok(Some(json!({
        "type": kind,
        "after_completion": {
            "type": after_completion,
            "hosted_confirmation": (after_completion == "hosted_confirmation")
                .then(|| json!({ "custom_message": null })),
            "redirect": redirect.map(|url| json!({ "return_url": url })),
        },
        "subscription_cancel": cancel,
        "subscription_update": of("subscription_update"),
        "subscription_update_confirm": null,
    })))
}

/// Refuses a flow for a subscription that has ended. Also refuses a cancel flow for one that is already set to be
/// cancelled.
fn refuse_ended(subscription: &Subscription, kind: &str, param: &str) -> Result<()> {
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
